// SPDX-License-Identifier: MIT
// Interrupts as a guest sees them: which come at all, and in which order, however few list
// registers there are.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace twofold::test {
namespace {

constexpr unsigned none = FakeCpu::spurious;
using List = std::vector<unsigned>;

TEST(VirtualGic, NothingComesUnlessEnabledEverywhere) {
    Machine machine{1};
    machine.gic.inject(40);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
    machine.start();
    EXPECT_EQ(machine.take(0), none);
    machine.write_bit(0, set_enable, 40);
    EXPECT_EQ(machine.take(0), 40u);
    machine.end(0, 40);
    EXPECT_EQ(machine.take(0), none);
}

TEST(VirtualGic, TheMoreUrgentIsFirst) {
    Machine machine{1};
    machine.start();
    for (const auto& [intid, priority] : {std::pair{40u, 0x80u}, {41u, 0x20u}, {95u, 0x60u}}) {
        machine.set_priority(0, intid, priority);
        machine.write_bit(0, set_enable, intid);
    }
    for (const unsigned intid : {40u, 41u, 95u})
        machine.gic.inject(intid);
    machine.settle();
    EXPECT_EQ(machine.take_all(0), (List{41, 95, 40}));
}

TEST(VirtualGic, PreemptsOnlyTheLessUrgent) {
    Machine machine{1};
    machine.start();
    machine.set_priority(0, 41, 0x20);
    for (const unsigned intid : {40u, 41u, 42u})
        machine.write_bit(0, set_enable, intid);
    machine.gic.inject(40);
    machine.settle();
    ASSERT_EQ(machine.take(0), 40u);
    machine.gic.inject(42);
    machine.settle();
    EXPECT_EQ(machine.take(0), none); // the same priority
    machine.gic.inject(41);
    machine.settle();
    EXPECT_EQ(machine.take(0), 41u);
    machine.end(0, 41);
    machine.end(0, 40);
    EXPECT_EQ(machine.take(0), 42u);
}

TEST(VirtualGic, MorePendingThanListRegisters) {
    for (const unsigned list_registers : {1u, 2u, 4u, 16u}) {
        Machine machine{1, list_registers};
        machine.start();
        List expected;
        for (unsigned intid = 32; intid < 96; ++intid) {
            machine.set_priority(0, intid, 8 * ((intid * 7) % 20));
            machine.write_bit(0, set_enable, intid);
        }
        for (unsigned step = 0; step < 20; ++step) {
            for (unsigned intid = 32; intid < 96; ++intid) {
                if ((intid * 7) % 20 == step)
                    expected.push_back(intid);
            }
        }
        for (unsigned intid = 95; intid >= 32; --intid)
            machine.gic.inject(intid);
        machine.settle();
        EXPECT_LE(machine.cpu(0).used(), list_registers);
        // 64 different priorities do not exist: equal ones may come in any order.
        const List taken = machine.take_all(0);
        ASSERT_EQ(taken.size(), 64u);
        for (unsigned i = 0; i < 64; ++i)
            EXPECT_EQ((taken[i] * 7) % 20, (expected[i] * 7) % 20) << i;
        EXPECT_EQ(std::set<unsigned>(taken.begin(), taken.end()).size(), 64u);
    }
}

TEST(VirtualGic, AnUrgentInterruptDisplacesAListedOne) {
    Machine machine{1, 2};
    machine.start();
    machine.set_priority(0, 60, 0x10);
    for (unsigned intid = 40; intid <= 60; ++intid)
        machine.write_bit(0, set_enable, intid);
    for (unsigned intid = 40; intid < 50; ++intid)
        machine.gic.inject(intid);
    machine.settle();
    machine.gic.inject(60);
    machine.settle();
    EXPECT_EQ(machine.take(0), 60u);
    machine.end(0, 60);
    EXPECT_EQ(machine.take_all(0).size(), 10u);
}

TEST(VirtualGic, MoreActiveThanListRegisters) {
    for (const unsigned list_registers : {1u, 2u}) {
        Machine machine{1, list_registers};
        machine.start();
        List nested;
        for (unsigned i = 0; i < 8; ++i) {
            const unsigned intid = 40 + i;
            machine.set_priority(0, intid, 0x80 - 8 * i);
            machine.write_bit(0, set_enable, intid);
            machine.gic.inject(intid);
            machine.settle();
            ASSERT_EQ(machine.take(0), intid);
            nested.push_back(intid);
        }
        for (; !nested.empty(); nested.pop_back()) {
            EXPECT_TRUE(machine.read_bit(0, set_active, nested.back()));
            machine.end(0, nested.back());
            EXPECT_FALSE(machine.read_bit(0, set_active, nested.back())) << nested.back();
            if (nested.size() > 1) {
                EXPECT_TRUE(machine.read_bit(0, set_active, nested[nested.size() - 2]));
            }
        }
        // All of them can come again.
        for (unsigned i = 0; i < 8; ++i)
            machine.gic.inject(40 + i);
        machine.settle();
        EXPECT_EQ(machine.take_all(0).size(), 8u);
    }
}

TEST(VirtualGic, DeactivatesInAnyOrderWhenTheEndIsSplit) {
    Machine machine{1, 2};
    machine.cpu(0).split_end = true;
    machine.start();
    for (unsigned i = 0; i < 6; ++i) {
        const unsigned intid = 40 + i;
        machine.set_priority(0, intid, 0x80 - 8 * i);
        machine.write_bit(0, set_enable, intid);
        machine.gic.inject(intid);
        machine.settle();
        ASSERT_EQ(machine.take(0), intid);
    }
    for (unsigned i = 6; i-- != 0;)
        machine.end(0, 40 + i);
    for (unsigned i = 0; i < 6; ++i) {
        EXPECT_TRUE(machine.read_bit(0, set_active, 40 + i));
        machine.deactivate(0, 40 + i);
        EXPECT_FALSE(machine.read_bit(0, set_active, 40 + i));
        for (unsigned j = i + 1; j < 6; ++j)
            EXPECT_TRUE(machine.read_bit(0, set_active, 40 + j)) << i << " " << j;
    }
}

TEST(VirtualGic, GroupsAreEnabledOneByOne) {
    Machine machine{1};
    machine.start();
    machine.write(0, machine.distributor + group_register + 4, ~std::uint64_t{1 << 8});
    machine.write_bit(0, set_enable, 40); // group 0
    machine.write_bit(0, set_enable, 41);
    machine.gic.inject(40);
    machine.gic.inject(41);
    machine.settle();
    EXPECT_EQ(machine.take_all(0), List{41});
    machine.gic.inject(41);
    machine.write(0, machine.distributor, 0x1);
    EXPECT_EQ(machine.take_all(0), List{40});
    machine.write(0, machine.distributor, 0x2);
    EXPECT_EQ(machine.take_all(0), List{41});
}

TEST(VirtualGic, AGroupThatIsTurnedOffLeavesTheListRegisters) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 40);
    machine.gic.inject(40);
    machine.settle();
    EXPECT_EQ(machine.cpu(0).used(), 1u);
    machine.write(0, machine.distributor, 0);
    EXPECT_EQ(machine.cpu(0).used(), 0u);
    machine.write(0, machine.distributor, 2);
    EXPECT_EQ(machine.take(0), 40u);
}

