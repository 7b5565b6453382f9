// SPDX-License-Identifier: MIT
// GuestMemory and each answer of a backing: read-only, copied at a write, not there, impossible.
#include "guest.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

TEST(GuestMemory, AWriteToAReadOnlySlotIsForTheDeviceModel) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .writable = false});
    EXPECT_TRUE(guest.machine.access(ram, Kind::load).pa);
    EXPECT_TRUE(guest.machine.access(ram, Kind::fetch).pa);
    for (const Ipa ipa : {ram + 4, ram + (GiB - 4)}) {
        const auto result = guest.machine.access(ipa, Kind::store);
        ASSERT_TRUE(result.resolution);
        EXPECT_EQ(*result.resolution,
                  Resolution::emulate({.ipa = ipa,
                                       .write = true,
                                       .syndrome = {.bytes = 4, .reg = 1, .reg_is_64 = false},
                                       .read_only_slot = true}));
    }
    auto& machine = guest.machine;
    EXPECT_EQ(machine.handle(data_abort(permission, wnr), ram).injection,
              (Injection{.fault = InjectedFault::external, .write = true}));
    EXPECT_EQ(machine.handle(data_abort(permission, wnr | s1ptw)).injection.fault,
              InjectedFault::external_on_walk);
    EXPECT_EQ(machine.handle(data_abort(permission, wnr | cm), ram), Resolution::skip());
}

TEST(GuestMemory, AWriteThatTheBackingRefusesIsAnExternalAbort) {
    Guest guest;
    guest.add_ram();
    guest.backing.pattern.writable = false;
    EXPECT_TRUE(guest.machine.access(ram, Kind::load).pa);
    const auto result = guest.machine.access(ram, Kind::store);
    ASSERT_TRUE(result.resolution);
    EXPECT_EQ(result.resolution->outcome, Outcome::inject);
    // DC IVAC asks for write permission too.
    EXPECT_EQ(guest.machine.handle(data_abort(permission, wnr | cm), ram), Resolution::skip());
    EXPECT_FALSE(guest.machine.allows(ram, Kind::store));
}

class CopyOnWrite : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        if (access == AccessKind::write) {
            copied = true;
        }
        const std::uint64_t page = align_down(offset, 4 * KiB);
        if (copied && page == 0x7000) {
            return Extent{.offset = page, .pa = Pa{0x5'0000'0000}, .length = 4 * KiB};
        }
        return Extent{.offset = 0, .pa = memory_pa, .length = GiB, .writable = false};
    }
    bool copied = false;
};

TEST(GuestMemory, CopyOnWriteReplacesThePageAndKeepsTheRest) {
    CopyOnWrite backing;
    GuestMachine machine{geometry_4k(full_features(), 40), full_features()};
    ASSERT_TRUE(
        machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
    EXPECT_EQ(machine.access(ram + 0x7010, Kind::load).translation.size, GiB);

    std::uint64_t invalidated = 0;
    machine.port.on_invalidate = [&](const Invalidation& owed) {
        invalidated += owed.overlaps(ram + 0x7000, 0x1000) ? 1 : 0;
        EXPECT_EQ(owed.scope(), InvalidationScope::inner_shareable);
    };
    const auto result = machine.access(ram + 0x7010, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(*result.pa, Pa{0x5'0000'0010});
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_GE(invalidated, 1U);
    EXPECT_EQ(machine.walk(ram + 0x8010, Kind::load).translation.pa, memory_pa + 0x8010);
    EXPECT_EQ(machine.walk(ram + 0x8010, Kind::load).translation.size, 4 * KiB);
    EXPECT_EQ(machine.walk(ram + (GiB - 8), Kind::load).translation.pa, memory_pa + (GiB - 8));
    EXPECT_EQ(machine.memory.counters().replaced.value(), 1U);
}

TEST(GuestMemory, WhatTheBackingDoesNotHave) {
    Guest guest;
    guest.add_ram();
    auto& machine = guest.machine;
    guest.backing.missing = Unbacked::not_yet;
    EXPECT_EQ(machine.handle(data_abort(translation, isv_word_x1)),
              Resolution::retry(RetryReason::backing));
    guest.backing.missing = Unbacked::poisoned;
    EXPECT_EQ(machine.handle(data_abort(translation, isv_word_x1)).injection.fault,
              InjectedFault::external);
    EXPECT_EQ(machine.handle(data_abort(translation, s1ptw)).injection.fault,
              InjectedFault::external_on_walk);
    EXPECT_EQ(machine.handle(data_abort(translation, cm | wnr)), Resolution::skip());
    guest.backing.missing = Unbacked::none;
    EXPECT_EQ(machine.handle(data_abort(translation, isv_word_x1)).injection.fault,
              InjectedFault::external);
    EXPECT_FALSE(guest.mapping(ram));
    guest.backing.missing.reset();
    EXPECT_EQ(machine.handle(data_abort(translation, isv_word_x1)), Resolution::resume());
}

class OneAnswer : public Backing {
public:
    BackingAnswer extent(std::uint64_t, AccessKind) override { return answer; }
    Extent answer = {};
};

TEST(GuestMemory, AnswersThatCannotBeMappedStopWithAReason) {
    struct Case {
        Extent extent = {};
        StopReason reason = StopReason::none;
    };
    const Case cases[] = {
        {{.offset = 0x2000, .length = 0x1000}, StopReason::extent_outside_offset},
        {{.offset = 0, .length = 0x1000}, StopReason::extent_outside_offset},
        {{.offset = 0x1000, .length = 0x800}, StopReason::extent_below_page},
        {{.offset = 0x1000, .pa = Pa{0x800}, .length = 0x10000}, StopReason::extent_below_page},
        {{.offset = 0, .pa = Pa{std::uint64_t{1} << 52}, .length = GiB},
         StopReason::pa_out_of_range},
        {{.offset = 0, .length = GiB, .type = MemoryType::normal_wt},
         StopReason::attributes_impossible}, // with FWB
    };
    for (const Case& c : cases) {
        OneAnswer backing;
        backing.answer = c.extent;
        GuestMachine machine{geometry_4k(full_features(), 40), full_features()};
        ASSERT_TRUE(
            machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
        EXPECT_EQ(machine.handle(data_abort(translation, 0, ram + 0x1000)),
                  Resolution::stop(c.reason))
            << to_string(c.reason);
        EXPECT_EQ(machine.memory.table_counters().tables, 0U);
    }
}

TEST(GuestMemory, WithoutTableMemoryNothingChangesAndTheNextTryMayWork) {
    Guest guest{full_features(), 40, 4 * KiB};
    guest.add_ram();
    for (const std::uint64_t failing : {0U, 1U}) {
        guest.machine.port.allocations_until_failure = failing;
        EXPECT_EQ(guest.machine.handle(data_abort(translation)),
                  Resolution::stop(StopReason::table_memory));
        EXPECT_EQ(guest.machine.memory.table_counters().tables, 0U);
    }
    EXPECT_EQ(guest.machine.handle(data_abort(translation)), Resolution::resume());
    EXPECT_TRUE(guest.machine.allows(ram, Kind::load));
}

} // namespace
} // namespace twofold::test
