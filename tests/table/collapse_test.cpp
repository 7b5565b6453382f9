// SPDX-License-Identifier: MIT
// Stage2::collapse(): tables of leaves that say the same become blocks, as large as they may.
#include "bad_ranges.hpp"
#include "blocks.hpp"
#include "collapsing.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

// The last block of the input space, while an adversary looks on.
TEST(Collapse, EveryBlockOfEveryGeometry) {
    unsigned blocks = 0;
    for_every_block_level([&](Machine& m, Level level) {
        const Geometry& g = m.geometry;
        const std::uint64_t size = size_at(g, level);
        const std::uint64_t ipa = (std::uint64_t{1} << g.ipa_bits()) - size;
        const std::uint64_t pa = high_output(g) + size;
        map(m, ipa, pa, size, size_at(g, level + 1),
            {.permissions = Permissions::rx(), .type = MemoryType::normal_nc, .software = 6});
        // [5:2] MemAttr 0101, [7:6] S2AP 01, [9:8] SH 11, [10] AF, [58:55] 0110.
        const std::uint64_t bits = 0x0300'0000'0000'0754;
        ASSERT_EQ(m.leaves(), leaves_of(g, level + 1, ipa, pa, size, bits));
        const std::size_t live = m.port.live();
        const std::uint64_t inside[] = {0, size / 2 - 1, size / 2, size - 1};
        m.port.on_change = [&] {
            for (const std::uint64_t at : inside) {
                const auto found = m.translate(ipa + at);
                EXPECT_TRUE(!found || *found == pa + at);
            }
        };
        EXPECT_EQ(collapse(m, ipa, size), 1U);
        EXPECT_EQ(m.leaves(), leaves_of(g, level, ipa, pa, size, bits));
        for (const std::uint64_t at : inside) {
            EXPECT_EQ(m.translate(ipa + at), pa + at);
        }
        EXPECT_EQ(m.port.invalidations, 1U);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.live(), live - 1);
        m.adversary.expect_clean();
        ++blocks;
    });
    EXPECT_GT(blocks, 250U);
}

// A full table of the largest leaves is as good as it gets.
TEST(Collapse, NoBlockWhereTheArchitectureHasNone) {
    struct Row {
        const char* name = {};
        GeometryRequest request = {};
        unsigned pa_bits = 52;
        std::uint64_t leaf = {};
        std::uint64_t table = {}; // covered by one table of such leaves
    };
    const Row rows[] = {
        {"4K, level 0", {.granule = Granule::k4, .ipa_bits = 48}, 52, GiB, 512 * GiB},
        {"16K, level 1",
         {.granule = Granule::k16, .ipa_bits = 47, .initial_level = 1},
         52,
         32 * MiB,
         64 * GiB},
        {"4K LPA2, level -1", five_levels(), 52, 512 * GiB, 256 * TiB},
        {"64K, level 1, 48 bits of output",
         {.granule = Granule::k64, .ipa_bits = 48, .initial_level = 1},
         48,
         512 * MiB,
         4 * TiB},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        CpuFeatures features = full_features();
        features.pa_bits = static_cast<std::uint8_t>(row.pa_bits);
        Machine m{features, row.request};
        map(m, row.table, row.table, row.table, ~std::uint64_t{0});
        ASSERT_EQ(m.leaves().size(), row.table / row.leaf);
        ASSERT_EQ(m.leaves()[0].size, row.leaf);
        ASSERT_EQ(m.port.live(), 2U);
        expect_untouched(m, 0, std::uint64_t{1} << row.request.ipa_bits);
    }
}

// 512 blocks of 2 MiB, eight to an invalidation, and then the one that they make.
TEST(Collapse, FromPagesToTheLargestBlockInOneCall) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, 4 * KiB);
    ASSERT_EQ(m.port.live(), 1U + 513U);
    EXPECT_EQ(collapse(m, first_ipa, GiB), 513U);
    EXPECT_EQ(m.leaves(), run_of(first_ipa, GiB, first_pa | raw_rw | raw_block, 1));
    EXPECT_EQ(m.port.live(), 1U);
    ASSERT_EQ(m.discharged.size(), 65U);
    for (unsigned i = 0; i < 64; ++i) {
        EXPECT_EQ(m.discharged[i].ranges,
                  (std::vector<InvalidationRange>{{Ipa{first_ipa + 16 * MiB * i}, 16 * MiB, {}}}));
    }
    EXPECT_EQ(m.discharged[64].ranges, (std::vector<InvalidationRange>{{Ipa{first_ipa}, GiB, {}}}));
    for (const Discharged& d : m.discharged) {
        EXPECT_FALSE(d.leaf_only);
        EXPECT_FALSE(d.whole);
        EXPECT_EQ(d.scope, InvalidationScope::inner_shareable);
    }
    const TableCounters& c = m.table.counters();
    EXPECT_EQ(c.tables, 0U);
    EXPECT_EQ(c.tables_freed, 513U);
    EXPECT_EQ(c.breaks, 513U);
    EXPECT_EQ(c.invalidations, 65U);
    expect_untouched(m, 0, ipa_limit);
}

