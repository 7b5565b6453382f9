// SPDX-License-Identifier: MIT
// Descriptors: their kind at every level and format, where addresses and attributes are.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace {

using namespace twofold;

struct Format {
    const char* name;
    Granule granule;
    bool lpa2;
    unsigned pamax;
    unsigned ia;
    Level start;
    Level top_block; // by the block table
};

constexpr Format formats[] = {
    {"4K", Granule::k4, false, 48, 48, 0, 1},
    {"4K LPA2", Granule::k4, true, 52, 52, -1, 0},
    {"4K LPA2 from level 0", Granule::k4, true, 52, 52, 0, 0},
    {"16K", Granule::k16, false, 48, 48, 1, 2},
    {"16K LPA2", Granule::k16, true, 52, 52, 0, 1},
    {"64K", Granule::k64, false, 48, 48, 1, 2},
    {"64K LPA", Granule::k64, false, 52, 52, 1, 1},
};

Geometry geometry_of(const Format& f) {
    return Geometry::make(
               reference::full_cpu(f.pamax),
               {.granule = f.granule, .ipa_bits = f.ia, .lpa2 = f.lpa2, .initial_level = f.start})
        .value();
}

TEST(Descriptor, KindAtEveryLevel) {
    for (const auto& f : formats) {
        const DescriptorFormat format{geometry_of(f)};
        for (Level level = f.start; level <= 3; ++level) {
            // Nothing but bits 1:0 decides.
            for (const std::uint64_t rest : {std::uint64_t{0}, ~std::uint64_t{3}}) {
                const EntryKind expected[4] = {
                    EntryKind::invalid,
                    level < 3 && level >= f.top_block ? EntryKind::block : EntryKind::invalid,
                    EntryKind::invalid,
                    level == 3 ? EntryKind::page : EntryKind::table,
                };
                for (unsigned type = 0; type < 4; ++type) {
                    const Descriptor d{rest | type};
                    EXPECT_EQ(format.kind(d, level), expected[type])
                        << f.name << " level " << level << " type " << type;
                    EXPECT_EQ(format.is_table(d, level), expected[type] == EntryKind::table);
                    EXPECT_EQ(format.is_leaf(d, level), expected[type] == EntryKind::block ||
                                                            expected[type] == EntryKind::page);
                    EXPECT_EQ(d.valid(), (type & 1) != 0);
                }
            }
        }
    }
}

