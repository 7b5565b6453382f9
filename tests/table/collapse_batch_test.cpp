// SPDX-License-Identifier: MIT
// What Stage2::collapse() does for several tables at once: they share an invalidation, and are
// freed after it.
#include "collapsing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold::test {
namespace {

// Tables far apart, so that their ranges do not join.
TEST(Collapse, EightTablesShareAnInvalidation) {
    struct Row {
        unsigned tables = {};
        std::vector<unsigned> batches = {};
    };
    const Row rows[] = {{1, {1}}, {8, {8}}, {9, {8, 1}}, {16, {8, 8}}, {19, {8, 8, 3}}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.tables);
        Machine m{full_features(), three_levels()};
        for (unsigned i = 0; i < row.tables; ++i) {
            map(m, first_ipa + 4 * MiB * i, first_pa + 2 * MiB * i, 2 * MiB, 4 * KiB);
        }
        unsigned done = 0;
        m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
            const unsigned batch = row.batches.at(m.discharged.size());
            for (unsigned i = 0; i < row.tables; ++i) {
                const std::uint64_t type = i < done ? 1 : i < done + batch ? 2 : 3;
                EXPECT_EQ(m.raw({1, 2 * i}) & 3, type) << i;
            }
            done += batch;
            note(all);
        };
        EXPECT_EQ(collapse(m, 0, ipa_limit), row.tables);
        ASSERT_EQ(m.discharged.size(), row.batches.size());
        unsigned at = 0;
        for (std::size_t b = 0; b < row.batches.size(); ++b) {
            std::vector<InvalidationRange> ranges;
            for (unsigned i = 0; i < row.batches[b]; ++i, ++at) {
                ranges.push_back({Ipa{first_ipa + 4 * MiB * at}, 2 * MiB, {}});
            }
            EXPECT_EQ(m.discharged[b].ranges, ranges);
            EXPECT_FALSE(m.discharged[b].whole);
        }
        std::vector<RawLeaf> expected;
        for (unsigned i = 0; i < row.tables; ++i) {
            expected.push_back(
                {first_ipa + 4 * MiB * i, 2 * MiB, (first_pa + 2 * MiB * i) | raw_rw | raw_block});
        }
        EXPECT_EQ(m.leaves(), expected);
        EXPECT_EQ(m.port.live(), 2U);
    }
}

TEST(Collapse, TablesAreFreedAfterTheirInvalidation) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 6 * MiB, 4 * KiB);
    std::string events;
    m.port.on_invalidate = [&](const Invalidation& all) {
        events += 'i';
        EXPECT_EQ(all.tables_to_free(), 0U);
        EXPECT_EQ(m.port.live(), 5U);
        for (unsigned i = 0; i < 3; ++i) {
            EXPECT_EQ(m.raw({1, i}) & 3, 2U);
        }
    };
    m.port.on_free = [&](Pa, std::uint64_t bytes) {
        events += 'f';
        EXPECT_EQ(bytes, 4 * KiB);
        for (unsigned i = 0; i < 3; ++i) {
            EXPECT_EQ(m.raw({1, i}), (first_pa + 2 * MiB * i) | raw_rw | raw_block);
        }
    };
    const unsigned completions = m.port.completions;
    EXPECT_EQ(collapse(m, first_ipa, 6 * MiB), 3U);
    EXPECT_EQ(events, "ifff");
    EXPECT_GT(m.port.completions, completions);
    EXPECT_EQ(m.port.live(), 2U);
    EXPECT_EQ(m.table.counters().tables, 1U);
    EXPECT_EQ(m.table.counters().tables_freed, 3U);
}

TEST(Collapse, NeedsNoMemory) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * MiB, 4 * KiB);
    m.port.allocations_until_failure = 0;
    EXPECT_EQ(collapse(m, 0, ipa_limit), 2U);
    EXPECT_EQ(m.port.failures, 0U);
    m.port.allocations_until_failure.reset();
}

TEST(Collapse, WhatWasOwedGoesWithTheFirstInvalidation) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB);
    map(m, 0x2'0000'0000, first_pa, 4 * KiB, 4 * KiB);
    ASSERT_TRUE(m.table.unmap(Ipa{0x2'0000'0000}, GiB, m.owed));
    ASSERT_TRUE(m.table.protect(Ipa{first_ipa}, 2 * MiB, Permissions::r(), m.owed));
    ASSERT_EQ(m.port.invalidations, 0U);
    // A range without a table to replace leaves it owed.
    EXPECT_EQ(collapse(m, 0x1'0000'0000, GiB), 0U);
    ASSERT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.owed.tables_to_free(), 2U);
    EXPECT_EQ(collapse(m, first_ipa, GiB), 1U);
    EXPECT_EQ(m.raw({1, 0}), first_pa | raw_r | raw_block);
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].tables, 2U);
    EXPECT_EQ(m.discharged[0].ranges.size(), 2U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 2U);
}

} // namespace
} // namespace twofold::test
