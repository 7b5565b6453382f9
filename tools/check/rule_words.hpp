// SPDX-License-Identifier: MIT
// The rules and causes of model::Checker in words.
#pragma once

#include <twofold/model/rule.hpp>

#include <string_view>

namespace twofold::tool {

std::string_view rule_words(model::Rule rule);
std::string_view cause_words(model::Cause cause);

} // namespace twofold::tool
