// SPDX-License-Identifier: MIT
// Sizes of granules, tables and levels.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace {

using namespace twofold;

TEST(Granule, SizesAndTables) {
    for (const auto& row : reference::granule_rows) {
        EXPECT_EQ(granule_bytes(row.granule), row.bytes);
        EXPECT_EQ(std::uint64_t{1} << granule_bits(row.granule), row.bytes);
        EXPECT_EQ(1U << index_bits(row.granule), row.table_entries);
        EXPECT_EQ(row.table_entries * 8, row.bytes); // a full table fills a granule
        EXPECT_EQ(tg0_of(row.granule), row.tg0);
    }
}

TEST(Granule, WhatAnEntryOfEachLevelCovers) {
    for (const auto& row : reference::shift_rows) {
        EXPECT_EQ(level_shift(row.granule, row.level), row.bits);
    }
}

TEST(Granule, ContiguousEntriesPerLevel) {
    for (const auto& row : reference::leaf_rows) {
        EXPECT_EQ(contiguous_entries(row.granule, row.level), row.contiguous)
            << reference::granule_row(row.granule).bytes << " level " << row.level;
    }
    EXPECT_EQ(contiguous_entries(Granule::k4, -1), 1U);
    EXPECT_EQ(contiguous_entries(Granule::k16, 0), 1U);
}

TEST(Address, AlignsAndMeasures) {
    EXPECT_EQ(align_down(0x1fff, 0x1000), 0x1000U);
    EXPECT_EQ(align_down(0x2000, 0x1000), 0x2000U);
    EXPECT_EQ(align_up(0x1001, 0x1000), 0x2000U);
    EXPECT_EQ(align_up(0x1000, 0x1000), 0x1000U);
    EXPECT_TRUE(is_aligned(0x20'0000, 2 * MiB));
    EXPECT_FALSE(is_aligned(0x20'1000, 2 * MiB));
    EXPECT_EQ(log2_of(1), 0U);
    EXPECT_EQ(log2_of(std::uint64_t{1} << 52), 52U);
    EXPECT_EQ(bit_mask(63, 0), 0xffff'ffff'ffff'ffffU);
    EXPECT_EQ(bit_mask(0, 0), 1U);
    EXPECT_EQ(bit_mask(47, 12), 0xffff'ffff'f000U);
    EXPECT_EQ(KiB, 1024U);
    EXPECT_EQ(MiB, 1048576U);
    EXPECT_EQ(GiB, 1073741824U);
    EXPECT_EQ(TiB, 1099511627776U);

    const Ipa a{0x1234'5678};
    EXPECT_EQ((a + 8).value, 0x1234'5680U);
    EXPECT_EQ((a - 8).value, 0x1234'5670U);
    EXPECT_EQ((a + 8) - a, 8U);
    EXPECT_EQ(a.align_down(4 * KiB).value, 0x1234'5000U);
    EXPECT_EQ(a.align_up(4 * KiB).value, 0x1234'6000U);
    EXPECT_EQ(a.offset_in(4 * KiB), 0x678U);
    EXPECT_FALSE(a.is_aligned(16));
    EXPECT_TRUE(a.is_aligned(8));
    EXPECT_LT(a, a + 1);
}

static_assert(!std::is_convertible_v<Ipa, Pa> && !std::is_convertible_v<std::uint64_t, Ipa> &&
                  !std::is_convertible_v<Pa, std::uint64_t>,
              "addresses do not mix");

TEST(Field, GetSetAndCut) {
    using f = Field<15, 12>;
    EXPECT_EQ(f::max, 0xfU);
    EXPECT_EQ(f::mask, 0xf000U);
    EXPECT_EQ(f::get(0xabcd), 0xaU);
    EXPECT_EQ(f::of(0x5), 0x5000U);
    EXPECT_EQ(f::of(0x15), 0x5000U);
    EXPECT_EQ(f::set(0xffff, 0), 0x0fffU);
    EXPECT_TRUE(f::is_set(0x1000));
    EXPECT_FALSE(f::is_set(0x0fff));
    using top = Field<63>;
    EXPECT_EQ(top::of(1), 0x8000'0000'0000'0000U);
    using all = Field<63, 0>;
    EXPECT_EQ(all::max, 0xffff'ffff'ffff'ffffU);
}

} // namespace
