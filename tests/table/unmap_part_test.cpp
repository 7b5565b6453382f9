// SPDX-License-Identifier: MIT
// Stage2::unmap() of a part of a block: the rest stays as it was to the bit.
#include "described_leaves.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

// One page out of the largest block, in every format: the rest by size, to the last bit.
TEST(Unmap, OnePageOfTheLargestBlock) {
    struct Row {
        const char* name = {};
        GeometryRequest request = {};
        std::vector<std::uint64_t> sizes = {}; // descending, from the block on
        std::uint64_t pa_bits = {};            // as they stand in the descriptor
        std::uint64_t pa = {};
        std::uint64_t attributes = {};
    };
    const Row rows[] = {
        {"4K 1G", three_levels(), {GiB, 2 * MiB, 4 * KiB}, 0x80'0000'0000, 0x80'0000'0000, raw_rwx},
        {"4K 2M", two_levels(), {2 * MiB, 4 * KiB}, 0x80'0000'0000, 0x80'0000'0000, raw_rwx},
        {"4K LPA2 512G",
         five_levels(),
         {512 * GiB, GiB, 2 * MiB, 4 * KiB},
         0x0002'1000'0000'0200,
         0x000a'1000'0000'0000,
         raw_rwx & ~0x300U},
        {"16K 32M",
         {.granule = Granule::k16, .ipa_bits = 40},
         {32 * MiB, 16 * KiB},
         0x80'0000'0000,
         0x80'0000'0000,
         raw_rwx},
        {"16K LPA2 64G",
         {.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true},
         {64 * GiB, 32 * MiB, 16 * KiB},
         0x0001'1000'0000'0300,
         0x000d'1000'0000'0000,
         raw_rwx & ~0x300U},
        {"64K 4T",
         {.granule = Granule::k64, .ipa_bits = 52},
         {4 * TiB, 512 * MiB, 64 * KiB},
         0x0000'1000'0000'b000,
         0x000b'1000'0000'0000,
         raw_rwx},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), row.request, 4 * MiB};
        const std::uint64_t block = row.sizes.front();
        const std::uint64_t page = row.sizes.back();
        map(m, 2 * block, row.pa, block);
        const std::size_t tables = m.port.live();
        const std::uint64_t first = row.pa_bits | row.attributes;
        ASSERT_EQ(m.leaves(), run_of(2 * block, block, first | raw_block, 1));
        // In the third entry of each table on the way.
        std::uint64_t hole = 0;
        for (std::size_t i = 1; i < row.sizes.size(); ++i) {
            hole += 2 * row.sizes[i];
        }
        std::vector<RawLeaf> expected;
        std::uint64_t offset = 0;
        const auto add = [&](std::uint64_t size, std::uint64_t until) {
            for (; offset < until; offset += size) {
                expected.push_back({2 * block + offset, size,
                                    (first + offset) | (size == page ? raw_page : raw_block)});
            }
        };
        for (std::size_t i = 1; i < row.sizes.size(); ++i) {
            add(row.sizes[i], offset + 2 * row.sizes[i]);
        }
        ASSERT_EQ(offset, hole);
        offset += page;
        for (std::size_t i = row.sizes.size() - 1; i > 0; --i) {
            const std::uint64_t parent = row.sizes[i - 1];
            add(row.sizes[i], (offset + parent - 1) / parent * parent);
        }
        m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
            EXPECT_TRUE(m.leaves().empty()) << "the block must be broken first";
            note(all);
        };
        m.port.on_change = [&] {
            const auto there = m.translate(2 * block);
            EXPECT_TRUE(!there || *there == row.pa);
        };
        ASSERT_TRUE(m.table.unmap(Ipa{2 * block + hole}, page, m.owed));
        m.port.on_change = nullptr;
        EXPECT_EQ(m.leaves(), expected);
        EXPECT_EQ(m.translate(2 * block + hole), std::nullopt);
        EXPECT_EQ(m.translate(2 * block + hole - 1), row.pa + hole - 1);
        EXPECT_EQ(m.translate(2 * block + hole + page), row.pa + hole + page);
        EXPECT_EQ(m.translate(3 * block - 1), row.pa + block - 1);
        ASSERT_EQ(m.discharged.size(), 1U);
        ASSERT_EQ(m.discharged[0].ranges.size(), 1U);
        EXPECT_EQ(m.discharged[0].ranges[0].start, Ipa{2 * block});
        EXPECT_EQ(m.discharged[0].ranges[0].length, block);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.live(), tables + row.sizes.size() - 1); // one for each split
        EXPECT_EQ(m.table.counters().blocks_split, 1U);
        EXPECT_EQ(m.table.counters().breaks, 1U);
    }
}

