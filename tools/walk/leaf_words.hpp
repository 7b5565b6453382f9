// SPDX-License-Identifier: MIT
// What a leaf says, in words and as JSON.
#pragma once

#include <twofold/arch/attributes.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace twofold::tool {

// "rwx", with "x(EL0)" or "x(EL1)" where only one of them may execute.
std::string permission_words(const Permissions& permissions);

// "rw- Normal-WB inner-shareable", and what else is out of the ordinary.
std::string attribute_words(const Attributes& attributes);

// {"read": true, "write": true, "execute_el1": false, "execute_el0": false, "type": "Normal-WB",
//  "shareability": "inner-shareable", "access_flag": true, "dbm": false, "fnxs": false,
//  "nt": false, "software": 0}
nlohmann::ordered_json attributes_json(const Attributes& attributes);

} // namespace twofold::tool
