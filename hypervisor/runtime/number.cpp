// SPDX-License-Identifier: MIT
// Digits, and what may stand behind them.
#include "runtime/number.hpp"

namespace twofold::hyp {

namespace {

constexpr unsigned no_digit = 16;

constexpr unsigned digit_of(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return static_cast<unsigned>(c - 'A') + 10;
    return no_digit;
}

// The digits at the front of `text`, which are taken away.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
    unsigned base = 10;
    if (text.starts_with("0x")) {
        base = 16;
        text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    std::size_t used = 0;
    for (; used < text.size() && digit_of(text[used]) < base; ++used) {
        if (value > (~std::uint64_t{0} - digit_of(text[used])) / base)
            return std::nullopt;
        value = value * base + digit_of(text[used]);
    }
    text.remove_prefix(used);
    return used != 0 ? std::optional{value} : std::nullopt;
}

} // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    const auto value = take_digits(text);
    if (!value || text.size() > 1)
        return std::nullopt;
    unsigned shift = 0;
    if (!text.empty()) {
        const std::size_t unit = std::string_view{"KMGT"}.find(text.front());
        if (unit == std::string_view::npos)
            return std::nullopt;
        shift = 10 * (static_cast<unsigned>(unit) + 1);
    }
    if (shift != 0 && *value >> (64 - shift) != 0)
        return std::nullopt;
    return *value << shift;
}

std::optional<std::uint64_t> parse_duration(std::string_view text) {
    constexpr std::uint64_t longest = 1'000'000'000'000; // no overflow in ticks either
    const auto value = take_digits(text);
    std::uint64_t unit = 0;
    if (text == "us")
        unit = 1;
    else if (text == "ms")
        unit = 1'000;
    else if (text == "s")
        unit = 1'000'000;
    if (!value || unit == 0 || *value > longest / unit)
        return std::nullopt;
    return *value * unit;
}

} // namespace twofold::hyp
