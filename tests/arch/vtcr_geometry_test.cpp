// SPDX-License-Identifier: MIT
// Values of VTCR_EL2 read back as the table that they describe.
#include "reference_tables.hpp"

#include <twofold/arch/vtcr_geometry.hpp>

#include <gtest/gtest.h>

namespace {

using namespace twofold;
using reference::full_cpu;

Geometry read(const CpuFeatures& features, std::uint64_t vtcr) {
    const auto geometry = geometry_of(features, Vtcr{vtcr});
    EXPECT_TRUE(geometry) << std::hex << vtcr;
    return geometry.value();
}

// What KVM wrote on three CPUs.
TEST(VtcrGeometry, ValuesOfLiveHosts) {
    const Geometry n1 = read(full_cpu(48), 0x802d'3558);
    EXPECT_EQ(n1.granule(), Granule::k4);
    EXPECT_EQ(n1.ipa_bits(), 40U);
    EXPECT_EQ(n1.pa_bits(), 48U);
    EXPECT_EQ(n1.initial_level(), 1);
    EXPECT_EQ(n1.root_tables(), 2U);
    EXPECT_FALSE(n1.lpa2());

    const Geometry max = read(full_cpu(52), 0x1'802e'3558); // DS, PS 110
    EXPECT_EQ(max.pa_bits(), 52U);
    EXPECT_TRUE(max.lpa2());
    EXPECT_EQ(max.initial_level(), 1);

    const Geometry two_levels = read(full_cpu(52), 0x1'802e'351e);
    EXPECT_EQ(two_levels.ipa_bits(), 34U);
    EXPECT_EQ(two_levels.initial_level(), 2);
    EXPECT_EQ(two_levels.root_tables(), 16U);
}

TEST(VtcrGeometry, EveryGeometryComesBack) {
    for (const unsigned pa_bits : {40U, 48U, 52U}) {
        const CpuFeatures features = full_cpu(pa_bits);
        unsigned found = 0;
        for (const Granule granule : all_granules) {
            for (const bool lpa2 : {false, true}) {
                for (unsigned ipa_bits = 16; ipa_bits <= 52; ++ipa_bits) {
                    for (Level level = -1; level <= page_level; ++level) {
                        const auto made = Geometry::make(features, {.granule = granule,
                                                                    .ipa_bits = ipa_bits,
                                                                    .lpa2 = lpa2,
                                                                    .initial_level = level});
                        if (made) {
                            EXPECT_EQ(geometry_of(features, made->vtcr({})), made);
                            ++found;
                        }
                    }
                }
            }
        }
        EXPECT_GT(found, 50U);
    }
}

TEST(VtcrGeometry, FieldsThatACpuDoesNotLookAt) {
    // DS and SL2 on a CPU without LPA2; PS above what it has.
    CpuFeatures features = full_cpu(48);
    features.lpa2_4k = features.lpa2_16k = false;
    const Geometry geometry = read(features, 0x3'8006'3558);
    EXPECT_FALSE(geometry.lpa2());
    EXPECT_EQ(geometry.pa_bits(), 48U);
    EXPECT_EQ(geometry.initial_level(), 1);
    // SL2 with the 16K granule
    EXPECT_EQ(read(full_cpu(52), 0x3'8006'b5cc).initial_level(), 0);
}

TEST(VtcrGeometry, WhatIsReserved) {
    EXPECT_EQ(geometry_of(full_cpu(48), Vtcr{0x8005'f590}).error(), // TG0 11
              Error::granule_not_supported);
    EXPECT_EQ(geometry_of(full_cpu(52), Vtcr{0x3'8006'354c}).error(), // SL2:SL0 101
              Error::initial_level_not_supported);
    EXPECT_EQ(geometry_of(full_cpu(48), Vtcr{0x8005'3518}).error(), // 40 bits from level 2
              Error::initial_level_inconsistent);
    EXPECT_EQ(geometry_of(full_cpu(40), Vtcr{0x8002'3550}).error(), // 48 bits on a CPU with 40
              Error::ipa_bits_above_maximum);
}

} // namespace
