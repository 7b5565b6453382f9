// SPDX-License-Identifier: MIT
// Stage2::unmap() of whole leaves and tables: what goes, what is owed and what is freed.
#include "bad_ranges.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

TEST(Unmap, WholeLeavesOweOneRangeForEachLevel) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 2 * GiB);
    map(m, 0x1'0000'0000, 0x80'0000'0000, 6 * MiB);
    const auto kept = run_of(0x1'0000'0000, 2 * MiB, 0x80'0000'07d9, 1);
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, 2 * GiB, m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x1'0020'0000}, 4 * MiB, m.owed));
    EXPECT_EQ(m.leaves(), kept);
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, 2 * GiB, 1},
                                              {Ipa{0x1'0020'0000}, 4 * MiB, 2}}));
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.owed.tables_to_free(), 0U);
    m.table.discharge(m.owed);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_EQ(m.table.counters().invalidations, 1U);
    m.table.discharge(m.owed);
    EXPECT_EQ(m.port.invalidations, 1U);
}

TEST(Unmap, HoleOwesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 4 * KiB);
    const auto before = m.memory();
    ASSERT_TRUE(m.table.unmap(Ipa{0}, GiB, m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'1000}, GiB - 4 * KiB, m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x8000'0000}, (std::uint64_t{1} << 40) - 2 * GiB, m.owed));
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.memory(), before);
    EXPECT_EQ(m.port.invalidations, 0U);
}

TEST(Unmap, EmptyTablesAreFreedAfterTheInvalidationAndNotBefore) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4020'0000, 0x80'0000'0000, 2 * 4 * KiB);
    EXPECT_EQ(m.port.live(), 3U);
    ASSERT_TRUE(m.table.unmap(Ipa{0x4020'0000}, 4 * KiB, m.owed));
    EXPECT_EQ(m.owed.tables_to_free(), 0U);
    EXPECT_EQ(m.raw({1}) & 3, 3U);
    ASSERT_TRUE(m.table.unmap(Ipa{0x4020'1000}, 4 * KiB, m.owed));
    EXPECT_EQ(m.raw({1}) & 1, 0U);
    EXPECT_EQ(m.owed.tables_to_free(), 2U);
    EXPECT_FALSE(m.owed.leaf_only());
    EXPECT_TRUE(m.owed.overlaps(Ipa{0x4000'0000}, 4 * KiB)); // the cached table entry
    EXPECT_TRUE(m.owed.overlaps(Ipa{0x7fff'f000}, 4 * KiB));
    EXPECT_EQ(m.port.live(), 3U);
    unsigned frees = 0;
    m.port.on_free = [&](Pa, std::uint64_t bytes) {
        EXPECT_EQ(m.port.invalidations, 1U);
        EXPECT_EQ(bytes, 4 * KiB);
        ++frees;
    };
    m.table.discharge(m.owed);
    EXPECT_EQ(frees, 2U);
    EXPECT_EQ(m.port.live(), 1U);
    EXPECT_EQ(m.table.counters().tables, 0U);
    EXPECT_EQ(m.table.counters().tables_freed, 2U);
}

// To a walker that is still inside, a table that waits to be freed says: invalid.
TEST(Unmap, RetiredTablesHoldNoNewTranslation) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB, with(Permissions::rwx()), 4 * KiB);
    const std::uint64_t level2 = m.raw({1}) & 0xffff'ffff'f000;
    const std::uint64_t level3 = m.raw({1, 5}) & 0xffff'ffff'f000;
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, GiB, m.owed));
    EXPECT_EQ(m.owed.tables_to_free(), 513U);
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, std::nullopt}}));
    EXPECT_EQ(*m.port.load(Pa{level2}) & 1, 0U);
    EXPECT_EQ(*m.port.load(Pa{level3}) & 1, 0U);
    EXPECT_EQ(*m.port.load(Pa{level3 + 8}), 0x80'00a0'17dbU);
}

TEST(Unmap, LeafGoesAlthoughHardwareGetsAhead) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 4 * KiB,
        {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
    map(m, 0x4000'1000, 0x80'0000'0000, 4 * KiB);
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t& word) {
        if (++calls == 1) {
            word |= raw_af;
        } else if (calls == 2) {
            word |= raw_write;
        }
    };
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, 4 * KiB, m.owed));
    EXPECT_EQ(calls, 3U);
    EXPECT_EQ(m.raw({1, 0, 0}) & 1, 0U);
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, 0x1000, 3}}));
}

// A table with only the rest of a block below it is not empty, though its other entries are.
TEST(Unmap, TableThatHoldsTheRestOfABlockStays) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 2 * MiB);
    map(m, 0x4020'0000, 0x80'0020'0000, 2 * MiB);
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'1000}, 4 * MiB - 4 * KiB, m.owed));
    EXPECT_EQ(m.leaves(), run_of(0x4000'0000, 4 * KiB, 0x80'0000'07db, 1));
    EXPECT_EQ(m.port.live(), 3U);
}

TEST(Unmap, EveryErrorChangesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB);
    const auto before = m.memory();
    for (const BadRange& row : bad_ranges) {
        const auto result = m.table.unmap(Ipa{row.ipa}, row.length, m.owed);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), row.error);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
    }
}

} // namespace
} // namespace twofold::test
