// SPDX-License-Identifier: MIT
// Decoded: a value field by field, with what is wrong about it.
#pragma once

#include "tools/text/register_field.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

struct Decoded {
    std::string name; // of the register, or what it is
    std::uint64_t value = 0;
    std::string summary;
    std::vector<RegisterField> fields;
    std::vector<std::string> problems; // reserved or inconsistent
    std::vector<std::string> notes;    // legal, and good to know

    // Bits of `reserved` that are set are a problem; `which` says what they are.
    void check_res0(std::uint64_t reserved, std::string_view which = "RES0");
};

std::string decoded_text(const Decoded& decoded);

// {"name": "VTCR_EL2", "value": "0x...", "summary": "...",
//  "fields": [{"name": "T0SZ", "high": 5, "low": 0, "value": 24, "meaning": "40-bit IPA"}, ...],
//  "problems": ["..."], "notes": ["..."]}
nlohmann::ordered_json decoded_json(const Decoded& decoded);

nlohmann::ordered_json fields_json(const std::vector<RegisterField>& fields);

} // namespace twofold::tool
