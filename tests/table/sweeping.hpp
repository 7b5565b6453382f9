// SPDX-License-Identifier: MIT
// Sweeping: leaves for the operations that clear single bits of all leaves of a range, and what
// their visitors were told.
#pragma once

#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace twofold::test {

inline constexpr Attributes clean{.permissions = Permissions::r(), .dbm = true};
inline constexpr Attributes dirty{.permissions = Permissions::rw(), .dbm = true};

// What a visitor was told, in order.
using Visits = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
inline auto into(Visits& visits) {
    return [&visits](Ipa start, std::uint64_t size) { visits.emplace_back(start.value, size); };
}
inline Visits young(Machine& m, std::uint64_t ipa, std::uint64_t length,
                    Invalidation* owed = nullptr) {
    Visits visits;
    EXPECT_TRUE(m.table.test_and_clear_young(Ipa{ipa}, length, into(visits), owed));
    return visits;
}
inline Visits harvest(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    Visits visits;
    EXPECT_TRUE(m.table.collect_dirty(Ipa{ipa}, length, m.owed, into(visits)));
    return visits;
}

// A leaf of every size, with holes before, between and behind.
inline void map_every_size(Machine& m, const Attributes& attributes) {
    map(m, first_ipa + GiB - 4 * MiB, first_pa + GiB - 4 * MiB, 2 * MiB, attributes);
    map(m, first_ipa + GiB - 8 * KiB, first_pa + GiB - 8 * KiB, 4 * KiB, attributes);
    map(m, first_ipa + GiB, first_pa + GiB, GiB + 2 * MiB + 4 * KiB, attributes);
}
inline std::vector<RawLeaf> every_size(std::uint64_t bits) {
    return join({run_of(0x7fc0'0000, 2 * MiB, 0x80'3fc0'0000 | bits | raw_block, 1),
                 run_of(0x7fff'e000, 4 * KiB, 0x80'3fff'e000 | bits | raw_page, 1),
                 run_of(0x8000'0000, GiB, 0x80'4000'0000 | bits | raw_block, 1),
                 run_of(0xc000'0000, 2 * MiB, 0x80'8000'0000 | bits | raw_block, 1),
                 run_of(0xc020'0000, 4 * KiB, 0x80'8020'0000 | bits | raw_page, 1)});
}
inline const Visits visits_of_every_size = {{0x7fc0'0000, 2 * MiB},
                                            {0x7fff'e000, 4 * KiB},
                                            {0x8000'0000, GiB},
                                            {0xc000'0000, 2 * MiB},
                                            {0xc020'0000, 4 * KiB}};
inline const std::vector<InvalidationRange> owed_for_every_size = {{Ipa{0x7fc0'0000}, 2 * MiB, 2},
                                                                   {Ipa{0x7fff'e000}, 4 * KiB, 3},
                                                                   {Ipa{0x8000'0000}, GiB, 1},
                                                                   {Ipa{0xc000'0000}, 2 * MiB, 2},
                                                                   {Ipa{0xc020'0000}, 4 * KiB, 3}};

// A sweep changes bits where they stand: no break, no memory, nothing invalidated by itself.
inline void expect_quiet(Machine& m) {
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.port.failures, 0U);
    EXPECT_EQ(m.table.counters().breaks, 0U);
    EXPECT_EQ(m.table.counters().blocks_split, 0U);
    m.port.allocations_until_failure.reset();
}

} // namespace twofold::test
