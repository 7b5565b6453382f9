// SPDX-License-Identifier: MIT
// Slots that change while faults are under way: those end first that know the slot as it was.
#include "gate.hpp"
#include "guest.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;

struct SlotChange {
    const char* name;
    std::function<void(GuestMachine::Memory&)> change;
    std::uint64_t lost; // from this offset on, of 4 MiB
    std::uint64_t lost_end;
};

class SlotChangeBesideAFault : public testing::TestWithParam<SlotChange> {};

// Which has been told what to map, but has not mapped it yet.
TEST_P(SlotChangeBesideAFault, WaitsForTheFaultAndTakesAwayWhatItMapped) {
    const SlotChange& c = GetParam();
    Guest guest{old_cpu(), 40, 2 * MiB};
    guest.add_ram(4 * MiB);
    GuestMachine& machine = guest.machine;
    EXPECT_TRUE(machine.access(ram, Kind::store).pa);
    Gate slow;
    std::atomic<bool> first = true;
    machine.port.on_cache = [&](const CacheOperation&) {
        if (first.exchange(false)) {
            slow.pass();
        }
    };
    std::jthread vcpu{[&] {
        EXPECT_EQ(machine.handle(data_abort(translation, wnr, ram + 2 * MiB), {}, 1),
                  Resolution::resume());
    }};
    ASSERT_TRUE(slow.wait());
    std::atomic<bool> changed = false;
    std::jthread owner{[&] {
        c.change(machine.memory);
        changed = true;
    }};
    ASSERT_TRUE(Gate::wait_for([&] { return machine.port.relaxed != 0; }));
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_FALSE(changed);
    slow.open();
    owner.join();
    vcpu.join();
    for (std::uint64_t at = 0; at < 4 * MiB; at += 64 * KiB) {
        const bool lost = at >= c.lost && at < c.lost_end;
        EXPECT_EQ(machine.allows(ram + at, Kind::load), !lost) << at;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Each, SlotChangeBesideAFault,
    testing::Values(
        SlotChange{"remove", [](auto& memory) { EXPECT_TRUE(memory.remove_slot(ram)); }, 0,
                   4 * MiB},
        SlotChange{"move", [](auto& memory) { EXPECT_TRUE(memory.move_slot(ram, ram + GiB)); }, 0,
                   4 * MiB},
        SlotChange{"resize", [](auto& memory) { EXPECT_TRUE(memory.resize_slot(ram, 3 * MiB)); },
                   3 * MiB, 4 * MiB},
        SlotChange{"grow", [](auto& memory) { EXPECT_TRUE(memory.resize_slot(ram, 8 * MiB)); }, 0,
                   0},
        SlotChange{"add",
                   [](auto& memory) {
                       Slot slot;
                       memory.for_each_slot([&](const Slot& s) { slot = s; });
                       slot.range.start = ram + GiB;
                       EXPECT_TRUE(memory.add_slot(slot));
                   },
                   0, 0}),
    [](const auto& change) { return std::string{change.param.name}; });

TEST(SlotChange, RefusedChangesNeitherWaitNorShow) {
    Guest guest{full_features(), 40, 2 * MiB};
    guest.add_ram(4 * MiB);
    guest.add({.range = {.start = ram + 8 * MiB, .length = 4 * MiB}});
    GuestMachine& machine = guest.machine;
    EXPECT_TRUE(machine.access(ram, Kind::store).pa);
    Gate slow;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { slow.pass(); };
    std::jthread vcpu{[&] {
        EXPECT_EQ(machine.handle(data_abort(translation, wnr, ram + 2 * MiB), {}, 1),
                  Resolution::resume());
    }};
    ASSERT_TRUE(slow.wait());
    const IpaSpan other{.start = ram + 8 * MiB, .length = 4 * MiB};
    EXPECT_EQ(machine.memory.resize_slot(ram, 9 * MiB).error(),
              (SlotRefusal{Error::slot_overlaps, other}));
    EXPECT_EQ(machine.memory.move_slot(ram, ram + 6 * MiB).error(),
              (SlotRefusal{Error::slot_overlaps, other}));
    EXPECT_EQ(machine.memory.remove_slot(ram + page).error(), SlotRefusal{Error::slot_unknown});
    EXPECT_EQ(machine.memory.set_slot_flags(ram + page, true, true).error(),
              SlotRefusal{Error::slot_unknown});
    EXPECT_EQ(machine.memory.add_slot({.range = other, .backing = &guest.backing}).error(),
              (SlotRefusal{Error::slot_overlaps, other}));
    slow.open();
    vcpu.join();
    EXPECT_TRUE(machine.allows(ram, Kind::store)); // nothing was unmapped
    // The next change is made to the slots as they are, not to what was refused.
    guest.add({.range = {.start = ram + GiB, .length = 4 * MiB}});
    unsigned slots = 0;
    machine.memory.for_each_slot([&](const Slot& slot) {
        ++slots;
        EXPECT_EQ(slot.range.length, 4 * MiB);
    });
    EXPECT_EQ(slots, 3U);
    for (const std::uint64_t at : {std::uint64_t{0}, 8 * MiB, GiB}) {
        EXPECT_TRUE(machine.access(ram + at, Kind::fetch).pa) << at;
    }
}

TEST(SlotChange, HalfOfTheStorageHoldsSlots) {
    Guest guest;
    const std::size_t most = guest.machine.slots.size() / 2;
    const auto add = [&](std::size_t i) {
        return guest.machine.memory.add_slot(
            {.range = {.start = ram + i * 4 * MiB, .length = 2 * MiB}, .backing = &guest.backing});
    };
    for (std::size_t i = 0; i < most; ++i) {
        EXPECT_TRUE(add(i));
    }
    EXPECT_EQ(add(most).error(), SlotRefusal{Error::slot_limit});
    for (std::size_t i = 0; i < 5; ++i) { // from one half to the other
        EXPECT_TRUE(guest.machine.memory.remove_slot(ram + i * 4 * MiB));
        EXPECT_TRUE(add(most + i));
        EXPECT_EQ(add(i).error(), SlotRefusal{Error::slot_limit});
    }
    for (std::size_t i = 0; i < most + 5; ++i) {
        EXPECT_EQ(guest.machine.access(ram + i * 4 * MiB, Kind::load).pa.has_value(), i >= 5) << i;
    }
}

// A copy is made at the first write. A fault that was told of the original before that must not map
// it after the copy has been unmapped with the slot's old place: the slot has the page at both.
TEST(SlotChange, AMoveDoesNotBringTheOriginalBack) {
    class Copied : public Backing {
    public:
        BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
            if (offset == 4 * page) {
                hold_move.pass();
            }
            const std::uint64_t at = align_down(offset, page);
            if (access == AccessKind::write) {
                copied = true;
            }
            const bool copy = copied;
            return Extent{.offset = at,
                          .pa = (copy ? memory_pa + GiB : memory_pa) + at,
                          .length = page,
                          .writable = copy};
        }
        Gate hold_move;
        std::atomic<bool> copied = false;
    } backing;
    GuestMachine machine{geometry_4k(old_cpu(), 40), old_cpu()};
    GuestMachine::Memory& memory = machine.memory;
    ASSERT_TRUE(
        memory.add_slot({.range = {.start = ram, .length = 16 * page}, .backing = &backing}));
    std::jthread before{[&] { machine.handle(data_abort(translation, 0, ram + 4 * page), {}, 1); }};
    ASSERT_TRUE(backing.hold_move.wait());
    std::jthread owner{[&] { EXPECT_TRUE(memory.move_slot(ram, ram + 8 * page)); }};
    ASSERT_TRUE(Gate::wait_for([&] { return machine.port.relaxed != 0; }));
    // Now the slots have changed: a read that is slow, and a write, of a page in both places.
    Gate slow;
    std::atomic<bool> first = true;
    machine.port.on_cache = [&](const CacheOperation& operation) {
        if (operation.pa == memory_pa + page && first.exchange(false)) {
            slow.pass();
        }
    };
    const Ipa both = ram + 9 * page;
    std::atomic<bool> read = false;
    std::jthread reader{[&] {
        machine.handle(data_abort(translation, 0, both), {}, 2);
        read = true;
    }};
    ASSERT_TRUE(Gate::wait_for([&] { return read || !first; }));
    (void)machine.access(both, Kind::store);
    backing.hold_move.open();
    owner.join();
    slow.open();
    reader.join();
    EXPECT_EQ(machine.access(both, Kind::load).pa,
              (backing.copied ? memory_pa + GiB : memory_pa) + page);
    EXPECT_FALSE(machine.allows(ram, Kind::load));
}

