// SPDX-License-Identifier: MIT
// Blocks that come back without a fault: where backing and rules allow them, and nowhere else.
#include "gate.hpp"
#include "guest.hpp"

#include <twofold/vm/dirty_bitmap.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;

struct RestoreGuest : Guest {
    using Guest::Guest;
    std::expected<void, SlotRefusal> restore(Progress& progress, Ipa start = ram) {
        return machine.memory.restore_blocks(machine.contexts[1], start, progress);
    }
    void restore_all() {
        Progress all;
        ASSERT_TRUE(restore(all));
    }
    void split(std::uint64_t length) {
        Progress all;
        ASSERT_TRUE(machine.memory.split_blocks(ram, length, all));
    }
    std::uint64_t size_at(std::uint64_t at) { return mapping(ram + at)->size; }
    Permissions permissions_at(std::uint64_t at) {
        return mapping(ram + at)->attributes.permissions;
    }
};

TEST(RestoreBlocks, AfterLoggingAGigabyteOfPagesIsOneBlock) {
    RestoreGuest guest;
    std::vector<std::uint64_t> storage(DirtyBitmap::words(GiB / page));
    DirtyBitmap bitmap{storage, GiB / page};
    guest.add({.range = {.start = ram, .length = GiB}, .dirty = &bitmap});
    ASSERT_TRUE(guest.machine.access(ram, Kind::fetch).pa);
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, true));
    guest.split(GiB);
    ASSERT_EQ(guest.size_at(GiB - page), page);
    ASSERT_TRUE(guest.machine.access(ram + 5 * page, Kind::store).pa);
    guest.restore_all(); // not while writes are logged
    ASSERT_EQ(guest.size_at(5 * page), page);
    ASSERT_TRUE(guest.machine.memory.set_slot_flags(ram, true, false));
    const std::uint64_t faults = guest.count(Outcome::resume);
    guest.restore_all();
    EXPECT_EQ(guest.size_at(0), GiB);
    EXPECT_EQ(guest.permissions_at(0), Permissions::rwx());
    EXPECT_EQ(guest.machine.walk(ram + (GiB - 8), Kind::store).translation.pa,
              memory_pa + (GiB - 8));
    EXPECT_EQ(guest.counters().blocks_restored.value(), 1U);
    EXPECT_EQ(guest.count(Outcome::resume), faults);
    // What was dirty is still told.
    Progress all;
    EXPECT_EQ(guest.machine.memory.harvest_dirty(
                  ram, [](Ipa ipa, std::uint64_t) { EXPECT_EQ(ipa, ram + 5 * page); }, all),
              1U);
}

TEST(RestoreBlocks, CachesAreMaintainedForWhatTheGuestHasNotSeen) {
    struct Case {
        bool all_mapped;
        bool execute;
    };
    for (const Case& c :
         {Case{false, false}, Case{true, false}, Case{false, true}, Case{true, true}}) {
        RestoreGuest guest{old_cpu(), 40, 2 * MiB};
        guest.add_ram(2 * MiB);
        // Pages because of what is withdrawn beside them, until that has ended.
        const IpaSpan beside{.start = ram + 2 * MiB - page, .length = page};
        ASSERT_TRUE(guest.machine.memory.invalidate_begin(beside));
        for (std::uint64_t at = 0; at < 2 * MiB - page; at += c.all_mapped ? page : MiB) {
            ASSERT_TRUE(guest.machine.access(ram + at, Kind::store).pa);
        }
        guest.machine.memory.invalidate_end(beside);
        if (c.all_mapped) { // as a page, because it does not replace what is beside it
            ASSERT_TRUE(guest.machine.access(beside.start, Kind::store).pa);
        }
        if (c.execute) {
            ASSERT_TRUE(guest.machine.access(ram + MiB, Kind::fetch).pa);
        }
        ASSERT_EQ(guest.size_at(MiB), page);
        guest.machine.port.cache_operations.clear();
        guest.machine.port.on_cache = [&](const CacheOperation& operation) { // before it is seen
            EXPECT_EQ(guest.size_at(0), page);
            EXPECT_FALSE(operation.instruction && guest.machine.allows(ram, Kind::fetch));
        };
        guest.restore_all();
        EXPECT_EQ(guest.size_at(0), 2 * MiB);
        EXPECT_EQ(guest.permissions_at(0), c.execute ? Permissions::rwx() : Permissions::rw());
        std::vector<CacheOperation> expected;
        if (!c.all_mapped) {
            expected.push_back({false, memory_pa, 2 * MiB});
        }
        if (c.execute) {
            expected.push_back({true, memory_pa, 2 * MiB});
        }
        EXPECT_EQ(guest.machine.port.cache_operations, expected);
    }
}

