// SPDX-License-Identifier: MIT
// VTTBR_EL2: whole values by hand, and what is refused.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

namespace {

using namespace twofold;
using reference::full_cpu;

Geometry make(unsigned pamax, const GeometryRequest& request) {
    return Geometry::make(full_cpu(pamax), request).value();
}

TEST(Vttbr, WholeValues) {
    const auto g = make(48, {.ipa_bits = 40}); // two tables: 8 KiB
    EXPECT_EQ(Vttbr::make(g, Pa{0x1234'5678'a000}, 1, false)->value, 0x0001'1234'5678'a000U);
    EXPECT_EQ(Vttbr::make(g, Pa{0x1234'5678'a000}, 0xff, false)->value, 0x00ff'1234'5678'a000U);
    EXPECT_EQ(Vttbr::make(g, Pa{0x4000'0000}, 0xabcd, true)->value, 0xabcd'0000'4000'0000U);
    EXPECT_EQ(Vttbr::make(g, Pa{0x4000'0000}, 0x12, true, true)->value, 0x0012'0000'4000'0001U);

    // LPA2 puts address bits 51:48 into 5:2, however small the tables are.
    const auto lpa2 = make(52, {.ipa_bits = 44, .lpa2 = true});
    EXPECT_EQ(Vttbr::make(lpa2, Pa{0x9'1234'5678'9000}, 1, false)->value, 0x0001'1234'5678'9024U);
    EXPECT_EQ(Vttbr::make(lpa2, Pa{0xf'0000'0000'1000}, 1, false, true)->value,
              0x0001'0000'0000'103dU);
    // So does 64K with PS = 52 bits, but not with PS = 48 on the same CPU.
    const auto k64 = make(52, {.granule = Granule::k64, .ipa_bits = 48});
    EXPECT_EQ(Vttbr::make(k64, Pa{0x6'1234'5678'0000}, 1, false)->value, 0x0001'1234'5678'0018U);
    EXPECT_TRUE(Vttbr::wide(k64));
    const auto narrow = make(52, {.granule = Granule::k64, .ipa_bits = 48, .pa_bits = 48});
    EXPECT_FALSE(Vttbr::wide(narrow));
    EXPECT_FALSE(Vttbr::make(narrow, Pa{0x6'1234'5678'0000}, 1, false));
    EXPECT_EQ(Vttbr::make(narrow, Pa{0x1234'5678'0000}, 1, false)->value, 0x0001'1234'5678'0000U);
    EXPECT_FALSE(Vttbr::wide(make(52, {.ipa_bits = 40})));
    EXPECT_FALSE(Vttbr::wide(make(48, {.granule = Granule::k64, .ipa_bits = 48})));
}

TEST(Vttbr, RootReadsBack) {
    const auto check = [](const Geometry& g, std::uint64_t root) {
        const auto v = Vttbr::make(g, Pa{root}, 0xff, false, true);
        ASSERT_TRUE(v);
        EXPECT_EQ(v->root(g), Pa{root});
    };
    check(make(48, {.ipa_bits = 40}), 0xffff'ffff'e000);
    check(make(52, {.ipa_bits = 52, .lpa2 = true}), 0xf'ffff'ffff'0000);
    check(make(52, {.granule = Granule::k16, .ipa_bits = 52, .lpa2 = true}), 0xa'ffff'ffff'c000);
    check(make(52, {.granule = Granule::k64, .ipa_bits = 52}), 0x5'ffff'ffff'0000);
    check(make(48, {.granule = Granule::k16, .ipa_bits = 48}), 0xffff'ffff'8000);
}

TEST(Vttbr, TheRootIsAlignedToAllItsTables) {
    // IPA bits 40..43 from level 1: 2, 4, 8 and 16 tables of 4 KiB.
    for (unsigned ia = 39; ia <= 43; ++ia) {
        const auto g = make(48, {.ipa_bits = ia});
        const std::uint64_t bytes[] = {0x1000, 0x2000, 0x4000, 0x8000, 0x1'0000};
        const std::uint64_t size = bytes[ia - 39];
        for (std::uint64_t root = 0x1'0000; root < 0x3'0000; root += 0x800) {
            const auto v = Vttbr::make(g, Pa{root}, 1, false);
            EXPECT_EQ(v.has_value(), root % size == 0) << ia << ' ' << std::hex << root;
            if (!v) {
                EXPECT_EQ(v.error(), Error::table_misaligned);
            }
        }
    }
}

TEST(Vttbr, TheRootFitsTheOutputSize) {
    const auto g = make(48, {.ipa_bits = 40, .pa_bits = 36});
    EXPECT_TRUE(Vttbr::make(g, Pa{0xf'ffff'e000}, 1, false));
    const auto v = Vttbr::make(g, Pa{0x10'0000'0000}, 1, false);
    ASSERT_FALSE(v);
    EXPECT_EQ(v.error(), Error::pa_out_of_range);
    EXPECT_FALSE(Vttbr::make(make(48, {}), Pa{0x1'0000'0000'0000}, 1, false));
}

TEST(Vttbr, VmidWidth) {
    const auto g = make(48, {});
    struct Row {
        unsigned vmid;
        bool with8, with16;
    };
    for (const auto& row :
         {Row{0, false, false}, Row{1, true, true}, Row{0xff, true, true}, Row{0x100, false, true},
          Row{0xffff, false, true}, Row{0x1'0000, false, false}}) {
        EXPECT_EQ(Vttbr::make(g, Pa{0x4000'0000}, row.vmid, false).has_value(), row.with8);
        EXPECT_EQ(Vttbr::make(g, Pa{0x4000'0000}, row.vmid, true).has_value(), row.with16);
    }
    EXPECT_EQ(Vttbr::make(g, Pa{0x4000'0000}, 0x100, false).error(), Error::vmid_out_of_range);
}

} // namespace
