// SPDX-License-Identifier: MIT
// A physical interrupt that is the guest's: the virtual timer, PPI 27.
#include "machine.hpp"

#include <gtest/gtest.h>

namespace twofold::test {

namespace {

constexpr unsigned timer = 27;
constexpr unsigned none = FakeCpu::spurious;

class TimerInterrupt : public testing::Test {
protected:
    void SetUp() override {
        machine.start();
        machine.write_bit(0, set_enable, timer);
    }
    bool physically_active() { return machine.cpu(0).physical_active.contains(timer); }

    Machine machine{2};
};

TEST_F(TimerInterrupt, TheGuestDeactivatesThePhysicalOne) {
    for (unsigned round = 0; round < 3; ++round) {
        machine.raise_timer(0);
        EXPECT_TRUE(physically_active());
        ASSERT_EQ(machine.take(0), timer);
        machine.lower_timer(0);
        EXPECT_TRUE(physically_active());
        machine.end(0, timer);
        EXPECT_FALSE(physically_active());
        EXPECT_EQ(machine.take(0), none);
    }
}

TEST_F(TimerInterrupt, SurvivesExitsAtAnyMoment) {
    machine.raise_timer(0);
    machine.bounce(0);
    ASSERT_EQ(machine.take(0), timer);
    machine.bounce(0);
    EXPECT_TRUE(machine.read_bit(0, set_active, timer));
    EXPECT_FALSE(machine.read_bit(0, set_pending, timer));
    machine.lower_timer(0);
    machine.bounce(0);
    machine.end(0, timer);
    EXPECT_FALSE(physically_active());
    machine.bounce(0);
    EXPECT_EQ(machine.take(0), none);
}

TEST_F(TimerInterrupt, ComesAgainWhenItsLineStayedHigh) {
    machine.raise_timer(0);
    ASSERT_EQ(machine.take(0), timer);
    machine.end(0, timer);
    EXPECT_FALSE(physically_active());
    machine.raise_timer(0); // the line is still high and the physical interrupt inactive
    EXPECT_EQ(machine.take(0), timer);
}

TEST_F(TimerInterrupt, GoesAwayWhenTheGuestStopsTheTimerBeforeTakingIt) {
    machine.raise_timer(0);
    machine.lower_timer(0);
    machine.bounce(0);
    EXPECT_EQ(machine.take(0), none);
    EXPECT_FALSE(physically_active());
    EXPECT_FALSE(machine.read_bit(0, set_pending, timer));
    machine.raise_timer(0);
    EXPECT_EQ(machine.take(0), timer);
}

TEST_F(TimerInterrupt, WaitsWhileDisabledAndDoesNotStorm) {
    machine.write_bit(0, clear_enable, timer);
    machine.raise_timer(0);
    EXPECT_EQ(machine.take(0), none);
    EXPECT_TRUE(physically_active());
    EXPECT_TRUE(machine.read_bit(0, set_pending, timer));
    machine.write_bit(0, set_enable, timer);
    EXPECT_EQ(machine.take(0), timer);
    machine.lower_timer(0);
    machine.end(0, timer);
    EXPECT_FALSE(physically_active());
}

TEST_F(TimerInterrupt, IsForgottenWhenItsLineFellWhileDisabled) {
    machine.raise_timer(0);
    machine.write_bit(0, clear_enable, timer);
    machine.lower_timer(0);
    EXPECT_FALSE(machine.read_bit(0, set_pending, timer));
    EXPECT_FALSE(physically_active());
    machine.write_bit(0, set_enable, timer);
    EXPECT_EQ(machine.take(0), none);
    machine.raise_timer(0);
    EXPECT_EQ(machine.take(0), timer);
}

TEST_F(TimerInterrupt, DeactivationByRegisterReachesThePhysicalOne) {
    machine.raise_timer(0);
    ASSERT_EQ(machine.take(0), timer);
    machine.lower_timer(0);
    machine.write_bit(0, clear_active, timer);
    EXPECT_FALSE(physically_active());
    EXPECT_FALSE(machine.read_bit(0, set_active, timer));
}

TEST_F(TimerInterrupt, MoreActiveThanListRegisters) {
    Machine small{1, 1};
    small.start();
    small.write_bit(0, set_enable, timer);
    small.set_priority(0, 40, 0x20);
    small.write_bit(0, set_enable, 40);
    small.raise_timer(0);
    ASSERT_EQ(small.take(0), timer);
    small.gic.inject(40);
    small.settle();
    ASSERT_EQ(small.take(0), 40u);
    small.end(0, 40);
    small.lower_timer(0);
    small.end(0, timer);
    small.bounce(0);
    EXPECT_FALSE(small.cpu(0).physical_active.contains(timer));
    EXPECT_FALSE(small.read_bit(0, set_active, timer));
}

TEST_F(TimerInterrupt, ResetReleasesIt) {
    machine.raise_timer(0);
    ASSERT_EQ(machine.take(0), timer);
    machine.gic.on_guest_exit(0);
    machine.gic.on_guest_exit(1);
    machine.gic.reset();
    machine.lower_timer(0);
    machine.gic.reset_cpu(0);
    machine.gic.on_guest_enter(0);
    EXPECT_FALSE(physically_active());
}

TEST_F(TimerInterrupt, EachVcpuHasItsOwn) {
    machine.write_bit(1, set_enable, timer);
    machine.raise_timer(1);
    EXPECT_EQ(machine.take(0), none);
    EXPECT_EQ(machine.take(1), timer);
    machine.lower_timer(1);
    machine.end(1, timer);
    EXPECT_TRUE(machine.cpu(1).physical_active.empty());
}

} // namespace

} // namespace twofold::test
