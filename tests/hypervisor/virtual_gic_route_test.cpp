// SPDX-License-Identifier: MIT
// Which vCPU takes an interrupt: routes, SGIs, and what is private.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace twofold::test {
namespace {

constexpr unsigned none = FakeCpu::spurious;
using List = std::vector<unsigned>;

TEST(VirtualGic, RoutesDecideWhoTakesIt) {
    Machine machine{3};
    machine.start();
    machine.write_bit(0, set_enable, 50);
    machine.route(50, 2);
    machine.gic.inject(50);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
    EXPECT_EQ(machine.take(1), none);
    EXPECT_EQ(machine.take(2), 50u);
    // Active there, pending again, and then routed away: the next one is taken elsewhere.
    machine.gic.on_guest_exit(2);
    machine.route(50, 1);
    machine.gic.on_guest_enter(2);
    machine.gic.inject(50);
    machine.settle();
    EXPECT_EQ(machine.take(1), none); // still active at vCPU 2
    machine.end(2, 50);
    machine.bounce(2);
    machine.settle();
    EXPECT_EQ(machine.take(2), none);
    EXPECT_EQ(machine.take(1), 50u);
    machine.end(1, 50);
}

TEST(VirtualGic, ARouteToNobodyWaits) {
    Machine machine{2};
    machine.start();
    machine.write_bit(0, set_enable, 50);
    machine.route(50, 0x100); // Aff1 = 1
    machine.gic.inject(50);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
    EXPECT_EQ(machine.take(1), none);
    machine.route(50, 1);
    EXPECT_EQ(machine.take(1), 50u);
}

TEST(VirtualGic, SgisReachTheirTargets) {
    Machine machine{4};
    machine.start();
    for (unsigned vcpu = 0; vcpu < 4; ++vcpu)
        machine.write(vcpu, machine.sgi_frame(vcpu) + set_enable, 0xffff);
    machine.send_sgi(0, (std::uint64_t{7} << 24) | 0b1010); // INTID 7 to vCPUs 1 and 3
    EXPECT_EQ(machine.take_all(0), List{});
    EXPECT_EQ(machine.take_all(1), List{7});
    EXPECT_EQ(machine.take_all(2), List{});
    EXPECT_EQ(machine.take_all(3), List{7});

    machine.send_sgi(2, (std::uint64_t{1} << 40) | (std::uint64_t{15} << 24)); // IRM
    EXPECT_EQ(machine.take_all(0), List{15});
    EXPECT_EQ(machine.take_all(1), List{15});
    EXPECT_EQ(machine.take_all(2), List{});
    EXPECT_EQ(machine.take_all(3), List{15});

    machine.send_sgi(1, 0b0010); // to itself
    EXPECT_EQ(machine.take_all(1), List{0});

    // Other affinities, and a range of Aff0 beyond the vCPUs.
    for (const unsigned shift : {16u, 32u, 48u, 44u})
        machine.send_sgi(0, (std::uint64_t{1} << shift) | 0xffff);
    for (unsigned vcpu = 0; vcpu < 4; ++vcpu)
        EXPECT_EQ(machine.take_all(vcpu), List{}) << vcpu;
}

TEST(VirtualGic, SgiRegistersRespectTheGroup) {
    Machine machine{2};
    machine.start();
    machine.write(1, machine.sgi_frame(1) + set_enable, 0xffff);
    machine.send_sgi(0, 0b10, hyp::SgiRegister::sgi0r);
    machine.send_sgi(0, 0b10, hyp::SgiRegister::asgi1r);
    EXPECT_EQ(machine.take_all(1), List{});
    machine.write(0, machine.distributor, 3);
    machine.write(1, machine.sgi_frame(1) + group_register, 0xffff'fffe);
    machine.send_sgi(0, 0b10, hyp::SgiRegister::sgi0r);
    EXPECT_EQ(machine.take_all(1), List{0});
}

TEST(VirtualGic, PrivateInterruptsArePrivate) {
    Machine machine{2};
    machine.start();
    machine.write_bit(0, set_enable, 20);
    machine.write_bit(1, set_enable, 20);
    machine.gic.set_level(1, 20, true);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
    EXPECT_EQ(machine.take(1), 20u);
    machine.gic.set_level(1, 20, false);
    machine.end(1, 20);
    machine.gic.inject(0, 20);
    machine.settle();
    EXPECT_EQ(machine.take_all(0), List{20});
    EXPECT_EQ(machine.take_all(1), List{});
}

TEST(VirtualGic, KnowsWhetherThereIsAReasonToWake) {
    Machine machine{2};
    machine.start();
    machine.route(40, 1);
    machine.gic.on_guest_exit(1);
    EXPECT_FALSE(machine.gic.has_pending(1));
    machine.gic.inject(40);
    EXPECT_FALSE(machine.gic.has_pending(1)); // not enabled
    machine.write_bit(0, set_enable, 40);
    machine.gic.on_guest_exit(1);
    EXPECT_TRUE(machine.gic.has_pending(1));
    EXPECT_FALSE(machine.gic.has_pending(0));
}

} // namespace
} // namespace twofold::test
