// SPDX-License-Identifier: MIT
// The driver of the machine's GIC on frames in memory. What it writes stays there to be read.
#include "fake_physical_interface.hpp"
#include "gic/affinity.hpp"
#include "gic/physical_gic.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace twofold::test {

namespace {

class PhysicalGic : public testing::Test {
protected:
    static constexpr std::size_t stride = 0x20000;

    void SetUp() override {
        put32(distributor, 0xffe8, 0x3b);
        put32(distributor, 0x4, 8); // 288 INTIDs
        // As a machine with two clusters has them; in no order.
        add(0, 0x0000'0101, false);
        add(1, 0x0000'0000, false);
        add(2, 0x0000'0100, true);
        sent_sgis().clear();
        initialised_cpus() = 0;
    }
    static void put32(std::vector<std::uint64_t>& frame, std::size_t offset, std::uint32_t value) {
        std::memcpy(reinterpret_cast<char*>(frame.data()) + offset, &value, 4);
    }
    static std::uint32_t get32(const std::vector<std::uint64_t>& frame, std::size_t offset) {
        std::uint32_t value = 0;
        std::memcpy(&value, reinterpret_cast<const char*>(frame.data()) + offset, 4);
        return value;
    }
    void add(std::size_t index, std::uint32_t affinity, bool last) {
        put32(redistributors, index * stride + 0xffe8, 0x3b);
        put32(redistributors, index * stride + 0x8, last ? 0x10 : 0);
        put32(redistributors, index * stride + 0xc, affinity);
    }
    bool init() {
        return gic.init(reinterpret_cast<std::uintptr_t>(distributor.data()),
                        reinterpret_cast<std::uintptr_t>(redistributors.data()), 3 * stride);
    }

    std::vector<std::uint64_t> distributor = std::vector<std::uint64_t>(0x10000 / 8);
    std::vector<std::uint64_t> redistributors = std::vector<std::uint64_t>(3 * stride / 8);
    hyp::PhysicalGic gic;
};

TEST_F(PhysicalGic, StartsWithAffinityRoutingAndGroup1) {
    ASSERT_TRUE(init());
    EXPECT_EQ(gic.interrupts(), 288u);
    EXPECT_EQ(get32(distributor, 0x0), 0x13u); // ARE, EnableGrp1, and bit 0
    for (unsigned bank = 1; bank < 9; ++bank) {
        EXPECT_EQ(get32(distributor, 0x80 + 4 * bank), 0xffff'ffffu);
        EXPECT_EQ(get32(distributor, 0x180 + 4 * bank), 0xffff'ffffu);
        EXPECT_EQ(get32(distributor, 0x280 + 4 * bank), 0xffff'ffffu);
        EXPECT_EQ(get32(distributor, 0x400 + 32 * bank + 28), 0xa0a0'a0a0u);
    }
    EXPECT_EQ(get32(distributor, 0x180), 0u); // the private ones are not here
    EXPECT_EQ(get32(distributor, 0x180 + 4 * 9), 0u);
}

TEST_F(PhysicalGic, NeedsAGicV3) {
    put32(distributor, 0xffe8, 0x2b);
    EXPECT_FALSE(init());
}

TEST_F(PhysicalGic, FindsTheRedistributorByAffinity) {
    ASSERT_TRUE(init());
    put32(redistributors, stride + 0x14, 0x2);
    EXPECT_TRUE(gic.init_cpu(0, 0x8000'0000));
    EXPECT_EQ(initialised_cpus(), 1u);
    EXPECT_EQ(get32(redistributors, stride + 0x14), 0u); // awake
    EXPECT_EQ(get32(redistributors, stride + 0x10100), 0xffffu);
    EXPECT_EQ(get32(redistributors, stride + 0x10180), 0xffff'0000u);
    EXPECT_EQ(get32(redistributors, stride + 0x10080), 0xffff'ffffu);
    EXPECT_EQ(get32(redistributors, 0x10080), 0u);

    EXPECT_TRUE(gic.init_cpu(1, 0x8000'0100));
    EXPECT_EQ(get32(redistributors, 2 * stride + 0x10080), 0xffff'ffffu);
    EXPECT_FALSE(gic.init_cpu(2, 0x8000'0200));
    EXPECT_FALSE(gic.init_cpu(8, 0x8000'0101));
    EXPECT_EQ(initialised_cpus(), 2u);
}

TEST_F(PhysicalGic, FramesOfGicV4AreTwiceAsLarge) {
    put32(redistributors, 0x8, 0x2); // VLPIS
    put32(redistributors, 2 * stride + 0xc, 0x7);
    ASSERT_TRUE(init());
    EXPECT_FALSE(gic.init_cpu(0, 0x0)); // what lies between belongs to the first
    EXPECT_TRUE(gic.init_cpu(0, 0x7));
}

TEST_F(PhysicalGic, EnablesForOneCpu) {
    ASSERT_TRUE(init());
    ASSERT_TRUE(gic.init_cpu(0, 0x8000'0000));
    ASSERT_TRUE(gic.init_cpu(1, 0x8000'0101));
    gic.enable(1, 27);
    EXPECT_EQ(get32(redistributors, 0x10100), 1u << 27);
    gic.disable(0, 27);
    EXPECT_EQ(get32(redistributors, stride + 0x10180), 1u << 27);

    put32(distributor, 0x6000 + 8 * 33, 0);
    gic.enable(1, 33);
    EXPECT_EQ(get32(distributor, 0x6000 + 8 * 33), 0x101u);
    EXPECT_EQ(get32(distributor, 0x104), 1u << 1);
    put32(distributor, 0x204, 1u << 1);
    EXPECT_TRUE(gic.is_pending(0, 33));
    EXPECT_FALSE(gic.is_pending(0, 34));

    gic.enable(0, 288); // does not exist
    EXPECT_EQ(get32(distributor, 0x100 + 4 * 9), 0u);
}

TEST_F(PhysicalGic, MakesAnSpiPending) {
    ASSERT_TRUE(init());
    gic.set_pending(70);
    EXPECT_EQ(get32(distributor, 0x208), 1u << 6);
    gic.set_pending(27);
    gic.set_pending(288);
    EXPECT_EQ(get32(distributor, 0x200), 0u);
    EXPECT_EQ(get32(distributor, 0x224), 0u);
}

TEST_F(PhysicalGic, SendsSgisByAffinity) {
    ASSERT_TRUE(init());
    ASSERT_TRUE(gic.init_cpu(0, 0x8000'0000));
    ASSERT_TRUE(gic.init_cpu(1, 0x8000'0101));
    gic.send_sgi(0, 3);
    gic.send_sgi(1, 15);
    gic.send_sgi(9, 1);
    // INTID [27:24], Aff1 [23:16], list [15:0]
    EXPECT_EQ(sent_sgis(), (std::vector<std::uint64_t>{0x0300'0001, 0x0f01'0002}));
}

TEST(SgiTargets, CarriesEveryPartOfTheAffinity) {
    // Aff3 0x12 [55:48], RS 3 [47:44], Aff2 0x34 [39:32], INTID 5 [27:24], Aff1 0x56 [23:16],
    // Aff0 0x35: bit 5 of range 3
    EXPECT_EQ(hyp::SgiTargets::make(0x12'0034'5635, 5), 0x0012'3034'0556'0020u);
    EXPECT_TRUE(hyp::SgiTargets::name(0x0012'3034'0556'0020, 0x12'0034'5635));
    EXPECT_FALSE(hyp::SgiTargets::name(0x0012'3034'0556'0020, 0x12'0034'5625));
    EXPECT_FALSE(hyp::SgiTargets::name(0x0012'3034'0556'0020, 0x12'0034'5735));
    EXPECT_EQ(hyp::packed_affinity(0x12'0034'5678), 0x12345678u);
}

} // namespace

} // namespace twofold::test
