// SPDX-License-Identifier: MIT
// SExpression: one line of casemate's trace, taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twofold::tool {

// (name atom... (key value)...), in which atoms, keys and values are words or "texts".
struct SExpression {
    std::string name;
    std::vector<std::string> atoms;
    std::vector<std::pair<std::string, std::string>> fields;

    // The value of a field; empty if there is none.
    std::string_view field(std::string_view key) const;
    // As a number: decimal, or hexadecimal behind 0x or #x.
    std::optional<std::uint64_t> number(std::string_view key) const;
    bool has_atom(std::string_view atom) const;

    // Nothing for a text that is not of this form.
    static std::optional<SExpression> parse(std::string_view text);
};

} // namespace twofold::tool
