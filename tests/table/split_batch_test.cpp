// SPDX-License-Identifier: MIT
// What Stage2::split() does for several blocks at once: they share an invalidation, and memory that
// runs out stops it between two of them.
#include "splitting.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

// Blocks with holes between them, so that their ranges do not join: eight at a time.
TEST(Split, EightBlocksShareAnInvalidation) {
    struct Row {
        unsigned blocks = {};
        std::vector<unsigned> batches = {};
    };
    const Row rows[] = {{1, {1}}, {7, {7}}, {8, {8}}, {9, {8, 1}}, {16, {8, 8}}, {19, {8, 8, 3}}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.blocks);
        Machine m{full_features(), three_levels()};
        for (unsigned i = 0; i < row.blocks; ++i) {
            map(m, 2 * GiB * i, first_pa + GiB * i, GiB);
        }
        unsigned done = 0;
        m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
            const unsigned batch = row.batches.at(m.discharged.size());
            for (unsigned i = 0; i < row.blocks; ++i) {
                const std::uint64_t raw = m.raw({2 * i});
                const std::uint64_t type = i < done ? 3 : i < done + batch ? 2 : 1;
                EXPECT_EQ(raw & 3, type) << i;
            }
            done += batch;
            note(all);
        };
        ASSERT_TRUE(split(m, 0, ipa_limit, 2 * MiB));
        ASSERT_EQ(m.discharged.size(), row.batches.size());
        unsigned at = 0;
        for (std::size_t b = 0; b < row.batches.size(); ++b) {
            std::vector<InvalidationRange> ranges;
            for (unsigned i = 0; i < row.batches[b]; ++i, ++at) {
                ranges.push_back({Ipa{2 * GiB * at}, GiB, 1});
            }
            EXPECT_EQ(m.discharged[b].ranges, ranges);
            EXPECT_FALSE(m.discharged[b].whole);
            EXPECT_TRUE(m.discharged[b].leaf_only);
        }
        std::vector<RawLeaf> expected;
        for (unsigned i = 0; i < row.blocks; ++i) {
            const auto run =
                run_of(2 * GiB * i, 2 * MiB, (first_pa + GiB * i) | raw_rwx | raw_block, 512);
            expected.insert(expected.end(), run.begin(), run.end());
        }
        EXPECT_EQ(m.leaves(), expected);
        EXPECT_EQ(m.table.counters().blocks_split, row.blocks);
        EXPECT_EQ(m.table.counters().breaks, row.blocks);
    }
}

// A table must not become valid where an earlier call still owes an invalidation.
TEST(Split, WhatWasOwedGoesWithTheFirstInvalidation) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * GiB);
    map(m, 0x2'0000'0000, first_pa, 4 * KiB);
    ASSERT_TRUE(m.table.protect(Ipa{first_ipa}, GiB, Permissions::r(), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x2'0000'0000}, GiB, m.owed));
    ASSERT_EQ(m.port.invalidations, 0U);
    const std::size_t live = m.port.live();
    ASSERT_TRUE(split(m, 0x8000'0000, GiB, 2 * MiB));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_FALSE(m.discharged[0].leaf_only);
    EXPECT_EQ(m.discharged[0].tables, 2U);
    EXPECT_EQ(m.discharged[0].ranges[0], (InvalidationRange{Ipa{first_ipa}, GiB, 1}));
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), live - 2 + 1);
}

TEST(Split, EveryFailedAllocationLeavesTheMappingWhole) {
    for (unsigned failing = 0; failing <= 10; ++failing) {
        SCOPED_TRACE(failing);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 10 * GiB);
        m.port.allocations_until_failure = failing;
        const auto result = split(m, first_ipa, 10 * GiB, 2 * MiB);
        ASSERT_EQ(result.has_value(), failing == 10);
        if (!result) {
            EXPECT_EQ(result.error(), Error::out_of_memory);
        }
        // The blocks before the one that had no table are split: each costs one.
        const std::uint64_t done = GiB * failing;
        EXPECT_EQ(m.leaves(),
                  join({run_of(first_ipa, 2 * MiB, first_pa | raw_rwx | raw_block, 512 * failing),
                        run_of(first_ipa + done, GiB, (first_pa + done) | raw_rwx | raw_block,
                               10 - failing)}));
        EXPECT_EQ(m.port.live(), 1U + failing);
        EXPECT_EQ(m.table.counters().tables, failing);
        EXPECT_EQ(m.table.counters().blocks_split, failing);
        EXPECT_TRUE(m.owed.empty());
        m.port.allocations_until_failure.reset();
        ASSERT_TRUE(split(m, first_ipa, 10 * GiB, 2 * MiB));
        EXPECT_EQ(m.leaves(), run_of(first_ipa, 2 * MiB, first_pa | raw_rwx | raw_block, 5120));
    }
}

// A block takes all of its 513 tables before anything happens to it.
TEST(Split, ABlockWithoutMemoryForAllItsTablesIsNotBroken) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB);
    const std::uint64_t block = m.raw({1});
    m.port.on_change = [&] { EXPECT_EQ(m.raw({1}), block); };
    for (unsigned failing = 0; failing < 513; ++failing) {
        m.port.allocations_until_failure = failing;
        const auto result = split(m, first_ipa, GiB, 4 * KiB);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), Error::out_of_memory);
        ASSERT_EQ(m.port.live(), 1U) << failing;
    }
    EXPECT_EQ(m.raw({1}), block);
    EXPECT_EQ(m.port.failures, 513U);
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.table.counters().tables_made, 0U);
    m.port.on_change = nullptr;
    m.port.allocations_until_failure = 513;
    EXPECT_TRUE(split(m, first_ipa, GiB, 4 * KiB));
}

} // namespace
} // namespace twofold::test
