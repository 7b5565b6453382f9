// SPDX-License-Identifier: MIT
// One interrupt as a guest sees it: pending by line, edge or register, active, enabled.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

constexpr unsigned none = FakeCpu::spurious;
using List = std::vector<unsigned>;

TEST(VirtualGic, ALineComesAgainUntilItIsLow) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 33);
    machine.gic.set_level(33, true);
    machine.settle();
    for (unsigned round = 0; round < 3; ++round) {
        ASSERT_EQ(machine.take(0), 33u);
        EXPECT_EQ(machine.take(0), none);
        machine.end(0, 33);
    }
    ASSERT_EQ(machine.take(0), 33u);
    machine.gic.set_level(33, false);
    machine.end(0, 33);
    EXPECT_EQ(machine.take(0), none);
    EXPECT_FALSE(machine.read_bit(0, set_pending, 33));
}

TEST(VirtualGic, ALineThatFallsBeforeItIsTakenLeaves) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 33);
    machine.gic.set_level(33, true);
    machine.settle();
    EXPECT_TRUE(machine.read_bit(0, set_pending, 33));
    machine.gic.set_level(33, false);
    machine.bounce(0);
    EXPECT_EQ(machine.take(0), none);
    EXPECT_FALSE(machine.read_bit(0, set_pending, 33));
}

TEST(VirtualGic, PendingByRegisterIsTakenOnce) {
    Machine machine{1};
    machine.start();
    for (const unsigned intid : {33u, 20u, 5u}) { // a line, a PPI, an SGI
        machine.write_bit(0, set_enable, intid);
        machine.write_bit(0, set_pending, intid);
        EXPECT_TRUE(machine.read_bit(0, set_pending, intid));
        EXPECT_TRUE(machine.read_bit(0, clear_pending, intid));
        EXPECT_EQ(machine.take_all(0), List{intid});
        EXPECT_FALSE(machine.read_bit(0, set_pending, intid));

        machine.write_bit(0, set_pending, intid);
        machine.write_bit(0, clear_pending, intid);
        EXPECT_FALSE(machine.read_bit(0, set_pending, intid));
        EXPECT_EQ(machine.take(0), none);
    }
}

TEST(VirtualGic, AHighLineIsNotClearedByRegister) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 33);
    machine.gic.set_level(33, true);
    machine.settle();
    machine.write_bit(0, clear_pending, 33);
    EXPECT_TRUE(machine.read_bit(0, set_pending, 33));
    EXPECT_EQ(machine.take(0), 33u);
}

TEST(VirtualGic, AnEdgeIsLatchedOnceAndComesAgainWhileActive) {
    Machine machine{1};
    machine.start();
    machine.set_edge(34);
    machine.write_bit(0, set_enable, 34);
    machine.gic.set_level(34, true);
    machine.gic.set_level(34, true);
    machine.settle();
    ASSERT_EQ(machine.take(0), 34u);
    machine.gic.set_level(34, false);
    machine.gic.set_level(34, true);
    machine.gic.inject(34);
    machine.settle();
    EXPECT_EQ(machine.take(0), none); // active and pending
    EXPECT_TRUE(machine.read_bit(0, set_pending, 34));
    EXPECT_TRUE(machine.read_bit(0, set_active, 34));
    machine.end(0, 34);
    EXPECT_EQ(machine.take_all(0), List{34});
    EXPECT_EQ(machine.take(0), none); // the line is still high
}

TEST(VirtualGic, DisabledWhilePendingInAListRegister) {
    Machine machine{1};
    machine.start();
    for (const unsigned intid : {33u, 20u, 3u}) {
        machine.write_bit(0, set_enable, intid);
        machine.write_bit(0, set_pending, intid);
        EXPECT_EQ(machine.cpu(0).used(), 1u);
        machine.write_bit(0, clear_enable, intid);
        EXPECT_EQ(machine.cpu(0).used(), 0u);
        EXPECT_EQ(machine.take(0), none);
        EXPECT_TRUE(machine.read_bit(0, set_pending, intid));
        machine.write_bit(0, set_enable, intid);
        EXPECT_EQ(machine.take_all(0), List{intid});
    }
}

TEST(VirtualGic, DisabledWhileActiveStaysActive) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 33);
    machine.gic.set_level(33, true);
    machine.settle();
    ASSERT_EQ(machine.take(0), 33u);
    machine.write_bit(0, clear_enable, 33);
    EXPECT_TRUE(machine.read_bit(0, set_active, 33));
    machine.end(0, 33);
    EXPECT_FALSE(machine.read_bit(0, set_active, 33));
    EXPECT_EQ(machine.take(0), none);
}

TEST(VirtualGic, ActiveByRegister) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 33);
    machine.write_bit(0, set_active, 33);
    machine.gic.set_level(33, true);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
    machine.write_bit(0, clear_active, 33);
    EXPECT_EQ(machine.take(0), 33u);
    // Made inactive behind the guest's own back: it comes at once.
    machine.write_bit(0, clear_active, 33);
    machine.cpu(0).end(33);
    EXPECT_EQ(machine.take(0), 33u);
}

} // namespace
} // namespace twofold::test