// Less than a full batch below: what waits is made before the table above it is looked at.
TEST(Collapse, OneTableOfPagesAmongBlocks) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, 2 * MiB);
    ASSERT_TRUE(m.table.split(Ipa{first_ipa + 34 * MiB}, 4 * MiB, 4 * KiB, m.owed));
    m.discharged.clear();
    EXPECT_EQ(collapse(m, first_ipa, GiB), 3U);
    EXPECT_EQ(m.raw({1}), first_pa | raw_rw | raw_block);
    ASSERT_EQ(m.discharged.size(), 2U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{first_ipa + 34 * MiB}, 4 * MiB, {}}}));
    EXPECT_EQ(m.discharged[1].ranges, (std::vector<InvalidationRange>{{Ipa{first_ipa}, GiB, {}}}));
    EXPECT_EQ(m.port.live(), 1U);
}

TEST(Collapse, TakesBackASplit) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    const Attributes a{.permissions = Permissions::rw(), .dbm = true, .software = 5};
    map(m, first_ipa, first_pa, 2 * GiB, GiB, a);
    const auto before = m.leaves();
    ASSERT_TRUE(m.table.split(Ipa{first_ipa}, 2 * GiB, 4 * KiB, m.owed));
    EXPECT_EQ(collapse(m, first_ipa, 2 * GiB), 1026U);
    EXPECT_EQ(m.leaves(), before);
    EXPECT_EQ(m.port.live(), 1U);
}

// The caller's limit holds for blocks and for contiguous runs.
TEST(Collapse, NothingIsLargerThanAllowed) {
    struct Row {
        std::uint64_t limit = {};
        std::uint64_t made = {};
        std::uint64_t leaf = {};
        std::uint64_t marked = {}; // leaves with the Contiguous bit
    };
    const Row rows[] = {
        {4 * KiB, 0, 4 * KiB, 0},         {64 * KiB, 0, 4 * KiB, 16384}, // 64 MiB of them
        {2 * MiB - 1, 0, 4 * KiB, 16384}, {2 * MiB, 32, 2 * MiB, 0},
        {32 * MiB, 32, 2 * MiB, 32},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.limit);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 64 * MiB, 4 * KiB);
        EXPECT_EQ(m.table.collapse(Ipa{first_ipa}, GiB, m.owed, row.limit), row.made);
        m.table.discharge(m.owed);
        const std::uint64_t type = row.leaf == 4 * KiB ? raw_page : raw_block;
        EXPECT_EQ(m.leaves(),
                  run_of(first_ipa, row.leaf, first_pa | raw_rw | type, 64 * MiB / row.leaf));
        std::uint64_t marked = 0;
        for (const RawLeaf& leaf : m.marked_leaves()) {
            marked += leaf.raw >> 52 & 1;
        }
        EXPECT_EQ(marked, row.marked);
    }
}

TEST(Collapse, TablesThatReachBeyondTheRangeStay) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 8 * MiB, 4 * KiB);
    expect_untouched(m, first_ipa, 2 * MiB - 4 * KiB);
    expect_untouched(m, first_ipa + 4 * KiB, 2 * MiB - 4 * KiB);
    expect_untouched(m, first_ipa + 4 * KiB, 2 * MiB);
    expect_untouched(m, first_ipa + MiB, 2 * MiB);
    const std::uint64_t left = m.raw({1, 0});
    const std::uint64_t right = m.raw({1, 3});
    // From inside the first table into the last.
    EXPECT_EQ(collapse(m, first_ipa + 2 * MiB - 4 * KiB, 4 * MiB + 8 * KiB), 2U);
    EXPECT_EQ(m.raw({1, 0}), left);
    EXPECT_EQ(m.raw({1, 3}), right);
    EXPECT_EQ(
        m.leaves(),
        join(
            {run_of(first_ipa, 4 * KiB, first_pa | raw_rw | raw_page, 512),
             run_of(first_ipa + 2 * MiB, 2 * MiB, (first_pa + 2 * MiB) | raw_rw | raw_block, 2),
             run_of(first_ipa + 6 * MiB, 4 * KiB, (first_pa + 6 * MiB) | raw_rw | raw_page, 512)}));
}

// All but the last page of a gigabyte: its 511 whole tables become blocks, the gigabyte does not.
TEST(Collapse, APartOfAGigabyteIsNoGigabyte) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, 4 * KiB);
    EXPECT_EQ(collapse(m, first_ipa, GiB - 4 * KiB), 511U);
    EXPECT_EQ(m.leaves(), join({run_of(first_ipa, 2 * MiB, first_pa | raw_rw | raw_block, 511),
                                run_of(first_ipa + GiB - 2 * MiB, 4 * KiB,
                                       (first_pa + GiB - 2 * MiB) | raw_rw | raw_page, 512)}));
    EXPECT_EQ(m.port.live(), 3U);
    // Next time the range is large enough.
    EXPECT_EQ(collapse(m, first_ipa, GiB), 2U);
    EXPECT_EQ(m.raw({1}), first_pa | raw_rw | raw_block);
}

TEST(Collapse, EveryErrorChangesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB);
    const auto before = m.memory();
    for (const BadRange& row : bad_ranges) {
        const auto result = m.table.collapse(Ipa{row.ipa}, row.length, m.owed);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), row.error);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
    }
}

} // namespace
} // namespace twofold::test
