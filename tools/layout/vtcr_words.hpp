// SPDX-License-Identifier: MIT
// VTCR_EL2 in words.
#pragma once

#include "tools/text/register_field.hpp"

#include <twofold/arch/vtcr.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

// The fields of VTCR_EL2 from bit 0 up. Fields of extensions that are all zero are left out.
std::vector<RegisterField> vtcr_words(Vtcr vtcr);

// The most important of it, in short.
std::vector<std::string> vtcr_summary(Vtcr vtcr);

} // namespace twofold::tool
