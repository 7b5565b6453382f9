// SPDX-License-Identifier: MIT
// TableCounter: how many tables a set of leaves needs.
#pragma once

#include <twofold/arch/geometry.hpp>

#include <array>
#include <cstdint>

namespace twofold::tool {

class TableCounter {
public:
    explicit TableCounter(const Geometry& geometry) : geometry_{geometry} {}

    // Leaves of `level` in all of the range, which is not before the ranges added earlier.
    void add(Ipa start, std::uint64_t length, Level level);

    // The leaves of the last `period` bytes come `times` times more, behind the last range. Every
    // part of them as large as `step`, a power of two that divides the period, has some.
    // `before`: the counter as it was `period` bytes earlier.
    void repeat(const TableCounter& before, std::uint64_t period, std::uint64_t step,
                std::uint64_t times);

    // Of a level below the initial one.
    std::uint64_t tables(Level level) const { return counts_[place(level)]; }
    std::uint64_t tables_below_root() const;
    // With the root.
    std::uint64_t bytes() const;

private:
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    static unsigned place(Level level) { return static_cast<unsigned>(level + 1); }
    // What one table of the level covers.
    unsigned table_shift(Level level) const { return geometry_.shift(level - 1); }

    Geometry geometry_;
    std::uint64_t end_ = 0; // of what was added
    std::array<std::uint64_t, 5> counts_ = {};
    std::array<std::uint64_t, 5> last_ = {none, none, none, none, none}; // table of each level
};

} // namespace twofold::tool
