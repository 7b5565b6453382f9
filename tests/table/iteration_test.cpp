// SPDX-License-Identifier: MIT
// Stage2::lookup(), for_each_leaf() and for_each_run(): what they report of a table laid out here.
#include "requests.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t everything = ~std::uint64_t{0};

Mapping mapping(std::uint64_t ipa, std::uint64_t pa, std::uint64_t size, Level level,
                const Attributes& attributes = with(Permissions::rwx())) {
    return {.ipa = Ipa{ipa},
            .pa = Pa{pa},
            .size = size,
            .level = level,
            .contiguous = false,
            .attributes = attributes};
}
std::vector<Mapping> leaves_of(const Machine& m, std::uint64_t ipa, std::uint64_t length) {
    std::vector<Mapping> all;
    m.table.for_each_leaf(Ipa{ipa}, length, [&](const Mapping& leaf) { all.push_back(leaf); });
    return all;
}
std::vector<Mapping> runs_of(const Machine& m, std::uint64_t ipa, std::uint64_t length) {
    std::vector<Mapping> all;
    m.table.for_each_run(Ipa{ipa}, length, [&](const Mapping& run) { all.push_back(run); });
    return all;
}

TEST(Lookup, FindsLeavesHolesAndWhereTheWalkEnded) {
    Machine m{full_features(), three_levels()};
    const Attributes odd{.permissions = {.read = true, .execute_el0 = true},
                         .type = MemoryType::device_nGRE,
                         .shareability = Shareability::outer,
                         .access_flag = false,
                         .dbm = true,
                         .software = 9};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB);
    map(m, 0x8020'0000, 0x90'0000'0000, 4 * KiB, odd);

    const auto block = m.table.lookup(Ipa{0x7fff'ffff});
    ASSERT_TRUE(block);
    EXPECT_EQ(block->level, 1);
    EXPECT_EQ(block->raw, 0x80'0000'07d9U);
    EXPECT_EQ(block->mapping, mapping(0x4000'0000, 0x80'0000'0000, GiB, 1));

    const auto page = m.table.lookup(Ipa{0x8020'0123});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->level, 3);
    EXPECT_EQ(page->raw, 0x04a8'0090'0000'024bU);
    EXPECT_EQ(page->mapping, mapping(0x8020'0000, 0x90'0000'0000, 4 * KiB, 3, odd));

    struct Hole {
        std::uint64_t ipa = {};
        Level level = {};
    };
    for (const Hole& hole :
         {Hole{0, 1}, Hole{0x8020'1000, 3}, Hole{0x8000'0000, 2}, Hole{0xff'ffff'ffff, 1}}) {
        const auto found = m.table.lookup(Ipa{hole.ipa});
        ASSERT_TRUE(found);
        EXPECT_EQ(found->level, hole.level);
        EXPECT_EQ(found->mapping, std::nullopt);
        EXPECT_EQ(found->raw, 0U);
    }
    EXPECT_EQ(m.table.lookup(Ipa{std::uint64_t{1} << 40}).error(), Error::ipa_out_of_range);
    EXPECT_EQ(m.table.lookup(Ipa{everything}).error(), Error::ipa_out_of_range);
}

TEST(Lookup, ReservedAndMisplacedDescriptorsAreHoles) {
    Machine m{full_features(), {.granule = Granule::k4, .ipa_bits = 48}};
    map(m, 0x4000'0000, 0x80'0000'0000, 4 * KiB);
    m.set_raw({0, 1, 0, 0}, 0x80'0000'07d9); // 01 at level 3
    m.set_raw({1}, 0x80'0000'07d9);          // a block at level 0 without LPA2
    m.set_raw({2}, 0x80'0000'07d8);          // bit 0 clear
    for (const std::uint64_t ipa :
         {std::uint64_t{0x4000'0000}, std::uint64_t{1} << 39, std::uint64_t{2} << 39}) {
        const auto found = m.table.lookup(Ipa{ipa});
        ASSERT_TRUE(found);
        EXPECT_EQ(found->mapping, std::nullopt);
        EXPECT_NE(found->raw, 0U);
    }
    EXPECT_TRUE(leaves_of(m, 0, everything).empty());
    m.set_raw({0, 1, 0, 0}, 0); // what nothing but this test wrote
    m.set_raw({1}, 0);
    m.set_raw({2}, 0);
}

TEST(Lookup, HighOutputs) {
    struct Row {
        GeometryRequest request = {};
        std::uint64_t pa = {};
    };
    const Row rows[] = {
        {five_levels(), 0x000e'1234'5678'9000},
        {{.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true}, 0x000d'1234'5678'8000},
        {{.granule = Granule::k64, .ipa_bits = 52}, 0x000b'1234'5678'0000},
    };
    for (const Row& row : rows) {
        Machine m{full_features(), row.request};
        const std::uint64_t page = m.geometry.page_size();
        map(m, 0x40'0000'0000, row.pa, page);
        const auto found = m.table.lookup(Ipa{0x40'0000'0000 + page - 1});
        ASSERT_TRUE(found);
        EXPECT_EQ(found->mapping, mapping(0x40'0000'0000, row.pa, page, 3));
    }
}

TEST(ForEach, LeavesUpwardsCutToTheRange) {
    Machine m{full_features(), three_levels()};
    map(m, 0x3fff'f000, 0x7f'ffff'f000, GiB + 2 * MiB + 4 * KiB);
    map(m, 0xff'ffff'f000, 0, 4 * KiB);
    const Mapping page = mapping(0x3fff'f000, 0x7f'ffff'f000, 4 * KiB, 3);
    const Mapping gib = mapping(0x4000'0000, 0x80'0000'0000, GiB, 1);
    const Mapping mib = mapping(0x8000'0000, 0x80'4000'0000, 2 * MiB, 2);
    const Mapping last = mapping(0xff'ffff'f000, 0, 4 * KiB, 3);
    using List = std::vector<Mapping>;
    EXPECT_EQ(leaves_of(m, 0, everything), (List{page, gib, mib, last}));
    EXPECT_EQ(leaves_of(m, 0, 0x4000'0000), (List{page}));
    EXPECT_EQ(leaves_of(m, 0, 0x4000'0001), (List{page, gib}));
    // One byte inside is enough; the leaf is reported whole.
    EXPECT_EQ(leaves_of(m, 0x7fff'ffff, 1), (List{gib}));
    EXPECT_EQ(leaves_of(m, 0x7fff'ffff, 2), (List{gib, mib}));
    EXPECT_EQ(leaves_of(m, 0x8000'0001, everything), (List{mib, last}));
    EXPECT_EQ(leaves_of(m, 0x8020'0000, 0x10'0000), List{});
    EXPECT_EQ(leaves_of(m, 0x4000'0000, 0), List{});
    EXPECT_EQ(leaves_of(m, 0xff'ffff'ffff, everything), (List{last}));
    EXPECT_EQ(leaves_of(m, 0x100'0000'0000, everything), List{});
    EXPECT_EQ(leaves_of(m, everything, everything), List{});
}

TEST(ForEach, RunsJoinEqualNeighboursOnly) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    const Attributes read_only = with(Permissions::r());
    // 512 tables of pages, all one run.
    map(m, 0x4000'0000, 0x80'0000'0000, GiB, with(Permissions::rwx()), 4 * KiB);
    // Outputs go on, but the leaves are larger; then other attributes, a gap in the output, a hole.
    map(m, 0x8000'0000, 0x80'4000'0000, 4 * MiB);
    map(m, 0x8040'0000, 0x80'4040'0000, 2 * MiB, read_only);
    map(m, 0x8060'0000, 0x80'4080'0000, 2 * MiB, read_only);
    map(m, 0x80a0'0000, 0x80'40c0'0000, 2 * MiB, read_only);
    EXPECT_EQ(runs_of(m, 0, everything),
              (std::vector<Mapping>{
                  mapping(0x4000'0000, 0x80'0000'0000, GiB, 3),
                  mapping(0x8000'0000, 0x80'4000'0000, 4 * MiB, 2),
                  mapping(0x8040'0000, 0x80'4040'0000, 2 * MiB, 2, read_only),
                  mapping(0x8060'0000, 0x80'4080'0000, 2 * MiB, 2, read_only),
                  mapping(0x80a0'0000, 0x80'40c0'0000, 2 * MiB, 2, read_only),
              }));
    EXPECT_EQ(leaves_of(m, 0, everything).size(), 262144U + 2 + 3);
    EXPECT_TRUE(runs_of(m, 0, GiB).empty());
    // AF and the software bits are attributes too.
    ASSERT_TRUE(m.table.map({.ipa = Ipa{0x4000'1000},
                             .pa = Pa{0x80'0000'1000},
                             .length = 4 * KiB,
                             .attributes = {.permissions = Permissions::rwx(), .software = 1}},
                            m.owed));
    EXPECT_EQ(runs_of(m, 0x4000'0000, GiB).size(), 3U);
}

TEST(ForEach, SeesTheContiguousBit) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 2 * 4 * KiB);
    m.set_raw({1, 0, 1}, m.raw({1, 0, 1}) | std::uint64_t{1} << 52);
    const auto runs = runs_of(m, 0, everything);
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_FALSE(runs[0].contiguous);
    EXPECT_TRUE(runs[1].contiguous);
}

} // namespace
} // namespace twofold::test