TEST(VirtualGic, ASleepingRedistributorKeepsInterrupts) {
    Machine machine{1};
    machine.start();
    machine.write(0, machine.redistributors + 0x14, 2);
    machine.write_bit(0, set_enable, 40);
    machine.gic.inject(40);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
    EXPECT_FALSE(machine.gic.has_pending(0));
    machine.write(0, machine.redistributors + 0x14, 0);
    EXPECT_EQ(machine.take(0), 40u);
}

TEST(VirtualGic, InterruptsThatDoNotExistAreIgnored) {
    Machine machine{1};
    machine.start();
    for (const unsigned intid : {96u, 1019u, 1023u, 8192u, ~0u}) {
        machine.gic.inject(intid);
        machine.gic.set_level(intid, true);
        machine.gic.inject(0, intid);
        machine.gic.set_level(0, intid, true);
    }
    machine.gic.inject(7, 3);
    machine.gic.set_level(8, 3, true);
    machine.gic.inject(5);     // an SGI is not shared
    machine.gic.inject(0, 40); // an SPI is not private
    machine.cpu(0).physical_active.insert(27);
    machine.gic.inject_hardware(0, 96, 27);
    EXPECT_TRUE(machine.cpu(0).physical_active.empty()); // otherwise it would stay active for ever
    machine.write(0, machine.sgi_frame(0) + set_enable, ~0u);
    machine.write(0, machine.distributor + set_enable + 4, ~0u);
    machine.settle();
    EXPECT_EQ(machine.take(0), none);
}

TEST(VirtualGic, ResetForgetsEverything) {
    Machine machine{1};
    machine.start();
    machine.write_bit(0, set_enable, 40);
    machine.write_bit(0, set_enable, 41);
    machine.gic.inject(40);
    machine.gic.inject(41);
    machine.settle();
    ASSERT_EQ(machine.take(0), 40u);
    machine.gic.on_guest_exit(0);
    machine.gic.reset();
    machine.gic.reset_cpu(0);
    machine.gic.on_guest_enter(0);
    EXPECT_EQ(machine.read(0, machine.distributor), 0x50u);
    EXPECT_EQ(machine.read(0, machine.distributor + set_enable + 4), 0u);
    EXPECT_EQ(machine.read(0, machine.distributor + set_pending + 4), 0u);
    EXPECT_EQ(machine.read(0, machine.distributor + set_active + 4), 0u);
    EXPECT_EQ(machine.read(0, machine.redistributors + 0x14), 6u);
    machine.start();
    machine.write_bit(0, set_enable, 40);
    EXPECT_EQ(machine.take(0), none);
    machine.gic.inject(40);
    machine.settle();
    EXPECT_EQ(machine.take(0), 40u);
}

} // namespace
} // namespace twofold::test
