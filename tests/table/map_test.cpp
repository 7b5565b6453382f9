// SPDX-License-Identifier: MIT
// Stage2::map() where nothing is mapped yet: the leaves in memory, by hand.
#include "described_leaves.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

// A geometry by its request, with what it can map by the manual's tables.
struct Shape {
    const char* name = {};
    GeometryRequest request = {};
    unsigned root_entries = {};            // over all concatenated tables
    std::vector<std::uint64_t> sizes = {}; // ascending
};
const Shape shapes[] = {
    {"4K, 2 tables at level 1", three_levels(), 1024, {4 * KiB, 2 * MiB, GiB}},
    {"4K, 16 tables at level 1",
     {.granule = Granule::k4, .ipa_bits = 43},
     8192,
     {4 * KiB, 2 * MiB, GiB}},
    {"4K, 16 tables at level 2", two_levels(), 8192, {4 * KiB, 2 * MiB}},
    {"4K, one level",
     {.granule = Granule::k4, .ipa_bits = 24, .initial_level = 3},
     4096,
     {4 * KiB}},
    {"4K from level 0", {.granule = Granule::k4, .ipa_bits = 48}, 512, {4 * KiB, 2 * MiB, GiB}},
    {"4K LPA2 from level -1", five_levels(), 16, {4 * KiB, 2 * MiB, GiB, 512 * GiB}},
    {"4K LPA2, 16 tables at level 0",
     {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true},
     8192,
     {4 * KiB, 2 * MiB, GiB, 512 * GiB}},
    {"16K, 16 tables at level 2",
     {.granule = Granule::k16, .ipa_bits = 40},
     32768,
     {16 * KiB, 32 * MiB}},
    {"16K, 2 tables at level 1",
     {.granule = Granule::k16, .ipa_bits = 48},
     4096,
     {16 * KiB, 32 * MiB}},
    {"16K LPA2 from level 1",
     {.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true},
     32768,
     {16 * KiB, 32 * MiB, 64 * GiB}},
    {"64K from level 1",
     {.granule = Granule::k64, .ipa_bits = 52},
     1024,
     {64 * KiB, 512 * MiB, 4 * TiB}},
    {"64K, 16 tables at level 2",
     {.granule = Granule::k64, .ipa_bits = 46},
     131072,
     {64 * KiB, 512 * MiB}},
};