TEST(Descriptor, ContiguousIsBit52) {
    EXPECT_TRUE(Descriptor{0x0010'0000'0000'0000}.contiguous());
    EXPECT_FALSE(Descriptor{0xffef'ffff'ffff'ffff}.contiguous());
}

// Addresses whose every hexadecimal digit differs, and what the descriptor then is.
TEST(Descriptor, WholeValuesByHand) {
    const DescriptorFormat k4{geometry_of(formats[0])};
    EXPECT_EQ(k4.table(Pa{0x1234'5678'9000}).value, 0x1234'5678'9003U);
    EXPECT_EQ(k4.leaf(3, Pa{0x1234'5678'9000}, 0x4fc).value, 0x1234'5678'94ffU);
    EXPECT_EQ(k4.leaf(2, Pa{0x1234'5660'0000}, 0x7fc).value, 0x1234'5660'07fdU);
    EXPECT_EQ(k4.leaf(1, Pa{0x1234'4000'0000}, 0).value, 0x1234'4000'0001U);

    // LPA2: bits 49:48 stay, 51:50 go to 9:8.
    const DescriptorFormat lpa2{geometry_of(formats[1])};
    EXPECT_EQ(lpa2.table(Pa{0xf'0000'0000'1000}).value, 0x3'0000'0000'1303U);
    EXPECT_EQ(lpa2.table(Pa{0x4'0000'0000'1000}).value, 0x0'0000'0000'1103U);
    EXPECT_EQ(lpa2.table(Pa{0x8'0000'0000'1000}).value, 0x0'0000'0000'1203U);
    EXPECT_EQ(lpa2.table(Pa{0x1'0000'0000'1000}).value, 0x1'0000'0000'1003U);
    EXPECT_EQ(lpa2.leaf(0, Pa{0xd'5280'0000'0000}, 0).value, 0x1'5280'0000'0301U);
    EXPECT_EQ(lpa2.leaf(3, Pa{0x6'1234'5678'9000}, 0x4fc).value, 0x2'1234'5678'95ffU);

    const DescriptorFormat k16{geometry_of(formats[3])};
    EXPECT_EQ(k16.table(Pa{0x1234'5678'4000}).value, 0x1234'5678'4003U);
    EXPECT_EQ(k16.leaf(2, Pa{0x1234'5600'0000}, 0).value, 0x1234'5600'0001U);
    const DescriptorFormat k16_lpa2{geometry_of(formats[4])};
    EXPECT_EQ(k16_lpa2.leaf(1, Pa{0xb'1230'0000'0000}, 0).value, 0x3'1230'0000'0201U);

    // 64K with FEAT_LPA: bits 51:48 go to 15:12.
    const DescriptorFormat k64{geometry_of(formats[5])};
    EXPECT_EQ(k64.table(Pa{0x1234'5678'0000}).value, 0x1234'5678'0003U);
    const DescriptorFormat k64_lpa{geometry_of(formats[6])};
    EXPECT_EQ(k64_lpa.table(Pa{0x9'1234'5678'0000}).value, 0x1234'5678'9003U);
    EXPECT_EQ(k64_lpa.leaf(3, Pa{0xe'1234'5678'0000}, 0x7fc).value, 0x1234'5678'e7ffU);
    EXPECT_EQ(k64_lpa.leaf(2, Pa{0x5'1234'4000'0000}, 0).value, 0x1234'4000'5001U);
    EXPECT_EQ(k64_lpa.leaf(1, Pa{0xa'1400'0000'0000}, 0).value, 0x1400'0000'a001U);
}

// Bits that are not the address's may hold anything; 48-bit formats ignore bits 51:48.
TEST(Descriptor, AddressesAreReadFromTheirBitsOnly) {
    const std::uint64_t all = ~std::uint64_t{0};
    const DescriptorFormat k4{geometry_of(formats[0])};
    EXPECT_EQ(k4.next_table({all}).value, 0xffff'ffff'f000U);
    EXPECT_EQ(k4.output({all}, 3).value, 0xffff'ffff'f000U);
    EXPECT_EQ(k4.output({all}, 2).value, 0xffff'ffe0'0000U);
    EXPECT_EQ(k4.output({all}, 1).value, 0xffff'c000'0000U);
    const DescriptorFormat lpa2{geometry_of(formats[1])};
    EXPECT_EQ(lpa2.next_table({all}).value, 0xf'ffff'ffff'f000U);
    EXPECT_EQ(lpa2.output({all}, 0).value, 0xf'ff80'0000'0000U);
    EXPECT_EQ(lpa2.output({0x100}, 3).value, 0x4'0000'0000'0000U);
    EXPECT_EQ(lpa2.output({0x200}, 3).value, 0x8'0000'0000'0000U);
    EXPECT_EQ(lpa2.output({0xfffc'0000'0000'0cff}, 3).value, 0U);
    const DescriptorFormat k16{geometry_of(formats[3])};
    EXPECT_EQ(k16.next_table({all}).value, 0xffff'ffff'c000U);
    EXPECT_EQ(k16.output({all}, 2).value, 0xffff'fe00'0000U);
    const DescriptorFormat k16_lpa2{geometry_of(formats[4])};
    EXPECT_EQ(k16_lpa2.output({all}, 1).value, 0xf'fff0'0000'0000U);
    const DescriptorFormat k64{geometry_of(formats[5])};
    EXPECT_EQ(k64.next_table({all}).value, 0xffff'ffff'0000U);
    EXPECT_EQ(k64.output({all}, 2).value, 0xffff'e000'0000U);
    const DescriptorFormat k64_lpa{geometry_of(formats[6])};
    EXPECT_EQ(k64_lpa.next_table({all}).value, 0xf'ffff'ffff'0000U);
    EXPECT_EQ(k64_lpa.output({0x8000}, 3).value, 0x8'0000'0000'0000U);
    EXPECT_EQ(k64_lpa.output({0x1000}, 3).value, 0x1'0000'0000'0000U);
    EXPECT_EQ(k64_lpa.output({all}, 1).value, 0xf'fc00'0000'0000U);
    EXPECT_EQ(k64_lpa.output({0xffff'0000'0000'0fff}, 3).value, 0U);
}

TEST(Descriptor, EveryAddressBitRoundTrips) {
    for (const auto& f : formats) {
        const DescriptorFormat format{geometry_of(f)};
        const unsigned pa_bits = f.pamax;
        for (const auto& shift : reference::shift_rows) {
            if (shift.granule != f.granule || shift.level < f.top_block) {
                continue;
            }
            for (unsigned bit = shift.bits; bit < pa_bits; ++bit) {
                const Pa pa{std::uint64_t{1} << bit};
                const auto d = format.leaf(shift.level, pa, 0);
                EXPECT_EQ(format.output(d, shift.level), pa) << f.name << " bit " << bit;
                EXPECT_TRUE(format.is_leaf(d, shift.level));
            }
        }
        const unsigned granule_bits = reference::shift_of(f.granule, 3);
        for (unsigned bit = granule_bits; bit < pa_bits; ++bit) {
            const Pa pa{std::uint64_t{1} << bit};
            const auto d = format.table(pa);
            EXPECT_EQ(format.next_table(d), pa) << f.name << " bit " << bit;
            EXPECT_TRUE(format.is_table(d, f.start));
        }
    }
}

TEST(Descriptor, WithOutputKeepsEverythingElse) {
    for (const auto& f : formats) {
        const DescriptorFormat format{geometry_of(f)};
        for (const auto& shift : reference::shift_rows) {
            if (shift.granule != f.granule || shift.level < f.top_block) {
                continue;
            }
            // All attributes: MemAttr 5:2, S2AP 7:6, AF 10, FnXS 11, DBM 51, Contiguous 52, XN
            // 54:53, software 58:55, SH 9:8 where it is not the address's, nT 16 of a block.
            std::uint64_t attributes = 0x07f8'0000'0000'0cfc;
            if (!f.lpa2) {
                attributes |= 0x300;
            }
            if (shift.level < 3) {
                attributes |= 0x1'0000;
            }
            const std::uint64_t step = std::uint64_t{1} << shift.bits;
            const auto before = format.leaf(shift.level, Pa{3 * step}, attributes);
            const auto after = format.with_output(before, shift.level, Pa{5 * step});
            EXPECT_EQ(after, format.leaf(shift.level, Pa{5 * step}, attributes))
                << f.name << " level " << shift.level << std::hex << ' ' << before.value << ' '
                << after.value;
        }
    }
}

TEST(Descriptor, AddressMasksOfLeaves) {
    const auto mask = [](unsigned format, Level level) {
        return DescriptorFormat{geometry_of(formats[format])}.address_mask(level);
    };
    EXPECT_EQ(mask(0, 3), 0xffff'ffff'f000U);
    EXPECT_EQ(mask(0, 2), 0xffff'ffe0'0000U);
    EXPECT_EQ(mask(0, 1), 0xffff'c000'0000U);
    EXPECT_EQ(mask(1, 3), 0x3'ffff'ffff'f300U);
    EXPECT_EQ(mask(1, 0), 0x3'ff80'0000'0300U);
    EXPECT_EQ(mask(3, 2), 0xffff'fe00'0000U);
    EXPECT_EQ(mask(4, 1), 0x3'fff0'0000'0300U);
    EXPECT_EQ(mask(5, 3), 0xffff'ffff'0000U);
    EXPECT_EQ(mask(6, 3), 0xffff'ffff'f000U);
    EXPECT_EQ(mask(6, 2), 0xffff'e000'f000U);
    EXPECT_EQ(mask(6, 1), 0xfc00'0000'f000U);
}

TEST(Descriptor, NtIsForBlocksOnly) {
    const std::uint64_t nt = 0x1'0000;
    for (const auto& f : formats) {
        const DescriptorFormat format{geometry_of(f)};
        EXPECT_EQ(format.leaf(3, Pa{0}, nt).value, 0b11U) << f.name;
        EXPECT_EQ(format.leaf(2, Pa{0}, nt).value, nt | 0b01) << f.name;
        const AttributeFormat attributes{.lpa2 = f.lpa2};
        EXPECT_FALSE(attributes.decode(nt, 3).nt) << f.name;
        for (Level level = f.top_block; level < 3; ++level) {
            EXPECT_TRUE(attributes.decode(nt, level).nt) << f.name;
        }
    }
}

} // namespace
