// SPDX-License-Identifier: MIT
// Whole values of VTCR_EL2, put together by hand, and where its fields are.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

namespace {

using namespace twofold;

std::uint64_t vtcr(const CpuFeatures& f, const GeometryRequest& r, const VtcrOptions& options) {
    const auto g = Geometry::make(f, r);
    EXPECT_TRUE(g);
    return g ? g->vtcr(options).value : 0;
}

// Walks are Write-Back, Inner Shareable: IRGN0 = 01 (0x100), ORGN0 = 01 (0x400), SH0 = 11 (0x3000);
// bit 31 is RES1.
TEST(Vtcr, WholeValues) {
    using reference::full_cpu;
    // 40 bits in and out from level 1: T0SZ 24, SL0 01, PS 010. What KVM has on a cortex-a53.
    EXPECT_EQ(vtcr(full_cpu(40), {.ipa_bits = 40}, {}), 0x8002'3558U);
    // The same with 44 output bits, from level 0: SL0 10, PS 100.
    EXPECT_EQ(vtcr(full_cpu(44), {.ipa_bits = 40, .prefer = Prefer::fewest_root_pages}, {}),
              0x8004'3598U);
    // 48 bits: T0SZ 16, SL0 10, PS 101; VS 19, HA 21, HD 22.
    EXPECT_EQ(vtcr(full_cpu(48), {.ipa_bits = 48}, {.vmid16 = true}), 0x800d'3590U);
    EXPECT_EQ(vtcr(full_cpu(48), {.ipa_bits = 48}, {.hardware_access_flag = true}), 0x8025'3590U);
    EXPECT_EQ(vtcr(full_cpu(48), {.ipa_bits = 48}, {.hardware_dirty_state = true}), 0x8045'3590U);
    // 34 bits from level 2: T0SZ 30, SL0 00.
    EXPECT_EQ(vtcr(full_cpu(48), {.ipa_bits = 34}, {}), 0x8005'351eU);
    // 20 bits from level 3 (FEAT_TTST): T0SZ 44, SL0 11.
    EXPECT_EQ(vtcr(full_cpu(48), {.ipa_bits = 20}, {}), 0x8005'35ecU);
    // LPA2, 52 bits: DS 32, PS 110, T0SZ 12; from level 0 SL0 10, from level -1 SL2 33 and SL0 00.
    EXPECT_EQ(vtcr(full_cpu(52), {.ipa_bits = 52, .lpa2 = true}, {}), 0x1'8006'358cU);
    EXPECT_EQ(vtcr(full_cpu(52), {.ipa_bits = 52, .lpa2 = true, .initial_level = -1}, {}),
              0x3'8006'350cU);
    // 16K: TG0 10, 48 bits from level 1: SL0 10.
    EXPECT_EQ(vtcr(full_cpu(48), {.granule = Granule::k16, .ipa_bits = 48}, {}), 0x8005'b590U);
    // 16K with LPA2 from level 0: SL0 11, SL2 stays 0.
    EXPECT_EQ(vtcr(full_cpu(52), {.granule = Granule::k16, .ipa_bits = 52, .lpa2 = true}, {}),
              0x1'8006'b5ccU);
    // 64K: TG0 01, 42 bits from level 2 SL0 01; 52 bits from level 1 SL0 10, DS stays 0.
    EXPECT_EQ(vtcr(full_cpu(48), {.granule = Granule::k64, .ipa_bits = 42}, {}), 0x8005'7556U);
    EXPECT_EQ(vtcr(full_cpu(52), {.granule = Granule::k64, .ipa_bits = 52}, {}), 0x8006'758cU);
}

TEST(Vtcr, OptionsFollowTheFeatures) {
    CpuFeatures f;
    EXPECT_FALSE(VtcrOptions::of(f).hardware_access_flag);
    EXPECT_FALSE(VtcrOptions::of(f).hardware_dirty_state);
    EXPECT_FALSE(VtcrOptions::of(f).vmid16);
    f.access_flag = f.vmid16 = true;
    EXPECT_TRUE(VtcrOptions::of(f).hardware_access_flag);
    EXPECT_FALSE(VtcrOptions::of(f).hardware_dirty_state);
    EXPECT_TRUE(VtcrOptions::of(f).vmid16);
    f.dirty_state = true;
    EXPECT_TRUE(VtcrOptions::of(f).hardware_dirty_state);
}

TEST(Vtcr, FieldsAreWhereTheManualHasThem) {
    EXPECT_EQ(Vtcr::t0sz::mask, 0x3fU);
    EXPECT_EQ(Vtcr::sl0::mask, 0xc0U);
    EXPECT_EQ(Vtcr::irgn0::mask, 0x300U);
    EXPECT_EQ(Vtcr::orgn0::mask, 0xc00U);
    EXPECT_EQ(Vtcr::sh0::mask, 0x3000U);
    EXPECT_EQ(Vtcr::tg0::mask, 0xc000U);
    EXPECT_EQ(Vtcr::ps::mask, 0x7'0000U);
    EXPECT_EQ(Vtcr::vs::mask, 0x8'0000U);
    EXPECT_EQ(Vtcr::ha::mask, 0x20'0000U);
    EXPECT_EQ(Vtcr::hd::mask, 0x40'0000U);
    EXPECT_EQ(Vtcr::hwu::mask, 0x1e00'0000U);
    EXPECT_EQ(Vtcr::nsw::mask, 0x2000'0000U);
    EXPECT_EQ(Vtcr::nsa::mask, 0x4000'0000U);
    EXPECT_EQ(Vtcr::res1::mask, 0x8000'0000U);
    EXPECT_EQ(Vtcr::ds::mask, 0x1'0000'0000U);
    EXPECT_EQ(Vtcr::sl2::mask, 0x2'0000'0000U);
    EXPECT_EQ(Vtcr::assured_only::mask, 0x4'0000'0000U);
    EXPECT_EQ(Vtcr::tl1::mask, 0x8'0000'0000U);
    EXPECT_EQ(Vtcr::s2pie::mask, 0x10'0000'0000U);
    EXPECT_EQ(Vtcr::s2poe::mask, 0x20'0000'0000U);
    EXPECT_EQ(Vtcr::d128::mask, 0x40'0000'0000U);
    EXPECT_EQ(Vtcr::gcsh::mask, 0x100'0000'0000U);
    EXPECT_EQ(Vtcr::tl0::mask, 0x200'0000'0000U);
    EXPECT_EQ(Vtcr::haft::mask, 0x1000'0000'0000U);
    EXPECT_EQ(Vtcr{0x8002'3558}.ipa_bits(), 40U);
}

} // namespace
