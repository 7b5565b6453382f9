// SPDX-License-Identifier: MIT
// Parsing of numbers.
#include "tools/text/number.hpp"

#include <cctype>
#include <charconv>
#include <string>
#include <system_error>

namespace twofold::tool {

namespace {

// log2 of a unit; empty if it is none.
std::optional<unsigned> parse_unit(std::string_view text) {
    std::string unit;
    for (const char c : text) {
        unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (unit.empty() || unit == "b") {
        return 0;
    }
    constexpr std::string_view letters = "kmgt";
    const std::size_t place = letters.find(unit.front());
    const std::string_view rest = std::string_view{unit}.substr(1);
    if (place == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) {
        return std::nullopt;
    }
    return 10 * (static_cast<unsigned>(place) + 1);
}

} // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (hexadecimal) {
        text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value, hexadecimal ? 16 : 10);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    std::string_view tail{rest, static_cast<std::size_t>(end - rest)};
    if (!tail.empty() && tail.front() == ' ') {
        tail.remove_prefix(1);
        if (tail.empty()) {
            return std::nullopt;
        }
    }
    const auto shift = parse_unit(tail);
    if (!shift || (*shift != 0 && value >> (64 - *shift) != 0)) {
        return std::nullopt;
    }
    return value << *shift;
}

std::optional<Granule> parse_granule(std::string_view text) {
    const auto number = parse_number(text);
    if (!number) {
        return std::nullopt;
    }
    for (const Granule granule : all_granules) {
        if (*number == granule_bytes(granule) || *number == granule_bytes(granule) / 1024) {
            return granule;
        }
    }
    return std::nullopt;
}

} // namespace twofold::tool
