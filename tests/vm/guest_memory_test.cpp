// SPDX-License-Identifier: MIT
// GuestMemory: the size that a fault maps, and what other CPUs and the owner of the memory do
// meanwhile.
#include "guest.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

// The case that hangs elsewhere: the table has no level for 1 GiB, the CPU no CTR_EL0.DIC.
TEST(GuestMemory, TwoLevelsWithOneGigabyteExtentsMakeProgressInOneStep) {
    Guest guest{old_cpu(), 34};
    guest.add_ram();
    GuestMachine& machine = guest.machine;

    auto result = machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_EQ(guest.chosen(2, LimitedBy::geometry), 1U);

    // A fetch from what was written: only the permission is missing.
    EXPECT_FALSE(machine.allows(ram, Kind::fetch));
    result = machine.access(ram + 0x1000, Kind::fetch);
    ASSERT_TRUE(result.pa);
    EXPECT_TRUE(result.faulted);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_TRUE(machine.allows(ram, Kind::store));

    // Write protected, as logging leaves blocks behind, and logging is off.
    machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.protect(ram, 2 * MiB, Permissions::rx(), owed));
    });
    result = machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_TRUE(result.faulted);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_TRUE(machine.allows(ram, Kind::fetch));
    EXPECT_EQ(guest.counters().permissions_raised.value(), 2U);
    EXPECT_EQ(guest.count(Outcome::resume), 3U);
}

TEST(GuestMemory, ThreeLevelsMapOneGigabyteAtOnce) {
    Guest guest;
    guest.add_ram(2 * GiB);
    const auto result = guest.machine.access(ram + 0x1234'5678, Kind::load);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(*result.pa, memory_pa + 0x1234'5678);
    EXPECT_EQ(result.translation.size, GiB);
    EXPECT_EQ(guest.chosen(1, LimitedBy::nothing), 1U);
    EXPECT_EQ(guest.machine.memory.table_counters().tables, 0U);
}

TEST(GuestMemory, AWriteToABlockUnderDirtyLoggingOpensOnePage) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .dirty_logging = true});
    // As when logging begins on a block that is there.
    guest.machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram,
                               .pa = memory_pa,
                               .length = GiB,
                               .attributes = {.permissions = Permissions::r()}},
                              owed));
    });
    const Ipa written = ram + 0x20'3000;
    const auto result = guest.machine.access(written, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(*result.pa, memory_pa + 0x20'3000);
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_EQ(guest.counters().blocks_split.value(), 1U);
    for (const Ipa other : {ram, written - 0x1000, written + 0x1000, ram + (GiB - 1)}) {
        EXPECT_TRUE(guest.machine.allows(other, Kind::load));
        EXPECT_FALSE(guest.machine.allows(other, Kind::store));
    }
    EXPECT_EQ(guest.mapping(ram)->size, 2 * MiB);
}

TEST(GuestMemory, DirtyLoggingMapsPagesAndWaitsForTheWrite) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .dirty_logging = true});
    auto result = guest.machine.access(ram, Kind::load);
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_FALSE(guest.machine.allows(ram, Kind::store));
    result = guest.machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_TRUE(result.faulted);
    result = guest.machine.access(ram + 0x1000, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(guest.chosen(3, LimitedBy::dirty_logging), 2U);
}

TEST(GuestMemory, ABlockIsNotPutOverPages) {
    Guest guest{full_features(), 40, 2 * MiB};
    guest.add_ram();
    guest.machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram + 0x5000,
                               .pa = memory_pa + 0x5000,
                               .length = 0x1000,
                               .attributes = {.permissions = Permissions::rw()}},
                              owed));
    });
    auto result = guest.machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_EQ(guest.chosen(3, LimitedBy::other_mappings), 1U);
    result = guest.machine.access(ram + 2 * MiB, Kind::store);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_EQ(guest.chosen(2, LimitedBy::extent_start), 1U);
}

TEST(GuestMemory, PolicyCapsSizes) {
    Guest guest{full_features(), 40, GiB, {.largest = 2 * MiB, .largest_device = 4 * KiB}};
    guest.add_ram(2 * GiB);
    EXPECT_EQ(guest.machine.access(ram, Kind::load).translation.size, 2 * MiB);
    EXPECT_EQ(guest.chosen(2, LimitedBy::cap), 1U);
    guest.backing.pattern.type = MemoryType::device_nGnRE;
    EXPECT_EQ(guest.machine.access(ram + GiB, Kind::load).translation.size, 4 * KiB);
    EXPECT_EQ(guest.chosen(3, LimitedBy::device), 1U);
}

TEST(GuestMemory, WhoComesSecondOnlyResumes) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    unsigned asked = 0;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { ++asked; };
    EXPECT_EQ(guest.machine.handle(data_abort(translation)), Resolution::nothing_to_do());

    // Its TLB may hold the entry as it was before the permission was added.
    unsigned local = 0;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        EXPECT_EQ(owed.scope(), InvalidationScope::local);
        EXPECT_TRUE(owed.overlaps(ram, 1));
        ++local;
    };
    EXPECT_EQ(guest.machine.handle(data_abort(permission, wnr), ram), Resolution::nothing_to_do());
    EXPECT_EQ(local, 1U);
    EXPECT_EQ(asked, 0U);
    EXPECT_EQ(guest.counters().lost_races.value(), 2U);
}

