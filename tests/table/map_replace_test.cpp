// SPDX-License-Identifier: MIT
// Stage2::map() over what is mapped: in place where break-before-make allows it, and what happens
// in between where it does not.
#include "entry_watch.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

TEST(Map, ReplacesInPlaceWherePermissionsAlone) {
    struct Row {
        const char* name = {};
        Attributes from = {};
        Attributes to = {};
        std::uint64_t raw = {}; // afterwards
        bool owes = {};
        InvalidationScope scope = {};
    };
    constexpr auto everywhere = InvalidationScope::inner_shareable;
    constexpr auto local = InvalidationScope::local;
    const Row rows[] = {
        {"less", with(Permissions::rwx()), with(Permissions::r()), raw_r, true, everywhere},
        {"more", with(Permissions::r()), with(Permissions::rwx()), raw_rwx, true, local},
        {"other", with(Permissions::rw()), with(Permissions::rx()), raw_rx, true, everywhere},
        {"AF set",
         {.permissions = Permissions::rw(), .access_flag = false},
         with(Permissions::rw()),
         raw_rw,
         false,
         local},
        {"AF cleared",
         with(Permissions::rw()),
         {.permissions = Permissions::rw(), .access_flag = false},
         raw_rw & ~raw_af,
         true,
         everywhere},
        {"software",
         with(Permissions::rw()),
         {.permissions = Permissions::rw(), .software = 5},
         raw_rw | 0x0280'0000'0000'0000,
         false,
         local},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        MapRequest r = request(0x4000'0000, 0x80'0000'0000, 2 * GiB);
        r.attributes = row.from;
        ASSERT_TRUE(m.table.map(r, m.owed));
        // At every store both blocks are valid.
        m.port.on_change = [&] { EXPECT_EQ(m.raw({1}) & m.raw({2}) & 1, 1U); };
        r.attributes = row.to;
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.leaves(), run_of(0x4000'0000, GiB, 0x80'0000'0000 | row.raw | raw_block, 2));
        EXPECT_EQ(m.port.invalidations, 0U);
        EXPECT_EQ(m.table.counters().breaks, 0U);
        EXPECT_EQ(m.owed.empty(), !row.owes);
        if (row.owes) {
            ASSERT_EQ(m.owed.ranges().size(), 1U);
            EXPECT_EQ(m.owed.ranges()[0], (InvalidationRange{Ipa{0x4000'0000}, 2 * GiB, 1}));
            EXPECT_EQ(m.owed.scope(), row.scope);
            EXPECT_TRUE(m.owed.leaf_only());
        }
    }
}

TEST(Map, BreaksWhereTheOutputOrTypeChanges) {
    for (const bool output : {true, false}) {
        Machine m{full_features(), three_levels()};
        ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
        EntryWatch watch{m, {1}};
        MapRequest r = request(0x4000'0000, output ? 0xc0'0000'0000 : 0x80'0000'0000, GiB);
        if (!output) {
            r.attributes.type = MemoryType::normal_nc;
        }
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.raw({1}), output ? 0xc0'0000'07d9U : 0x80'0000'07d5U);
        EXPECT_EQ(m.port.invalidations, 1U);
        ASSERT_EQ(m.discharged.size(), 1U);
        EXPECT_EQ(m.discharged[0].ranges,
                  (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1}}));
        EXPECT_EQ(m.discharged[0].scope, InvalidationScope::inner_shareable);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.table.counters().breaks, 1U);
    }
}

TEST(Map, ReplacesATableByABlockAfterOneInvalidation) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    // A table with 512 tables of pages below it.
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rwx(), 4 * KiB),
                            m.owed));
    EXPECT_EQ(m.port.live(), 1U + 513U);
    {
        EntryWatch watch{m, {1}};
        ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
        EXPECT_EQ(watch.frees(), 513U);
    }
    EXPECT_EQ(m.leaves(), (std::vector<RawLeaf>{{0x4000'0000, GiB, 0x80'0000'07d9}}));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, std::nullopt}}));
    EXPECT_FALSE(m.discharged[0].leaf_only);
    EXPECT_EQ(m.discharged[0].tables, 513U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 1U);
    EXPECT_EQ(m.table.counters().tables, 0U);
    EXPECT_EQ(m.table.counters().tables_made, 513U);
    EXPECT_EQ(m.table.counters().tables_freed, 513U);
}

TEST(Map, ReplacesABlockByATableAfterOneInvalidation) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
    EntryWatch watch{m, {1}};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rwx(), 2 * MiB),
                            m.owed));
    EXPECT_EQ(m.leaves(), run_of(0x4000'0000, 2 * MiB, 0x80'0000'07d9, 512));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges, (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1}}));
}

TEST(Map, PartOfABlockIsReplacedAndTheRestStays) {
    Machine m{full_features(), three_levels()};
    MapRequest old = request(0x4000'0000, 0x80'0000'0000, GiB);
    old.attributes = {.permissions = Permissions::rw(), .access_flag = false, .software = 3};
    ASSERT_TRUE(m.table.map(old, m.owed));
    EntryWatch watch{m, {1}};
    // Two pages in the second 2 MiB, to somewhere else.
    ASSERT_TRUE(m.table.map(request(0x4020'3000, 0xc0'0000'3000, 2 * 4 * KiB), m.owed));
    const std::uint64_t rest = 0x80'0000'0000 | (raw_rw & ~raw_af) | 0x0180'0000'0000'0000;
    EXPECT_EQ(m.leaves(),
              join({run_of(0x4000'0000, 2 * MiB, rest | raw_block, 1),
                    run_of(0x4020'0000, 4 * KiB, (rest + 0x20'0000) | raw_page, 3),
                    run_of(0x4020'3000, 4 * KiB, 0xc0'0000'3000 | raw_rwx | raw_page, 2),
                    run_of(0x4020'5000, 4 * KiB, (rest + 0x20'5000) | raw_page, 507),
                    run_of(0x4040'0000, 2 * MiB, (rest + 0x40'0000) | raw_block, 510)}));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_EQ(m.table.counters().blocks_split, 1U);
    EXPECT_EQ(m.table.counters().tables, 2U);
    EXPECT_EQ(m.port.live(), 3U);
}

// One range with a block cut at each end, a whole block and a table between.
TEST(Map, ReplacesAcrossEverythingAtOnce) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, 4 * GiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0xc000'0000}, 4 * KiB, m.owed));
    m.table.discharge(m.owed);
    m.discharged.clear();
    ASSERT_TRUE(m.table.map(request(0x7fe0'0000, 0xc0'3fe0'0000, 2 * GiB + 4 * MiB), m.owed));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'07d9, 511),
                                run_of(0x7fe0'0000, 2 * MiB, 0xc0'3fe0'07d9, 1),
                                run_of(0x8000'0000, GiB, 0xc0'4000'07d9, 2),
                                run_of(0x1'0000'0000, 2 * MiB, 0xc0'c000'07d9, 1),
                                run_of(0x1'0020'0000, 2 * MiB, 0x80'c020'07d9, 511)}));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.port.live(), 1U + 2U);
    EXPECT_EQ(m.discharged[0].tables, 2U);
}

TEST(Map, DischargesFirstWhatIsOwedInItsRange) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, 2 * GiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, GiB, m.owed));
    ASSERT_FALSE(m.owed.empty());
    // Elsewhere: may wait.
    ASSERT_TRUE(m.table.map(request(0x1'0000'0000, 0, GiB), m.owed));
    EXPECT_EQ(m.port.invalidations, 0U);
    ASSERT_FALSE(m.owed.empty());
    // Here: nothing valid before it is done.
    m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
        EXPECT_EQ(m.raw({1}) & 1, 0U);
        note(all);
    };
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0xc0'0000'0000, GiB), m.owed));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.raw({1}), 0xc0'0000'07d9U);
}