struct StepGuest : Guest {
    explicit StepGuest(std::uint64_t length, std::uint64_t extent)
        : Guest{full_features(), 40, extent} {
        add_ram(length);
        for (std::uint64_t at = 0; at < length; at += extent) {
            EXPECT_TRUE(machine.access(ram + at, Kind::store).pa);
        }
    }
    bool writable(std::uint64_t at) { return machine.allows(ram + at, Kind::store); }
};

TEST(SlotFlags, AreSetBySteps) {
    constexpr std::uint64_t length = 64 * GiB;
    constexpr std::uint64_t budget = 100;
    StepGuest guest{length, 2 * MiB};
    std::uint64_t touched = 0;
    guest.machine.port.on_atomic = [&](std::uint64_t&) { ++touched; };
    Progress progress;
    unsigned steps = 0;
    for (; progress.next < ram + length; ++steps) {
        const Ipa before = std::max(progress.next, ram);
        touched = 0;
        progress.budget = budget;
        ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, true, &progress));
        ASSERT_GT(progress.next, before);
        ASSERT_LE(progress.next - before, budget * 2 * MiB);
        ASSERT_LE(touched, 2 * budget);
        ASSERT_FALSE(guest.writable(progress.next - ram - 1));
        if (progress.next < ram + length) {
            ASSERT_TRUE(guest.writable(progress.next - ram));
        }
    }
    EXPECT_LE(steps, 2 * length / (2 * MiB) / budget);
    for (std::uint64_t at = 0; at < length; at += 2 * MiB) {
        ASSERT_FALSE(guest.writable(at)) << at;
        ASSERT_TRUE(guest.machine.allows(ram + at, Kind::load));
    }
    // The other way there is nothing to take away.
    progress = {.budget = 1};
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, false, &progress));
    EXPECT_EQ(progress.next, ram + length);
}