TEST(GuestMemory, ACpuThatNeverSeesTheTableIsStopped) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    const Abort abort = data_abort(translation);
    for (unsigned i = 1; i < FaultHistory::limit; ++i) {
        ASSERT_EQ(guest.machine.handle(abort), Resolution::nothing_to_do());
    }
    EXPECT_EQ(guest.machine.handle(abort), Resolution::stop(StopReason::no_progress));

    // Another abort in between begins a new count.
    for (unsigned i = 0; i < 2 * FaultHistory::limit; ++i) {
        ASSERT_EQ(guest.machine.handle(abort, {}, 1).outcome, Outcome::resume);
        if (i % 100 == 0) {
            const Abort other = data_abort(translation, 0, ram + 0x1000);
            ASSERT_EQ(guest.machine.handle(other, {}, 1).outcome, Outcome::resume);
        }
    }
}

TEST(GuestMemory, ASlotThatMovesTakesItsMemoryWithIt) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram + 0x5000, Kind::store).pa);
    const Ipa to = ram + 8 * GiB;
    ASSERT_TRUE(guest.machine.memory.move_slot(ram, to));
    EXPECT_FALSE(guest.machine.allows(ram + 0x5000, Kind::load));
    EXPECT_EQ(guest.machine.access(ram, Kind::load).resolution->outcome, Outcome::mmio);
    EXPECT_EQ(guest.machine.access(to + 0x5000, Kind::store).pa, memory_pa + 0x5000);
    guest.add({.range = {.start = ram, .length = GiB}});
    const auto refused = guest.machine.memory.move_slot(ram, to + (GiB - 4 * KiB));
    EXPECT_EQ(refused.error(), (SlotRefusal{Error::slot_overlaps, {to, GiB}}));
    EXPECT_TRUE(guest.machine.allows(to + 0x5000, Kind::load));
}

TEST(GuestMemory, WhatIsCutOffASlotIsGoneAndTheRestStays) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa); // a block of 1 GiB
    ASSERT_EQ(guest.mapping(ram)->size, GiB);
    const std::uint64_t rest = 512 * MiB + 8 * KiB;
    ASSERT_TRUE(guest.machine.memory.resize_slot(ram, rest));
    EXPECT_TRUE(guest.machine.allows(ram + (rest - 1), Kind::store));
    EXPECT_FALSE(guest.machine.allows(ram + rest, Kind::load));
    EXPECT_EQ(guest.machine.access(ram + rest, Kind::load).resolution->outcome, Outcome::mmio);
    // What is added is memory at the next fault.
    ASSERT_TRUE(guest.machine.memory.resize_slot(ram, GiB));
    EXPECT_EQ(guest.machine.access(ram + rest, Kind::load).pa, memory_pa + rest);
}

TEST(GuestMemory, FlagsOfASlotHoldAtOnce) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, false, false));
    EXPECT_FALSE(guest.machine.allows(ram, Kind::store));
    EXPECT_TRUE(guest.machine.allows(ram, Kind::load));
    EXPECT_EQ(guest.machine.access(ram, Kind::store).resolution->outcome, Outcome::mmio);
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, false));
    EXPECT_EQ(guest.machine.access(ram, Kind::store).pa, memory_pa);
    // While writes are logged, the first one to a page makes that page writable and no other.
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, true));
    EXPECT_FALSE(guest.machine.allows(ram, Kind::store));
    EXPECT_EQ(guest.machine.access(ram + 0x3000, Kind::store).pa, memory_pa + 0x3000);
    EXPECT_TRUE(guest.machine.allows(ram + 0x3fff, Kind::store));
    EXPECT_FALSE(guest.machine.allows(ram + 0x2fff, Kind::store));
    EXPECT_FALSE(guest.machine.allows(ram + 0x4000, Kind::store));
    EXPECT_TRUE(guest.machine.allows(ram + 0x4000, Kind::load));
}

TEST(GuestMemory, ASlotThatGoesTakesItsMappingsWithIt) {
    Guest guest;
    guest.add_ram();
    guest.add({.range = {.start = ram + GiB, .length = GiB}});
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    ASSERT_TRUE(guest.machine.access(ram + GiB, Kind::load).pa);
    unsigned invalidated = 0;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        invalidated += owed.overlaps(ram, GiB) ? 1 : 0;
    };
    ASSERT_TRUE(guest.machine.memory.remove_slot(ram));
    EXPECT_EQ(invalidated, 1U);
    EXPECT_FALSE(guest.machine.allows(ram, Kind::load));
    EXPECT_TRUE(guest.machine.allows(ram + GiB, Kind::load));
    EXPECT_EQ(guest.machine.access(ram, Kind::load).resolution->outcome, Outcome::mmio);
    EXPECT_EQ(guest.machine.memory.remove_slot(ram).error().rule, Error::slot_unknown);
    unsigned slots = 0;
    guest.machine.memory.for_each_slot([&](const Slot&) { ++slots; });
    EXPECT_EQ(slots, 1U);
}

} // namespace
} // namespace twofold::test