// A leaf's output bits, by hand: 64K has 51:48 in 15:12; LPA2 has 51:50 in 9:8.
std::uint64_t output_bits(const GeometryRequest& r, std::uint64_t pa) {
    if (r.granule == Granule::k64) {
        return (pa & 0x0000'ffff'ffff'0000) | (pa >> 48) << 12;
    }
    return r.lpa2 ? (pa & 0x0003'ffff'ffff'f000) | (pa >> 50) << 8 : pa;
}
std::uint64_t rwx_bits(const GeometryRequest& r) { return r.lpa2 ? raw_rwx & ~0x300U : raw_rwx; }

TEST(Map, ShapesHaveTheRootsTheyShould) {
    for (const Shape& s : shapes) {
        Machine m{full_features(), s.request, 16 * MiB};
        EXPECT_EQ(m.geometry.entries(m.geometry.initial_level()), s.root_entries) << s.name;
    }
}

// From the smallest leaf up to the largest and down again, around a boundary of the largest.
TEST(Map, ChoosesTheLargestLeavesThatFit) {
    for (const Shape& s : shapes) {
        SCOPED_TRACE(s.name);
        Machine m{full_features(), s.request, 16 * MiB};
        const std::uint64_t top = s.sizes.back();
        // An output that agrees with the IPA modulo the largest size, as high as it gets.
        const bool wide = s.request.granule == Granule::k64 || s.request.lpa2;
        const std::uint64_t shift = (wide ? 0xb'0000'0000'0000 : 0x7000'0000'0000);
        std::uint64_t start = top;
        for (std::size_t i = 0; i + 1 < s.sizes.size(); ++i) {
            start -= s.sizes[i];
        }
        std::vector<RawLeaf> expected;
        std::uint64_t ipa = start;
        const auto add = [&](std::uint64_t size) {
            const std::uint64_t type = size == s.sizes.front() ? raw_page : raw_block;
            expected.push_back(
                {ipa, size, output_bits(s.request, ipa + shift) | rwx_bits(s.request) | type});
            ipa += size;
        };
        for (const std::uint64_t size : s.sizes) {
            add(size);
        }
        for (std::size_t i = s.sizes.size() - 1; i-- > 0;) {
            add(s.sizes[i]);
        }
        ASSERT_TRUE(m.table.map(request(start, start + shift, ipa - start), m.owed));
        EXPECT_EQ(m.leaves(), expected);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
        EXPECT_GE(m.port.completions, 1U);
        for (const RawLeaf& leaf : expected) {
            for (const std::uint64_t at : {leaf.ipa, leaf.ipa + leaf.size - 1}) {
                const auto walk = m.walk(at, {.kind = model::AccessKind::atomic});
                ASSERT_TRUE(walk.translated());
                EXPECT_EQ(walk.translation.pa.value, at + shift);
                EXPECT_EQ(walk.translation.size, leaf.size);
            }
        }
        EXPECT_EQ(m.translate(start - 1), std::nullopt);
        EXPECT_EQ(m.translate(ipa), std::nullopt);
    }
}

TEST(Map, FirstAndLastLeafOfTheInputSpace) {
    for (const Shape& s : shapes) {
        SCOPED_TRACE(s.name);
        Machine m{full_features(), s.request, 16 * MiB};
        const std::uint64_t page = s.sizes.front();
        const std::uint64_t last = (std::uint64_t{1} << s.request.ipa_bits) - page;
        ASSERT_TRUE(m.table.map(request(0, 0x10'0000, page), m.owed));
        ASSERT_TRUE(m.table.map(request(last, 0x20'0000, page), m.owed));
        const std::uint64_t bits = rwx_bits(s.request) | raw_page;
        EXPECT_EQ(m.leaves(), (std::vector<RawLeaf>{{0, page, 0x10'0000 | bits},
                                                    {last, page, 0x20'0000 | bits}}));
        EXPECT_EQ(m.translate(last + page - 1), 0x20'0000 + page - 1);
    }
}

TEST(Map, WholeInputSpaceInOneCall) {
    Machine m{full_features(), two_levels()};
    ASSERT_TRUE(m.table.map(request(0, 0, 16 * GiB), m.owed));
    EXPECT_EQ(m.leaves(), run_of(0, 2 * MiB, raw_rwx | raw_block, 8192));
    EXPECT_EQ(m.port.live(), 1U);
    EXPECT_EQ(m.table.counters().tables_made, 0U);
}

TEST(Map, LeavesAreNoLargerThanOutputAlignmentAllows) {
    struct Row {
        std::uint64_t pa = {};
        std::uint64_t size = {};
    };
    const Row rows[] = {
        {0x80'0000'0000, GiB},
        {0x80'2000'0000, 2 * MiB},
        {0x80'0020'0000, 2 * MiB},
        {0x80'0010'0000, 4 * KiB},
        {0x80'0000'1000, 4 * KiB},
        {0x7f'ffff'f000, 4 * KiB},
        {0x0, GiB},
        {0x40'0000'0000, GiB},
    };
    for (const Row& row : rows) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        ASSERT_TRUE(m.table.map(request(0x4000'0000, row.pa, GiB), m.owed));
        const std::uint64_t type = row.size == 4 * KiB ? raw_page : raw_block;
        EXPECT_EQ(m.leaves(),
                  run_of(0x4000'0000, row.size, row.pa | raw_rwx | type, GiB / row.size));
    }
}

TEST(Map, MaxSizeCapsLeaves) {
    struct Row {
        std::uint64_t cap = {};
        std::uint64_t size = {};
    };
    const Row rows[] = {{4 * GiB, GiB},     {GiB, GiB},     {GiB - 1, 2 * MiB},
                        {2 * MiB, 2 * MiB}, {MiB, 4 * KiB}, {4 * KiB, 4 * KiB}};
    for (const Row& row : rows) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        ASSERT_TRUE(m.table.map(
            request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rw(), row.cap), m.owed));
        const std::uint64_t type = row.size == 4 * KiB ? raw_page : raw_block;
        EXPECT_EQ(m.leaves(),
                  run_of(0x4000'0000, row.size, 0x80'0000'0000 | raw_rw | type, GiB / row.size));
        // 1 GiB of pages: one table over it and 512 below; of 2 MiB blocks: one.
        const std::uint64_t tables = row.size == GiB ? 0 : row.size == 2 * MiB ? 1 : 513;
        EXPECT_EQ(m.table.counters().tables, tables);
        EXPECT_EQ(m.port.live(), tables + 1);
    }
}

TEST(Map, AttributesReachTheDescriptor) {
    for (const DescribedLeaf& leaf : described_leaves) {
        SCOPED_TRACE(leaf.name);
        Machine m{leaf.features(), three_levels()};
        MapRequest r = request(0x4000'0000, 0x8000'0000, 2 * MiB);
        r.attributes = leaf.attributes;
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.leaves(), run_of(0x4000'0000, 2 * MiB, 0x8000'0000 | leaf.block, 1));
        r.max_size = 4 * KiB;
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.leaves(), run_of(0x4000'0000, 4 * KiB, 0x8000'0000 | leaf.page(), 512));
    }
}

TEST(Map, IdenticalMapTouchesNothing) {
    for (const std::uint64_t cap : {GiB, 2 * MiB, 4 * KiB}) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        const auto r =
            request(0x3fff'f000, 0x80'3fff'f000, GiB + 2 * 4 * KiB, Permissions::rwx(), cap);
        ASSERT_TRUE(m.table.map(r, m.owed));
        const auto before = m.memory();
        unsigned touched = 0;
        m.port.on_change = [&] { ++touched; };
        m.port.on_atomic = [&](std::uint64_t&) { ++touched; };
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(touched, 0U);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
        EXPECT_EQ(m.table.counters().breaks, 0U);
        EXPECT_EQ(m.memory(), before);
    }
}

TEST(Map, NewSubtreeAppearsAtOnceAndWhole) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    std::vector<std::uint64_t> seen;
    m.port.on_change = [&] {
        const std::uint64_t root_entry = m.raw({1});
        if (seen.empty() || seen.back() != root_entry) {
            seen.push_back(root_entry);
        }
        if ((root_entry & 1) != 0) {
            EXPECT_EQ(m.translate(0x4000'0000), 0x80'0000'0000U);
            EXPECT_EQ(m.translate(0x7fff'ffff), 0x80'3fff'ffffU);
            EXPECT_EQ(m.translate(0x5234'5678), 0x80'1234'5678U);
        }
    };
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rwx(), 4 * KiB),
                            m.owed));
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.back() & 3, 3U);
    EXPECT_LE(seen.size(), 2U); // empty, table
}

} // namespace
} // namespace twofold::test
