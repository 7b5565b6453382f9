// SPDX-License-Identifier: MIT
// Sizes and counts in words.
#include "tools/text/size.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

constexpr std::string_view letters = "KMGTPE";

// How often 1024 divides it, at most as often as there are units.
unsigned exact_unit(std::uint64_t bytes) {
    unsigned unit = 0;
    while (bytes != 0 && bytes % 1024 == 0 && unit < letters.size()) {
        bytes /= 1024;
        ++unit;
    }
    return unit;
}

std::string unit_words(unsigned unit) {
    return unit == 0 ? "B" : fmt::format("{}iB", letters[unit - 1]);
}

} // namespace

std::string size_words(std::uint64_t bytes) {
    const unsigned unit = exact_unit(bytes);
    const std::uint64_t exact = bytes >> (10 * unit);
    if (exact < 10000) {
        return fmt::format("{} {}", exact, unit_words(unit));
    }
    unsigned large = unit;
    while (large < letters.size() && bytes >> (10 * (large + 1)) != 0) {
        ++large;
    }
    const auto scaled = [&] {
        return static_cast<double>(bytes) / static_cast<double>(std::uint64_t{1} << (10 * large));
    };
    constexpr double rounds_to_the_next = 1023.95;
    if (scaled() >= rounds_to_the_next && large < letters.size()) {
        ++large;
    }
    return fmt::format("{:.1f} {}", scaled(), unit_words(large));
}

std::string size_argument(std::uint64_t bytes) {
    const unsigned unit = exact_unit(bytes);
    // T is the largest unit that other programs know as well.
    const unsigned known = unit < 4 ? unit : 4;
    const std::uint64_t number = bytes >> (10 * known);
    return known == 0 ? fmt::format("{}", number) : fmt::format("{}{}", number, letters[known - 1]);
}

std::string granule_words(Granule granule) { return size_argument(granule_bytes(granule)); }

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

} // namespace twofold::tool
