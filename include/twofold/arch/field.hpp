// SPDX-License-Identifier: MIT
// Field: one bit field of a register or descriptor, written as in the manual, high bit first.
#pragma once

#include <cstdint>

namespace twofold {

template <unsigned high, unsigned low = high>
struct Field {
    static_assert(high < 64 && low <= high);
    static constexpr std::uint64_t max = (~std::uint64_t{0}) >> (63 - (high - low));
    static constexpr std::uint64_t mask = max << low;

    static constexpr std::uint64_t get(std::uint64_t word) { return (word & mask) >> low; }
    static constexpr bool is_set(std::uint64_t word) { return (word & mask) != 0; }
    // A value wider than the field is cut to it.
    static constexpr std::uint64_t of(std::uint64_t value) { return (value << low) & mask; }
    static constexpr std::uint64_t set(std::uint64_t word, std::uint64_t value) {
        return (word & ~mask) | of(value);
    }
};

} // namespace twofold