// The original is shared and read-only; writes get copies, from 3 MiB on.
class Copies : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        const std::uint64_t at = align_down(offset, page);
        if (on_write && access == AccessKind::write) {
            on_write();
        }
        copied = copied || (access == AccessKind::write && at == 3 * MiB);
        if (at == 3 * MiB && copied) {
            return Extent{.offset = at, .pa = memory_pa + GiB, .length = page};
        }
        if (access == AccessKind::write) { // the last that sees it: this page need not be copied
            return Extent{.offset = at, .pa = memory_pa + at, .length = page};
        }
        return Extent{.offset = 0, .pa = memory_pa, .length = 8 * MiB, .writable = false};
    }
    bool copied = false;
    std::function<void()> on_write = {};
};

struct CopyMachine {
    CopyMachine() {
        EXPECT_TRUE(machine.memory.add_slot(
            {.range = {.start = ram, .length = 8 * MiB}, .backing = &backing}));
        for (std::uint64_t at = 0; at < 8 * MiB; at += 2 * MiB) {
            EXPECT_TRUE(machine.access(ram + at, Kind::load).pa);
        }
        Progress all;
        EXPECT_TRUE(machine.memory.split_blocks(ram, 8 * MiB, all));
    }
    std::uint64_t size_at(std::uint64_t at) {
        return machine.walk(ram + at, Kind::load).translation.size;
    }
    void restore() {
        Progress all;
        ASSERT_TRUE(machine.memory.restore_blocks(machine.contexts[1], ram, all));
    }

    Copies backing = {};
    GuestMachine machine{geometry_4k(full_features(), 40), full_features()};
};

TEST(RestoreBlocks, CopiesStayWhatTheyAre) {
    CopyMachine guest;
    GuestMachine& machine = guest.machine;
    ASSERT_EQ(machine.access(ram + 3 * MiB, Kind::store).pa, memory_pa + GiB);
    ASSERT_TRUE(machine.memory.withdraw({.start = ram + 5 * MiB, .length = page}));
    guest.restore();
    EXPECT_EQ(guest.size_at(0), 2 * MiB);
    EXPECT_EQ(guest.size_at(2 * MiB), 64 * KiB); // beside the copy: runs of pages
    EXPECT_EQ(machine.walk(ram + 3 * MiB, Kind::store).translation.pa, memory_pa + GiB);
    EXPECT_EQ(guest.size_at(4 * MiB), 64 * KiB); // with a hole, which nobody fills
    EXPECT_FALSE(machine.allows(ram + 5 * MiB, Kind::load));
    EXPECT_EQ(guest.size_at(6 * MiB), 2 * MiB);
    EXPECT_EQ(machine.memory.counters().blocks_restored.value(), 2U);
    for (std::uint64_t at = 0; at < 8 * MiB; at += MiB) {
        EXPECT_EQ(machine.allows(ram + at, Kind::store), at == 3 * MiB) << at;
    }
}

// While the backing thinks about a write to one page, a block comes back around it.
TEST(RestoreBlocks, AWriteToAPageIsNotOneToTheBlockThatCameBack) {
    CopyMachine guest;
    GuestMachine& machine = guest.machine;
    guest.backing.on_write = [&] { std::jthread{[&] { guest.restore(); }}.join(); };
    EXPECT_EQ(machine.handle(data_abort(permission, wnr, ram), ram), Resolution::resume());
    EXPECT_EQ(guest.size_at(0), 2 * MiB);
    EXPECT_FALSE(machine.allows(ram + page, Kind::store));
    EXPECT_FALSE(machine.allows(ram, Kind::store));
    guest.backing.on_write = {};
    EXPECT_EQ(machine.access(ram, Kind::store).pa, memory_pa); // the next try
    EXPECT_EQ(guest.size_at(0), page);
    EXPECT_FALSE(machine.allows(ram + page, Kind::store));
}

