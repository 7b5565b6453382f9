// SPDX-License-Identifier: MIT
// TLBI operands: bits by hand, the TTL table, and ranges that cover exactly what was asked.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

namespace {

using namespace twofold;

TEST(Ttl, Table) {
    struct Row {
        Granule granule;
        Level level;
        int without, with; // LPA2; -1: cannot be hinted
    };
    const Row rows[] = {
        {Granule::k4, -1, -1, -1},         {Granule::k4, 0, -1, 0b0100},
        {Granule::k4, 1, 0b0101, 0b0101},  {Granule::k4, 2, 0b0110, 0b0110},
        {Granule::k4, 3, 0b0111, 0b0111},  {Granule::k16, -1, -1, -1},
        {Granule::k16, 0, -1, -1},         {Granule::k16, 1, -1, 0b1001},
        {Granule::k16, 2, 0b1010, 0b1010}, {Granule::k16, 3, 0b1011, 0b1011},
        {Granule::k64, -1, -1, -1},        {Granule::k64, 0, -1, -1},
        {Granule::k64, 1, 0b1101, 0b1101}, {Granule::k64, 2, 0b1110, 0b1110},
        {Granule::k64, 3, 0b1111, 0b1111}, {Granule::k4, 4, -1, -1},
        {Granule::k64, 4, -1, -1},
    };
    for (const auto& row : rows) {
        for (const bool lpa2 : {false, true}) {
            const auto ttl = ttl_of(row.granule, row.level, lpa2);
            EXPECT_EQ(ttl ? static_cast<int>(*ttl) : -1, lpa2 ? row.with : row.without)
                << reference::granule_row(row.granule).bytes << " level " << row.level;
            if (!ttl) {
                EXPECT_EQ(ttl.error(), Error::ttl_level_not_encodable);
            }
        }
    }
}

TEST(TlbiByIpa, WholeValues) {
    // Xt[39:0] is IPA[51:12] for every granule, Xt[47:44] the hint.
    const auto value = [](Granule granule, bool lpa2, std::uint64_t ipa,
                          std::optional<Level> level) {
        return TlbiByIpa::make(granule, lpa2, Ipa{ipa}, level).value;
    };
    EXPECT_EQ(value(Granule::k4, false, 0x4020'3000, 3), 0x7000'0004'0203U);
    EXPECT_EQ(value(Granule::k4, false, 0x4020'0000, 2), 0x6000'0004'0200U);
    EXPECT_EQ(value(Granule::k4, false, 0x4000'0000, 1), 0x5000'0004'0000U);
    EXPECT_EQ(value(Granule::k4, false, 0x4020'3000, std::nullopt), 0x0000'0004'0203U);
    EXPECT_EQ(value(Granule::k4, false, 0x80'0000'0000, 0), 0x0000'0800'0000U);
    EXPECT_EQ(value(Granule::k4, true, 0x80'0000'0000, 0), 0x4000'0800'0000U);
    EXPECT_EQ(value(Granule::k4, true, 0xf'ffff'ffff'f000, 3), 0x70ff'ffff'ffffU);
    EXPECT_EQ(value(Granule::k4, true, 0xf'0000'0000'0000, -1), 0x00f0'0000'0000U);
    EXPECT_EQ(value(Granule::k16, false, 0x4020'4000, 3), 0xb000'0004'0204U);
    EXPECT_EQ(value(Granule::k16, true, 0x10'0000'0000, 1), 0x9000'0100'0000U);
    EXPECT_EQ(value(Granule::k64, false, 0x4021'0000, 3), 0xf000'0004'0210U);
    EXPECT_EQ(value(Granule::k64, false, 0x400'0000'0000, 1), 0xd000'4000'0000U);
    // The offset in the page has no place.
    EXPECT_EQ(value(Granule::k4, false, 0x4020'3fff, 3), 0x7000'0004'0203U);
    EXPECT_EQ(TlbiByIpa::make(Granule::k4, false, Ipa{0x4020'3fff}, 3).ipa(), Ipa{0x4020'3000});
}

std::uint64_t range(Granule granule, bool lpa2, std::uint64_t base, std::uint64_t count,
                    std::optional<Level> level) {
    const auto op = TlbiByRange::make(granule, lpa2, Ipa{base}, count, level);
    EXPECT_TRUE(op) << std::hex << base << ' ' << count;
    return op ? op->value : 0;
}

TEST(TlbiByRange, WholeValues) {
    // BaseADDR [36:0], TTL [38:37] (bit 37 is 0x20'0000'0000), NUM [43:39] (0x80'0000'0000),
    // SCALE [45:44] (0x1000'0000'0000), TG [47:46]: 01 4K (0x4000'0000'0000), 10 16K, 11 64K.
    EXPECT_EQ(range(Granule::k4, false, 0x1000, 2, std::nullopt), 0x4000'0000'0001U);
    EXPECT_EQ(range(Granule::k4, false, 0x1000, 2, 3), 0x4060'0000'0001U);
    EXPECT_EQ(range(Granule::k4, false, 0x1000, 4, std::nullopt), 0x4080'0000'0001U);
    EXPECT_EQ(range(Granule::k4, false, 0x20'0000, 512, 2),
              0x5000'0000'0000U | 0x380'0000'0000U | 0x40'0000'0000U | 0x200U);
    EXPECT_EQ(range(Granule::k4, false, 0x4000'0000, 0x4'0000, 1),
              0x7000'0000'0000U | 0x180'0000'0000U | 0x20'0000'0000U | 0x4'0000U);
    EXPECT_EQ(range(Granule::k4, false, 0, 0x20'0000, std::nullopt), 0x7f80'0000'0000U);
    EXPECT_EQ(range(Granule::k16, false, 0x4000, 2, 3), 0x8060'0000'0001U);
    EXPECT_EQ(range(Granule::k64, false, 0x1'0000, 2, 3), 0xc060'0000'0001U);
    // 64 KiB units with LPA2.
    EXPECT_EQ(range(Granule::k4, true, 0x5'0000, 2, 3), 0x4060'0000'0005U);
    EXPECT_EQ(range(Granule::k16, true, 0x5'0000, 2, 3), 0x8060'0000'0005U);
    EXPECT_EQ(range(Granule::k4, true, 0xf'ffff'ffff'0000, 2, std::nullopt), 0x400f'ffff'ffffU);
    // Level 0 and -1 have no hint of two bits; neither has level 1 of 16K without LPA2.
    EXPECT_EQ(range(Granule::k4, true, 0x1'0000, 2, 0), 0x4000'0000'0001U);
    EXPECT_EQ(range(Granule::k4, true, 0x1'0000, 2, -1), 0x4000'0000'0001U);
    EXPECT_EQ(range(Granule::k16, false, 0x4000, 2, 1), 0x8000'0000'0001U);
    EXPECT_EQ(range(Granule::k16, true, 0x10'0000'0000, 2, 1), 0x8020'0010'0000U);
}

// With a level the base is aligned to its entries, or the operation is UNPREDICTABLE.
TEST(TlbiByRange, MisalignedBasesAreRefused) {
    struct Row {
        Granule granule = Granule::k4;
        bool lpa2 = false;
        std::optional<Level> level = {};
        unsigned aligned_bits = 0; // bits below this one are zero
    };
    const Row rows[] = {
        {Granule::k4, false, std::nullopt, 12},
        {Granule::k4, false, 3, 12},
        {Granule::k4, false, 2, 21},
        {Granule::k4, false, 1, 30},
        {Granule::k4, true, std::nullopt, 16},
        {Granule::k4, true, 3, 16},
        {Granule::k4, true, 2, 21},
        {Granule::k4, true, 0, 16},
        {Granule::k16, false, 3, 14},
        {Granule::k16, false, 2, 25},
        {Granule::k16, true, 3, 16},
        {Granule::k16, true, 2, 25},
        {Granule::k16, true, 1, 36},
        {Granule::k16, false, 1, 14},
        {Granule::k64, false, 3, 16},
        {Granule::k64, false, 2, 29},
        {Granule::k64, false, 1, 42},
    };
    for (const auto& row : rows) {
        for (unsigned bit = 0; bit < 47; ++bit) {
            const std::uint64_t base = std::uint64_t{1} << bit;
            const auto op = TlbiByRange::make(row.granule, row.lpa2, Ipa{base}, 2, row.level);
            EXPECT_EQ(op.has_value(), bit >= row.aligned_bits)
                << reference::granule_row(row.granule).bytes << " bit " << bit;
            if (op) {
                EXPECT_EQ(op->base(row.granule, row.lpa2), Ipa{base});
            } else {
                EXPECT_EQ(op.error(), Error::tlbi_base_misaligned);
            }
        }
    }
}

// (NUM + 1) * 2^(5 * SCALE + 1): in steps of 2, 64, 2048 and 65536 pages, up to 32 of each.
bool expressible(std::uint64_t pages) {
    for (const std::uint64_t step : {2U, 64U, 2048U, 65536U}) {
        if (pages % step == 0 && pages / step >= 1 && pages / step <= 32) {
            return true;
        }
    }
    return false;
}

TEST(TlbiByRange, OneOperationCoversItsCountOrIsRefused) {
    const auto check = [](std::uint64_t pages) {
        const auto op = TlbiByRange::make(Granule::k4, false, Ipa{0x1234'5000}, pages, 3);
        ASSERT_EQ(op.has_value(), expressible(pages)) << pages;
        if (!op) {
            EXPECT_EQ(op.error(), Error::tlbi_pages_out_of_range);
            return;
        }
        EXPECT_EQ(op->count(), pages);
        // The same from the bits: NUM and SCALE.
        const std::uint64_t num = op->value >> 39 & 31;
        const std::uint64_t steps[] = {2, 64, 2048, 65536};
        EXPECT_EQ((num + 1) * steps[op->value >> 44 & 3], pages);
    };
    for (std::uint64_t pages = 0; pages <= 4200; ++pages) {
        check(pages);
    }
    for (std::uint64_t pages = 2048; pages <= 0x22'0000; pages += 2048) {
        check(pages - 1);
        check(pages);
        check(pages + 2);
    }
    EXPECT_EQ(TlbiByRange::max_pages, 0x20'0000U);
}

// A whole range, taken in the largest steps: exact, at most one page left over, and with LPA2
// every base stays on 64 KiB as long as the first one is.
void cover(std::uint64_t pages) {
    const std::uint64_t start = 0x40'0000'0000;
    std::uint64_t next = start;
    std::uint64_t left = pages;
    unsigned operations = 0;
    while (left > 1) {
        const std::uint64_t step = TlbiByRange::largest_pages(left);
        ASSERT_GT(step, 0U) << pages;
        ASSERT_LE(step, left) << pages;
        ASSERT_TRUE(expressible(step)) << pages << " step " << step;
        for (const bool lpa2 : {false, true}) {
            const auto op = TlbiByRange::make(Granule::k4, lpa2, Ipa{next}, step, 3);
            ASSERT_TRUE(op) << pages << " base " << std::hex << next;
            ASSERT_EQ(op->count(), step);
            ASSERT_EQ(op->base(Granule::k4, lpa2), Ipa{next});
        }
        next += step * 4096;
        left -= step;
        ++operations;
    }
    ASSERT_EQ(next + left * 4096, start + pages * 4096);
    ASSERT_EQ(TlbiByRange::largest_pages(left), 0U);
    ASSERT_EQ(left, pages % 2);
    // One per scale, and one for each whole reach of the largest.
    ASSERT_LE(operations, 4 + pages / 0x20'0000) << pages;
}

TEST(TlbiByRange, AnyCountIsCoveredExactly) {
    for (std::uint64_t pages = 0; pages <= 4096; ++pages) {
        cover(pages);
    }
    for (const std::uint64_t limit :
         {std::uint64_t{64}, std::uint64_t{2048}, std::uint64_t{65536}, std::uint64_t{0x20'0000},
          std::uint64_t{0x40'0000}, std::uint64_t{0x1000'0000}}) {
        for (std::uint64_t pages = limit - 70; pages <= limit + 70; ++pages) {
            cover(pages);
        }
    }
}

TEST(TlbiByRange, LargestPagesByHand) {
    struct Row {
        std::uint64_t count, step;
    };
    for (const auto& row :
         {Row{0, 0}, Row{1, 0}, Row{2, 2}, Row{3, 2}, Row{63, 62}, Row{64, 64}, Row{100, 64},
          Row{130, 128}, Row{512, 512}, Row{2047, 1984}, Row{2048, 2048}, Row{65535, 63488},
          Row{65536, 65536}, Row{0x20'0000, 0x20'0000}, Row{0x30'0001, 0x20'0000}}) {
        EXPECT_EQ(TlbiByRange::largest_pages(row.count), row.step) << row.count;
    }
}

TEST(TlbiByRange, UnitsOfTheBase) {
    EXPECT_EQ(TlbiByRange::base_unit(Granule::k4, false), 0x1000U);
    EXPECT_EQ(TlbiByRange::base_unit(Granule::k16, false), 0x4000U);
    EXPECT_EQ(TlbiByRange::base_unit(Granule::k64, false), 0x1'0000U);
    EXPECT_EQ(TlbiByRange::base_unit(Granule::k4, true), 0x1'0000U);
    EXPECT_EQ(TlbiByRange::base_unit(Granule::k16, true), 0x1'0000U);
}

} // namespace
