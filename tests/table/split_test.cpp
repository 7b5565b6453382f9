// SPDX-License-Identifier: MIT
// Stage2::split(): blocks become smaller leaves that map the same, and what hardware writes
// meanwhile is never lost.
#include "bad_ranges.hpp"
#include "blocks.hpp"
#include "described_leaves.hpp"
#include "splitting.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <expected>
#include <vector>

namespace twofold::test {
namespace {

// The last block of the input space, at an output that uses every address bit, while an adversary
// looks on.
TEST(Split, EveryBlockOfEveryGeometry) {
    unsigned blocks = 0;
    for_every_block_level([&](Machine& m, Level level) {
        const Geometry& g = m.geometry;
        const std::uint64_t size = size_at(g, level);
        const std::uint64_t ipa = (std::uint64_t{1} << g.ipa_bits()) - size;
        const std::uint64_t pa = high_output(g) + size;
        map(m, ipa, pa, size,
            {.permissions = Permissions::rw(), .type = MemoryType::device_nGnRE, .software = 9});
        // [5:2] MemAttr 0001, [7:6] S2AP 11, [9:8] SH 11, [10] AF, [54] XN, [58:55] 1001.
        const std::uint64_t bits = 0x04c0'0000'0000'07c4;
        ASSERT_EQ(m.leaves(), leaves_of(g, level, ipa, pa, size, bits));
        const std::uint64_t inside[] = {0, size / 2 - 1, size / 2, size - 1};
        m.port.on_change = [&] {
            for (const std::uint64_t at : inside) {
                const auto found = m.translate(ipa + at);
                EXPECT_TRUE(!found || *found == pa + at);
            }
        };
        ASSERT_TRUE(split(m, ipa, size, size_at(g, level + 1)));
        EXPECT_EQ(m.leaves(), leaves_of(g, level + 1, ipa, pa, size, bits));
        for (const std::uint64_t at : inside) {
            EXPECT_EQ(m.translate(ipa + at), pa + at);
        }
        EXPECT_EQ(m.port.invalidations, 1U);
        EXPECT_TRUE(m.owed.empty());
        m.adversary.expect_clean();
        ++blocks;
    });
    EXPECT_GT(blocks, 250U);
}

TEST(Split, OverTwoLevelsInOneStep) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB);
    m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
        EXPECT_EQ(m.raw({1}) & 3, 2U);
        EXPECT_EQ(m.port.live(), 1U + 513U); // built before the break
        note(all);
    };
    const unsigned completions = m.port.completions;
    ASSERT_TRUE(split(m, first_ipa, GiB, 4 * KiB));
    EXPECT_EQ(m.leaves(), run_of(first_ipa, 4 * KiB, first_pa | raw_rwx | raw_page, 512 * 512));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges, (std::vector<InvalidationRange>{{Ipa{first_ipa}, GiB, 1}}));
    EXPECT_TRUE(m.discharged[0].leaf_only);
    EXPECT_EQ(m.discharged[0].scope, InvalidationScope::inner_shareable);
    EXPECT_GT(m.port.completions, completions);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 1U + 513U);
    const TableCounters& c = m.table.counters();
    EXPECT_EQ(c.tables, 513U);
    EXPECT_EQ(c.tables_made, 513U);
    EXPECT_EQ(c.tables_freed, 0U);
    EXPECT_EQ(c.blocks_split, 1U);
    EXPECT_EQ(c.breaks, 1U);
    EXPECT_EQ(c.invalidations, 1U);
}