TEST(SlotFlags, HoldAtOnceWhereStepsWereBroughtToNoEnd) {
    StepGuest guest{4 * MiB, 2 * MiB};
    Progress progress{.budget = 1};
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, true, &progress));
    EXPECT_EQ(progress.next, ram + 2 * MiB);
    EXPECT_TRUE(guest.writable(2 * MiB));
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, true));
    EXPECT_FALSE(guest.writable(2 * MiB));
    progress = {.budget = 1};
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, false, false, &progress));
    EXPECT_EQ(guest.machine.access(ram + 2 * MiB, Kind::store).resolution->outcome, Outcome::mmio);
}

// A block that steps have not reached yet is divided for a fetch: who takes its write permission
// away at the same time may have come by, so the page must not get it back unnoticed.
TEST(SlotFlags, WhatAFetchDividesIsNotWritableUnnoticed) {
    StepGuest guest{4 * MiB, 2 * MiB};
    Progress progress{.budget = 1};
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, true, &progress));
    const std::uint64_t at = 2 * MiB + 5 * page;
    ASSERT_TRUE(guest.writable(at));
    EXPECT_EQ(guest.machine.handle(fetch_abort(permission, 0, ram + at), ram + at),
              Resolution::resume());
    EXPECT_TRUE(guest.machine.allows(ram + at, Kind::fetch));
    EXPECT_EQ(guest.mapping(ram + at)->size, page);
    EXPECT_FALSE(guest.writable(at));
    EXPECT_TRUE(guest.writable(at + page));
    EXPECT_FALSE(guest.machine.allows(ram + at + page, Kind::fetch));
}

TEST(SlotFlags, AReadOnlySlotStaysSoBesideAWithdrawal) {
    StepGuest guest{4 * MiB, 2 * MiB};
    Progress progress{.budget = 1};
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, false, false, &progress));
    const Ipa next = ram + 2 * MiB;
    ASSERT_TRUE(guest.machine.memory.invalidate_begin({.start = ram, .length = page}));
    EXPECT_EQ(guest.machine.handle(fetch_abort(permission, 0, next), next), Resolution::resume());
    guest.machine.memory.invalidate_end({.start = ram, .length = page});
    EXPECT_TRUE(guest.machine.allows(next, Kind::fetch));
    progress.budget = 8;
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, false, false, &progress));
    EXPECT_EQ(progress.next, ram + 4 * MiB);
    EXPECT_FALSE(guest.writable(2 * MiB));
    EXPECT_FALSE(guest.writable(page));
}

} // namespace
} // namespace twofold::test