TEST(Map, HardwareUpdatesOutsideThePartAreKept) {
    for (const bool dirty : {false, true}) {
        Machine m{full_features(), three_levels()};
        MapRequest old = request(0x4000'0000, 0x80'0000'0000, GiB);
        old.attributes = {.permissions = Permissions::r(), .access_flag = false, .dbm = true};
        ASSERT_TRUE(m.table.map(old, m.owed));
        unsigned updates = 0;
        m.port.on_atomic = [&](std::uint64_t& word) {
            if ((word & 1) != 0 && updates++ == 0) {
                word |= raw_af | (dirty ? raw_write : 0);
            }
        };
        ASSERT_TRUE(m.table.map(request(0x4000'0000, 0xc0'0000'0000, 2 * MiB), m.owed));
        EXPECT_EQ(updates, 2U); // the first try to break the block met the update
        EXPECT_EQ(m.leaves(),
                  join({run_of(0x4000'0000, 2 * MiB, 0xc0'0000'07d9, 1),
                        run_of(0x4020'0000, 2 * MiB,
                               0x80'0020'0001 | raw_r | raw_dbm | (dirty ? raw_write : 0), 511)}));
    }
}

// A compare-and-swap that hardware gets ahead of is tried again on what is there now.
TEST(Map, ReplacementInPlaceTakesHardwareUpdatesIntoAccount) {
    Machine m{full_features(), three_levels()};
    MapRequest r = request(0x4000'0000, 0x80'0000'0000, GiB);
    r.attributes = {.permissions = Permissions::r(), .access_flag = false};
    ASSERT_TRUE(m.table.map(r, m.owed));
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t& word) {
        if (calls++ == 0) {
            word |= raw_af;
        }
    };
    r.attributes.software = 1;
    ASSERT_TRUE(m.table.map(r, m.owed));
    // The request has AF clear; with AF set by hardware the entry may be cached.
    EXPECT_EQ(calls, 2U);
    EXPECT_EQ(m.raw({1}), (0x80'0000'0001 | raw_r | 0x0080'0000'0000'0000) & ~raw_af);
    EXPECT_FALSE(m.owed.empty());
}

// The same fault on a second CPU: what was written after the first must stay dirty.
TEST(Map, TheSameAgainKeepsDirtyState) {
    Machine m{full_features(), three_levels()};
    MapRequest clean = request(0x4000'0000, 0x80'0000'0000, GiB);
    clean.attributes = {.permissions = Permissions::r(), .dbm = true};
    ASSERT_TRUE(m.table.map(clean, m.owed));
    const std::uint64_t dirty = m.raw({1}) | raw_write;
    m.set_raw({1}, dirty);
    ASSERT_TRUE(m.table.map(clean, m.owed));
    EXPECT_EQ(m.raw({1}), dirty);
    EXPECT_TRUE(m.owed.empty());
    // Other memory is clean.
    clean.pa = Pa{0x90'0000'0000};
    ASSERT_TRUE(m.table.map(clean, m.owed));
    EXPECT_EQ(m.raw({1}), dirty + 0x10'0000'0000 - raw_write);
}

} // namespace
} // namespace twofold::test