TEST(RestoreBlocks, AWithdrawalWaitsForTheStepUnderWay) {
    RestoreGuest guest{full_features(), 40, 2 * MiB};
    guest.add_ram(4 * MiB);
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    guest.split(2 * MiB);
    Gate slow;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { slow.pass(); };
    std::jthread restorer{[&] { guest.restore_all(); }};
    ASSERT_TRUE(slow.wait());
    const IpaSpan range{.start = ram + MiB, .length = page};
    std::atomic<bool> begun = false;
    std::jthread owner{[&] {
        EXPECT_TRUE(guest.machine.memory.invalidate_begin(range));
        begun = true;
    }};
    EXPECT_TRUE(Gate::wait_for([&] { return guest.machine.port.relaxed != 0; }));
    EXPECT_FALSE(begun);
    slow.open();
    owner.join();
    restorer.join();
    EXPECT_FALSE(guest.mapping(range.start));
    EXPECT_EQ(guest.size_at(0), page);
}

TEST(RestoreBlocks, NotMoreThanTheRulesAllow) {
    // By a cap, by the ends of the slot, by extents that are crooked.
    const GuestMemoryPolicy capped{.largest = 2 * MiB};
    RestoreGuest guest{full_features(), 40, GiB, capped};
    const Ipa start = ram - page;
    ExtentBacking straight{memory_pa, GiB, 0, GiB - page};
    ASSERT_TRUE(guest.machine.memory.add_slot(
        {.range = {.start = start, .length = 8 * MiB}, .backing = &straight}));
    const IpaSpan all{.start = start, .length = 8 * MiB};
    Progress everything;
    ASSERT_EQ(guest.machine.memory.populate(guest.machine.contexts[1], all, AccessKind::write,
                                            everything),
              Resolution::resume());
    const auto sizes = [&] {
        std::vector<std::uint64_t> result;
        for (Ipa ipa = start; ipa < all.end(); ipa += result.back()) {
            result.push_back(guest.mapping(ipa)->size);
        }
        return result;
    };
    const std::vector<std::uint64_t> before = sizes();
    ASSERT_EQ(before.size(), 1U + 3U + 511U);
    everything = {};
    ASSERT_TRUE(guest.machine.memory.split_blocks(start, 8 * MiB, everything));
    ASSERT_EQ(sizes().size(), 2048U);
    everything = {};
    ASSERT_TRUE(guest.restore(everything, start));
    EXPECT_EQ(sizes(), before);
    EXPECT_EQ(guest.counters().blocks_restored.value(), 3U);
    // Again: there is nothing left to do.
    everything = {};
    ASSERT_TRUE(guest.restore(everything, start));
    EXPECT_EQ(guest.counters().blocks_restored.value(), 3U);
    EXPECT_EQ(guest.restore(everything, ram).error(), SlotRefusal{Error::slot_unknown});
}

TEST(RestoreBlocks, ByStepsOfABudget) {
    RestoreGuest guest{full_features(), 40, 2 * MiB};
    guest.add_ram(64 * MiB);
    for (std::uint64_t at = 0; at < 64 * MiB; at += 2 * MiB) {
        ASSERT_TRUE(guest.machine.access(ram + at, Kind::store).pa);
    }
    guest.split(64 * MiB);
    Progress progress;
    unsigned steps = 0;
    for (; progress.next < ram + 64 * MiB; ++steps) {
        const Ipa before = std::max(progress.next, ram);
        progress.budget = 1;
        ASSERT_TRUE(guest.restore(progress));
        ASSERT_EQ(progress.next - before, 2 * MiB); // a block is not left half done
        ASSERT_EQ(guest.size_at(before - ram), 2 * MiB);
        if (progress.next < ram + 64 * MiB) {
            ASSERT_EQ(guest.size_at(progress.next - ram), page);
        }
    }
    EXPECT_EQ(steps, 32U);
}

TEST(RestoreBlocks, WhatTheBackingDoesNotHaveStays) {
    RestoreGuest guest{full_features(), 40, 2 * MiB};
    guest.add_ram(4 * MiB);
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    ASSERT_TRUE(guest.machine.access(ram + 2 * MiB, Kind::store).pa);
    guest.split(4 * MiB);
    for (const Unbacked unbacked : {Unbacked::not_yet, Unbacked::poisoned, Unbacked::none}) {
        guest.backing.missing = unbacked;
        guest.restore_all();
        EXPECT_EQ(guest.size_at(0), page);
    }
    guest.backing.missing.reset();
    guest.restore_all();
    EXPECT_EQ(guest.size_at(0), 2 * MiB);
}

} // namespace
} // namespace twofold::test
