// SPDX-License-Identifier: MIT
// IdField: a field of an ID register, and what its values mean.
#pragma once

#include "tools/decode/decoded.hpp"

#include <span>
#include <string_view>

namespace twofold::tool {

struct IdField {
    std::string_view name;
    unsigned low; // of four bits
    // By value; the value behind the last is reserved. A field with nothing in it has any value.
    std::span<const std::string_view> meanings;
    // 0b1111 means "not there", as in fields that are signed.
    std::string_view minus_one = {};
};

// All fields in words; a reserved value is a problem.
void read_id_fields(Decoded& decoded, std::span<const IdField> fields);

} // namespace twofold::tool