TEST(Unmap, PartAtTheStartMiddleAndEndOfABlock) {
    struct Row {
        std::uint64_t start = {};
        std::uint64_t end = {};
        std::uint64_t tables = {};
    };
    // Offsets in the block; the tables of a cut at 2 MiB, and below it at 4 KiB.
    const Row rows[] = {
        {0, 2 * MiB, 1},
        {GiB - 2 * MiB, GiB, 1},
        {0, 4 * KiB, 2},
        {GiB - 4 * KiB, GiB, 2},
        {2 * MiB, GiB - 2 * MiB, 1},
        {3 * MiB, 5 * MiB, 3},
        {3 * MiB, 6 * MiB, 2},
        {4 * KiB, GiB - 4 * KiB, 3},
        {2 * MiB + 4 * KiB, 4 * MiB - 4 * KiB, 2},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.start);
        Machine m{full_features(), three_levels()};
        map(m, 0x4000'0000, 0x80'0000'0000, GiB);
        const std::uint64_t length = row.end - row.start;
        ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000 + row.start}, length, m.owed));
        EXPECT_EQ(m.port.live(), 1 + row.tables);
        std::uint64_t mapped = 0;
        for (const RawLeaf& leaf : m.leaves()) {
            const std::uint64_t offset = leaf.ipa - 0x4000'0000;
            EXPECT_TRUE(offset + leaf.size <= row.start || offset >= row.end);
            EXPECT_EQ(leaf.raw, 0x80'0000'0000 + offset +
                                    (raw_rwx | (leaf.size == 4 * KiB ? raw_page : raw_block)));
            mapped += leaf.size;
        }
        EXPECT_EQ(mapped, GiB - length);
        EXPECT_EQ(m.port.invalidations, 1U);
        EXPECT_TRUE(m.owed.empty());
    }
}

TEST(Unmap, RangeThatCutsABlockAtEachEnd) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 3 * GiB);
    ASSERT_TRUE(m.table.unmap(Ipa{0x7fe0'0000}, GiB + 4 * MiB, m.owed));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'07d9, 511),
                                run_of(0xc020'0000, 2 * MiB, 0x80'8020'07d9, 511)}));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, 3 * GiB, 1}}));
    EXPECT_EQ(m.table.counters().blocks_split, 2U);
    EXPECT_EQ(m.port.live(), 3U);
}

// Everything that a leaf can say survives a split into blocks and into pages.
TEST(Unmap, TheRestKeepsItsAttributes) {
    for (const DescribedLeaf& leaf : described_leaves) {
        SCOPED_TRACE(leaf.name);
        Machine m{leaf.features(), three_levels()};
        map(m, 0x4000'0000, 0x80'0000'0000, GiB, leaf.attributes);
        ASSERT_EQ(m.leaves(), run_of(0x4000'0000, GiB, 0x80'0000'0000 | leaf.block, 1));
        ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, 4 * KiB, m.owed));
        EXPECT_EQ(m.leaves(),
                  join({run_of(0x4000'1000, 4 * KiB, 0x80'0000'1000 | leaf.page(), 511),
                        run_of(0x4020'0000, 2 * MiB, 0x80'0020'0000 | leaf.block, 511)}));
    }
}

// What software or a later architecture put into other bits of a block stays too.
TEST(Unmap, TheRestKeepsBitsThatTheEngineDoesNotWrite) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB);
    const std::uint64_t more = 0xf800'0000'0000'0000 | std::uint64_t{1} << 58;
    m.set_raw({1}, m.raw({1}) | more);
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, 2 * MiB, m.owed));
    EXPECT_EQ(m.leaves(), run_of(0x4020'0000, 2 * MiB, 0x80'0020'07d9 | more, 511));
}

TEST(Unmap, HardwareUpdatesBeforeTheBreakAreKeptInTheRest) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 2 * GiB,
        {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
    m.port.on_atomic = [](std::uint64_t& word) {
        if ((word & 3) == 1) {
            word |= raw_af | raw_write;
        }
    };
    ASSERT_TRUE(m.table.unmap(Ipa{0x7fe0'0000}, 4 * MiB, m.owed));
    const std::uint64_t bits = 0x48'0000'0000'07d9;
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'0000 | bits, 511),
                                run_of(0x8020'0000, 2 * MiB, 0x80'4020'0000 | bits, 511)}));
}

TEST(Unmap, SplitDischargesEverythingThatWasOwed) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB);
    map(m, 0x1'0000'0000, 0x80'0000'0000, 4 * KiB);
    ASSERT_TRUE(m.table.unmap(Ipa{0x1'0000'0000}, 4 * KiB, m.owed));
    EXPECT_EQ(m.owed.tables_to_free(), 2U);
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, 2 * MiB, m.owed));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.discharged[0].tables, 2U);
    EXPECT_EQ(m.port.live(), 2U);
}

} // namespace
} // namespace twofold::test
