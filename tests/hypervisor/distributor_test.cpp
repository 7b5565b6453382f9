// SPDX-License-Identifier: MIT
// The registers of the emulated GICD and GICR frames. Values from the GICv3 architecture.
#include "machine.hpp"

#include <gtest/gtest.h>

namespace twofold::test {

namespace {

constexpr std::uint64_t gicd = Machine::distributor;
constexpr std::uint64_t gicr = Machine::redistributors;

TEST(Distributor, TellsWhatItIs) {
    Machine machine{2};
    EXPECT_EQ(machine.read(0, gicd + 0xffe8), 0x3bu);          // PIDR2: GICv3
    EXPECT_EQ(machine.read(0, gicd + 0x4) & 0x1f, 2u);         // ITLinesNumber: INTIDs below 96
    EXPECT_EQ((machine.read(0, gicd + 0x4) >> 19) & 0x1f, 9u); // IDbits: 10 bits
    EXPECT_EQ((machine.read(0, gicd + 0x4) >> 10) & 1, 0u);    // SecurityExtn
    EXPECT_EQ((machine.read(0, gicd + 0x4) >> 17) & 1, 0u);    // LPIS
    EXPECT_EQ(machine.read(0, gicd + 0x8) & 0xfff, 0x43bu);    // IIDR: Arm
    EXPECT_EQ(machine.read(0, gicd + 0x0), 0x50u);             // DS, ARE
    machine.write(0, gicd + 0x0, 0xffff'ffff);
    EXPECT_EQ(machine.read(0, gicd + 0x0), 0x53u);
    machine.write(0, gicd + 0x0, 0);
    EXPECT_EQ(machine.read(0, gicd + 0x0), 0x50u);
}

TEST(Redistributor, TellsWhoseItIs) {
    Machine machine{3};
    for (std::uint64_t vcpu = 0; vcpu < 3; ++vcpu) {
        const std::uint64_t frame = gicr + vcpu * 0x20000;
        const std::uint64_t type = machine.read(0, frame + 8, 8);
        EXPECT_EQ(type >> 32, vcpu);
        EXPECT_EQ((type >> 8) & 0xffff, vcpu);
        EXPECT_EQ((type >> 4) & 1, vcpu == 2 ? 1u : 0u); // Last
        EXPECT_EQ(type & 1, 0u);                         // PLPIS
        EXPECT_EQ(machine.read(0, frame + 8), type & 0xffff'ffff);
        EXPECT_EQ(machine.read(0, frame + 12), type >> 32);
        EXPECT_EQ(machine.read(0, frame + 0xffe8), 0x3bu);
    }
    EXPECT_EQ(machine.gic.redistributors().size(), 3 * 0x20000u);
}

TEST(Redistributor, AffinityHasFourParts) {
    FakeCpu cpu{4};
    struct NoKick final : hyp::VcpuKick {
        void kick(unsigned) override {}
    } kick;
    const std::uint64_t mpidr = 0x12'8034'5678; // Aff3 0x12, Aff2 0x34, Aff1 0x56, Aff0 0x78
    hyp::VirtualCpuInterface* const interface = &cpu;
    hyp::VirtualGic gic;
    ASSERT_TRUE(gic.init({.distributor = Ipa{gicd},
                          .redistributors = Ipa{gicr},
                          .mpidrs = {&mpidr, 1},
                          .cpu_interfaces = {&interface, 1},
                          .kick = &kick}));
    hyp::MmioAccess access{Ipa{gicr + 8}, 8, false, 0};
    ASSERT_TRUE(gic.redistributors().access(0, access));
    EXPECT_EQ(access.value >> 32, 0x12345678u);
}

TEST(VirtualGic, RefusesAnImpossibleMachine) {
    FakeCpu cpu{4};
    struct NoKick final : hyp::VcpuKick {
        void kick(unsigned) override {}
    } kick;
    const std::vector<std::uint64_t> mpidrs(9);
    const std::vector<hyp::VirtualCpuInterface*> interfaces(9, &cpu);
    hyp::VirtualGic gic;
    hyp::VirtualGicConfig config;
    config.kick = &kick;
    EXPECT_FALSE(gic.init(config)); // no vCPU
    config.mpidrs = mpidrs;
    config.cpu_interfaces = interfaces;
    EXPECT_FALSE(gic.init(config)); // nine
    config.mpidrs = {mpidrs.data(), 8};
    EXPECT_FALSE(gic.init(config)); // eight with nine interfaces
    config.cpu_interfaces = {interfaces.data(), 8};
    EXPECT_TRUE(gic.init(config));
    config.kick = nullptr;
    EXPECT_FALSE(gic.init(config));
}

TEST(Distributor, PrivateInterruptsAreWithTheRedistributors) {
    Machine machine{1};
    for (const unsigned offset :
         {0x80u, 0x100u, 0x180u, 0x200u, 0x280u, 0x300u, 0x380u, 0x400u, 0x41cu, 0xc00u, 0xc04u}) {
        machine.write(0, gicd + offset, 0xffff'ffff);
        EXPECT_EQ(machine.read(0, gicd + offset), 0u) << std::hex << offset;
    }
    // Nor did the redistributor notice.
    EXPECT_EQ(machine.read(0, machine.sgi_frame(0) + 0x100), 0u);
}

TEST(Distributor, InterruptsBeyondTheLastAreZero) {
    Machine machine{1};
    for (const unsigned offset : {0x8cu, 0x10cu, 0x20cu, 0x30cu, 0x460u, 0x7fcu, 0xc18u}) {
        machine.write(0, gicd + offset, 0xffff'ffff);
        EXPECT_EQ(machine.read(0, gicd + offset), 0u) << std::hex << offset;
    }
    machine.write(0, gicd + 0x6000 + 8 * 96, ~0ull, 8);
    EXPECT_EQ(machine.read(0, gicd + 0x6000 + 8 * 96, 8), 0u);
}

TEST(Distributor, EnableIsSetAndClearedByOnes) {
    Machine machine{1};
    machine.write(0, gicd + 0x104, 0xf0f0'0001);
    machine.write(0, gicd + 0x104, 0x0000'0010);
    EXPECT_EQ(machine.read(0, gicd + 0x104), 0xf0f0'0011u);
    EXPECT_EQ(machine.read(0, gicd + 0x184), 0xf0f0'0011u);
    machine.write(0, gicd + 0x184, 0xf000'0010);
    EXPECT_EQ(machine.read(0, gicd + 0x104), 0x00f0'0001u);
    EXPECT_EQ(machine.read(0, gicd + 0x108), 0u);
}

TEST(Distributor, PrioritiesHaveFiveBitsAndTakeBytes) {
    Machine machine{1};
    machine.write(0, gicd + 0x424, 0x0fff'a7c9);
    EXPECT_EQ(machine.read(0, gicd + 0x424), 0x08f8'a0c8u);
    machine.write(0, gicd + 0x425, 0x13, 1);
    EXPECT_EQ(machine.read(0, gicd + 0x424), 0x08f8'10c8u);
    EXPECT_EQ(machine.read(0, gicd + 0x425, 1), 0x10u);
    // Not a size that these registers have.
    machine.write(0, gicd + 0x424, 0, 2);
    EXPECT_EQ(machine.read(0, gicd + 0x424), 0x08f8'10c8u);
}

TEST(Distributor, ConfigurationIsTheUpperBitOfEachPair) {
    Machine machine{1};
    machine.write(0, gicd + 0xc08, 0xffff'ffff); // INTIDs 32 to 47
    EXPECT_EQ(machine.read(0, gicd + 0xc08), 0xaaaa'aaaau);
    machine.write(0, gicd + 0xc0c, 0x8000'0002); // INTIDs 48 and 63
    EXPECT_EQ(machine.read(0, gicd + 0xc0c), 0x8000'0002u);
    EXPECT_EQ(machine.read(0, gicd + 0xc08), 0xaaaa'aaaau);
    machine.write(0, gicd + 0xc08, 0);
    EXPECT_EQ(machine.read(0, gicd + 0xc08), 0u);
}

TEST(Redistributor, SgisAreEdgesAndPpisAreLines) {
    Machine machine{1};
    EXPECT_EQ(machine.read(0, machine.sgi_frame(0) + 0xc00), 0xaaaa'aaaau);
    EXPECT_EQ(machine.read(0, machine.sgi_frame(0) + 0xc04), 0u);
    machine.write(0, machine.sgi_frame(0) + 0xc00, 0);
    machine.write(0, machine.sgi_frame(0) + 0xc04, 0xffff'ffff);
    EXPECT_EQ(machine.read(0, machine.sgi_frame(0) + 0xc00), 0xaaaa'aaaau);
    EXPECT_EQ(machine.read(0, machine.sgi_frame(0) + 0xc04), 0u);
}

TEST(Distributor, RoutesKeepTheAffinityOnly) {
    Machine machine{1};
    machine.write(0, gicd + 0x6000 + 8 * 40, ~0ull, 8);
    EXPECT_EQ(machine.read(0, gicd + 0x6000 + 8 * 40, 8), 0xff'00ff'ffffu);
    machine.write(0, gicd + 0x6000 + 8 * 40, 0x0102'0304);
    EXPECT_EQ(machine.read(0, gicd + 0x6000 + 8 * 40, 8), 0xff'0002'0304u);
    machine.write(0, gicd + 0x6004 + 8 * 40, 0x77);
    EXPECT_EQ(machine.read(0, gicd + 0x6000 + 8 * 40, 8), 0x77'0002'0304u);
    EXPECT_EQ(machine.read(0, gicd + 0x6004 + 8 * 40), 0x77u);
    EXPECT_EQ(machine.read(0, gicd + 0x6000 + 8 * 41, 8), 0u);
}

TEST(Redistributor, WakesUp) {
    Machine machine{2};
    EXPECT_EQ(machine.read(0, gicr + 0x14), 0x6u); // ChildrenAsleep, ProcessorSleep
    machine.write(0, gicr + 0x14, 0);
    EXPECT_EQ(machine.read(0, gicr + 0x14), 0u);
    EXPECT_EQ(machine.read(0, gicr + 0x20014), 0x6u);
    EXPECT_EQ(machine.read(0, gicr + 0x0), 0u); // CTLR: no write is ever pending
}

TEST(Distributor, MisalignedAccessesAbort) {
    Machine machine{1};
    for (const std::uint64_t base : {gicd, gicr, gicr + 0x10000}) {
        for (const unsigned bytes : {2u, 4u, 8u}) {
            for (unsigned shift = 1; shift < bytes; ++shift) {
                hyp::MmioAccess access{Ipa{base + 0x100 + shift}, bytes, false, 0};
                EXPECT_FALSE(machine.access(0, access));
            }
        }
    }
}

TEST(Distributor, OtherSizesAreIgnored) {
    Machine machine{1};
    for (const unsigned bytes : {1u, 2u, 8u}) {
        machine.write(0, gicd + 0x100 + 8, ~0ull, bytes);
        machine.write(0, machine.sgi_frame(0) + 0x100, ~0ull, bytes);
        EXPECT_EQ(machine.read(0, gicd + 0x108, bytes), 0u);
        EXPECT_EQ(machine.read(0, gicd + 0x0, bytes), 0u);
    }
    EXPECT_EQ(machine.read(0, gicd + 0x108), 0u);
    EXPECT_EQ(machine.read(0, machine.sgi_frame(0) + 0x100), 0u);
}

} // namespace

} // namespace twofold::test
