// SPDX-License-Identifier: MIT
// Bit fields by position, high bit first as in the manual.
#pragma once

#include <cstdint>

namespace twofold::model {

// The field [high:low] of a value.
constexpr std::uint64_t field(std::uint64_t value, unsigned high, unsigned low) {
    const unsigned width = high - low + 1;
    const std::uint64_t mask = width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
    return (value >> low) & mask;
}

constexpr bool bit(std::uint64_t value, unsigned position) {
    return ((value >> position) & 1) != 0;
}

// The lowest `width` bits of a value.
constexpr std::uint64_t low_bits(std::uint64_t value, unsigned width) {
    return width >= 64 ? value : value & ((std::uint64_t{1} << width) - 1);
}

// A value with its lowest `width` bits cleared.
constexpr std::uint64_t clear_low_bits(std::uint64_t value, unsigned width) {
    return value - low_bits(value, width);
}

} // namespace twofold::model
