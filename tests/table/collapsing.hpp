// SPDX-License-Identifier: MIT
// Collapsing: tables of small leaves, and what Stage2::collapse() makes of them.
#pragma once

#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace twofold::test {

// Of a table descriptor: tables lie below 2^48.
inline constexpr std::uint64_t table_address = 0x0000'ffff'ffff'f000;

// Maps with leaves of no more than `size`.
inline void map(Machine& m, std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
                std::uint64_t size, const Attributes& attributes = with(Permissions::rw())) {
    map(m, ipa, pa, length, attributes, size);
    ASSERT_TRUE(m.owed.empty());
}
inline std::uint64_t collapse(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    const auto made = m.table.collapse(Ipa{ipa}, length, m.owed);
    EXPECT_TRUE(made);
    return made.value_or(~std::uint64_t{0});
}
// Nothing is to be done in the range, so nothing is.
inline void expect_untouched(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    EXPECT_EQ(collapse(m, ipa, length), 0U); // but for runs, which are marked now
    const auto before = m.memory();
    const unsigned invalidations = m.port.invalidations;
    const auto breaks = m.table.counters().breaks;
    EXPECT_EQ(collapse(m, ipa, length), 0U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.invalidations, invalidations);
    EXPECT_EQ(m.table.counters().breaks, breaks);
    EXPECT_TRUE(m.memory() == before);
}

} // namespace twofold::test
