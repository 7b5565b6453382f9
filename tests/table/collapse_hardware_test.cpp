// SPDX-License-Identifier: MIT
// Stage2::collapse() beside hardware: what it notes in the leaves up to the last moment is in the
// block.
#include "collapsing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold::test {
namespace {

TEST(Collapse, WhatHardwareNotedInAnyLeafIsInTheBlock) {
    constexpr std::uint64_t clean = (raw_r & ~raw_af) | raw_dbm;
    struct Row {
        const char* name = {};
        std::vector<unsigned> young = {};
        std::vector<unsigned> dirty = {};
        std::uint64_t block = {};
    };
    const Row rows[] = {
        {"old and clean", {}, {}, clean},
        {"first young", {0}, {}, clean | raw_af},
        {"one young", {100}, {}, clean | raw_af},
        {"last young", {511}, {}, clean | raw_af},
        {"first dirty", {}, {0}, clean | raw_write},
        {"one dirty", {}, {317}, clean | raw_write},
        {"last dirty", {}, {511}, clean | raw_write},
        {"one young, another dirty", {3}, {4}, clean | raw_af | raw_write},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB,
            {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
        for (const unsigned i : row.young) {
            m.set_raw({1, 0, i}, m.raw({1, 0, i}) | raw_af);
        }
        for (const unsigned i : row.dirty) {
            m.set_raw({1, 0, i}, m.raw({1, 0, i}) | raw_write);
        }
        EXPECT_EQ(collapse(m, first_ipa, GiB), 1U);
        EXPECT_EQ(m.leaves(), run_of(first_ipa, 2 * MiB, first_pa | row.block | raw_block, 1));
    }
}

// A single page of a gigabyte, and what it noted goes up two levels.
TEST(Collapse, WhatHardwareNotedGoesUpEveryLevel) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, 4 * KiB,
        {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
    m.set_raw({1, 511, 511}, m.raw({1, 511, 511}) | raw_af | raw_write);
    EXPECT_EQ(collapse(m, 0, ipa_limit), 513U);
    EXPECT_EQ(m.raw({1}), first_pa | raw_rw | raw_dbm | raw_block);
}

// Hardware's turn before any of the engine's atomic operations: as long as the leaf is valid what
// it notes is kept, and it writes to no leaf that is not.
TEST(Collapse, UpdatesUpToTheFreezeAreKept) {
    constexpr std::uint64_t clean = (raw_r & ~raw_af) | raw_dbm;
    // Two tables: 512 leaves and the entry above, each.
    for (const unsigned moment : {0U, 1U, 511U, 512U, 513U, 514U, 770U, 1024U, 1025U}) {
        for (const std::uint64_t update : {raw_af, raw_write}) {
            for (const unsigned page : {0U, 1U, 300U, 511U}) {
                SCOPED_TRACE(std::to_string(page) + " at " + std::to_string(moment));
                Machine m{full_features(), three_levels()};
                map(m, first_ipa, first_pa, 4 * MiB, 4 * KiB,
                    {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
                const Pa second{m.raw({1, 1}) & table_address};
                unsigned calls = 0;
                std::uint64_t noted = 0;
                m.port.on_atomic = [&](std::uint64_t&) {
                    auto entries = m.port.table(second);
                    if (calls++ == moment && (entries.load(page) & 1) != 0) {
                        entries.store(page, entries.load(page) | update);
                        noted = update;
                    }
                };
                EXPECT_EQ(collapse(m, first_ipa, GiB), 2U);
                EXPECT_GE(calls, 1026U);
                EXPECT_EQ(noted != 0, moment <= 513 + page) << "not when it was meant";
                EXPECT_EQ(m.leaves(),
                          join({run_of(first_ipa, 2 * MiB, first_pa | clean | raw_block, 1),
                                run_of(first_ipa + 2 * MiB, 2 * MiB,
                                       (first_pa + 2 * MiB) | clean | noted | raw_block, 1)}));
            }
        }
    }
}

// What is no block any more when its leaves are frozen gets them back.
TEST(Collapse, ATableThatChangedMeanwhileIsPutBack) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 6 * MiB, 4 * KiB);
    const std::uint64_t link = m.raw({1, 1});
    auto expected =
        join({run_of(first_ipa, 2 * MiB, first_pa | raw_rw | raw_block, 1),
              run_of(first_ipa + 2 * MiB, 4 * KiB, (first_pa + 2 * MiB) | raw_rw | raw_page, 512),
              run_of(first_ipa + 4 * MiB, 2 * MiB, (first_pa + 4 * MiB) | raw_rw | raw_block, 1)});
    expected[1 + 77].raw |= 0x0080'0000'0000'0000;
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t&) {
        if (calls++ == 513 + 50) { // the second table has been looked at
            m.port.table(Pa{link & table_address}).store(77, expected[1 + 77].raw);
        }
    };
    EXPECT_EQ(collapse(m, first_ipa, GiB), 2U);
    EXPECT_EQ(m.leaves(), expected);
    EXPECT_EQ(m.raw({1, 1}), link);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 3U);
    EXPECT_EQ(m.table.counters().tables, 2U);
}

} // namespace
} // namespace twofold::test