TEST(Split, UpperOutputBitsOverTwoLevels) {
    Machine m{full_features(), five_levels()};
    const std::uint64_t ipa = 0xf'ff80'0000'0000;
    const std::uint64_t pa = 0xd'a580'0000'0000;
    map(m, ipa, pa, 512 * GiB);
    ASSERT_TRUE(split(m, ipa, 512 * GiB, 2 * MiB));
    // Bits 49:12 in place; 51:50 = 11 in [9:8].
    EXPECT_EQ(m.leaves(),
              run_of(ipa, 2 * MiB, 0x0001'a580'0000'0301 | (raw_rwx & ~0x300U), 512 * 512));
    EXPECT_EQ(m.translate(ipa + 512 * GiB - 1), pa + 512 * GiB - 1);
}

// Tables of small leaves, blocks that are small enough and holes stay as they are.
TEST(Split, SkipsWhatIsSmallEnough) {
    Machine m{full_features(), three_levels()};
    map(m, 0, first_pa, 2 * MiB);
    map(m, 0x60'1000, first_pa + GiB, 8 * KiB);
    map(m, first_ipa, first_pa, GiB);
    map(m, 0xc000'0000, first_pa, GiB + 2 * MiB);
    const std::uint64_t low = m.raw({0});
    const std::uint64_t pages = m.raw({0, 3});
    const std::uint64_t high = m.raw({4});
    const auto expected =
        join({run_of(0, 2 * MiB, first_pa | raw_rwx | raw_block, 1),
              run_of(0x60'1000, 4 * KiB, (first_pa + GiB) | raw_rwx | raw_page, 2),
              run_of(first_ipa, 2 * MiB, first_pa | raw_rwx | raw_block, 512),
              run_of(0xc000'0000, 2 * MiB, first_pa | raw_rwx | raw_block, 512),
              run_of(0x1'0000'0000, 2 * MiB, (first_pa + GiB) | raw_rwx | raw_block, 1)});
    ASSERT_TRUE(split(m, 0, ipa_limit, 2 * MiB));
    EXPECT_EQ(m.leaves(), expected);
    EXPECT_EQ(m.raw({0}), low);
    EXPECT_EQ(m.raw({0, 3}), pages);
    EXPECT_EQ(m.raw({4}), high);
    EXPECT_EQ(m.table.counters().blocks_split, 2U);
    // Once more, and to larger sizes: nothing to do, so nothing is done.
    const auto before = m.memory();
    m.port.on_change = [] { ADD_FAILURE() << "a store"; };
    m.port.allocations_until_failure = 0;
    const unsigned invalidations = m.port.invalidations;
    ASSERT_TRUE(split(m, 0, ipa_limit, 2 * MiB));
    ASSERT_TRUE(split(m, 0, ipa_limit, GiB));
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.invalidations, invalidations);
    EXPECT_EQ(m.port.failures, 0U);
    EXPECT_EQ(m.memory(), before);
}

TEST(Split, FindsTheBlocksBelowATable) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * KiB);
    map(m, first_ipa + 2 * MiB, first_pa + 2 * MiB, 4 * MiB);
    const std::uint64_t pages = m.raw({1, 0});
    ASSERT_TRUE(split(m, 0, ipa_limit, 4 * KiB));
    EXPECT_EQ(m.leaves(), join({run_of(first_ipa, 4 * KiB, first_pa | raw_rwx | raw_page, 1),
                                run_of(first_ipa + 2 * MiB, 4 * KiB,
                                       (first_pa + 2 * MiB) | raw_rwx | raw_page, 1024)}));
    EXPECT_EQ(m.raw({1, 0}), pages);
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{first_ipa + 2 * MiB}, 4 * MiB, 2}}));
}

// A page on each side of a border is enough to split both blocks as a whole, and no third one.
TEST(Split, WholeBlocksThatTheRangeTouches) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * GiB);
    ASSERT_TRUE(split(m, 0xbfff'f000, 8 * KiB, 2 * MiB));
    EXPECT_EQ(m.leaves(),
              join({run_of(first_ipa, GiB, first_pa | raw_rwx | raw_block, 1),
                    run_of(0x8000'0000, 2 * MiB, (first_pa + GiB) | raw_rwx | raw_block, 1024),
                    run_of(0x1'0000'0000, GiB, (first_pa + 3 * GiB) | raw_rwx | raw_block, 1)}));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{0x8000'0000}, 2 * GiB, 1}}));
}

TEST(Split, AttributesAreKept) {
    for (const DescribedLeaf& leaf : described_leaves) {
        SCOPED_TRACE(leaf.name);
        for (const std::uint64_t size : {2 * MiB, 4 * KiB}) {
            Machine m{leaf.features(), three_levels()};
            map(m, first_ipa, first_pa, GiB, leaf.attributes);
            ASSERT_EQ(m.raw({1}), first_pa | leaf.block);
            ASSERT_TRUE(split(m, first_ipa, GiB, size));
            const std::uint64_t bits = size == 4 * KiB ? leaf.page() : leaf.block;
            EXPECT_EQ(m.leaves(), run_of(first_ipa, size, first_pa | bits, GiB / size));
        }
    }
}

// Between the look at the block and its break hardware takes its turn.
TEST(Split, HardwareUpdatesRightBeforeTheBreakAreKept) {
    for (const std::uint64_t update : {raw_af, raw_write, raw_af | raw_write}) {
        for (const std::uint64_t size : {2 * MiB, 4 * KiB}) {
            Machine m{full_features(), three_levels(), 8 * MiB};
            map(m, first_ipa, first_pa, 2 * GiB,
                {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
            unsigned calls = 0;
            m.port.on_atomic = [&](std::uint64_t& word) {
                if (calls++ == 1) {
                    word |= update;
                }
            };
            ASSERT_TRUE(split(m, first_ipa, 2 * GiB, size));
            EXPECT_EQ(calls, 3U); // the second block took two tries
            const std::uint64_t type = size == 4 * KiB ? raw_page : raw_block;
            const std::uint64_t bits = ((raw_r & ~raw_af) | raw_dbm) + type;
            // The first block saw no update, and gets none.
            EXPECT_EQ(m.leaves(), join({run_of(first_ipa, size, first_pa | bits, GiB / size),
                                        run_of(first_ipa + GiB, size,
                                               (first_pa + GiB) | bits | update, GiB / size)}));
        }
    }
}

TEST(Split, EveryErrorChangesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB);
    const auto before = m.memory();
    const auto expect_error = [&](const std::expected<void, Error>& result, Error error) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), error);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.live(), 1U);
    };
    for (const BadRange& row : bad_ranges) {
        expect_error(split(m, row.ipa, row.length, 4 * KiB), row.error);
    }
    for (const std::uint64_t size :
         {std::uint64_t{0}, 2 * KiB, 8 * KiB, 16 * KiB, 32 * MiB, 512 * GiB, ~std::uint64_t{0}}) {
        SCOPED_TRACE(size);
        expect_error(split(m, first_ipa, GiB, size), Error::size_not_mappable);
    }
}

} // namespace
} // namespace twofold::test
