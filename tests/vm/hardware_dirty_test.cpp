// SPDX-License-Identifier: MIT
// Writes that hardware notes in the descriptors: none faults that needs not, none is lost when the
// descriptors go.
#include "logged_guest.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

struct TrackedGuest : LoggedGuest {
    explicit TrackedGuest(std::uint64_t slot_length = GiB, std::uint64_t extent = GiB)
        : LoggedGuest{slot_length, extent, full_features(), DirtyTracking::hardware} {}

    bool faults(std::uint64_t offset, Kind kind = Kind::store) {
        const auto result = machine.access(ram + offset, kind);
        EXPECT_TRUE(result.pa);
        return result.faulted;
    }
    void split() {
        Progress all;
        ASSERT_TRUE(machine.memory.split_blocks(ram, length, all));
    }
};

TEST(HardwareDirty, AWriteToWhatIsMappedIsNoFault) {
    TrackedGuest guest{16 * MiB, 16 * MiB};
    EXPECT_TRUE(guest.faults(0x5000, Kind::load)); // a block of 2 MiB
    guest.split();
    guest.log(true);
    EXPECT_EQ(guest.harvest(), LoggedGuest::Runs{});
    EXPECT_FALSE(guest.faults(0x5000));
    EXPECT_FALSE(guest.faults(0x7008));
    EXPECT_FALSE(guest.faults(0x9000, Kind::load));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x5000, page}, {0x7000, page}}));
    EXPECT_EQ(guest.harvest(), LoggedGuest::Runs{});
    EXPECT_FALSE(guest.faults(0x7000));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x7000, page}}));
}

TEST(HardwareDirty, WhatIsMappedWhileItIsLoggedIsNotedFromTheStart) {
    TrackedGuest guest{16 * MiB, 16 * MiB};
    guest.log(true);
    EXPECT_TRUE(guest.faults(0x3000));
    EXPECT_TRUE(guest.faults(0x6000, Kind::load));
    EXPECT_FALSE(guest.faults(0x6000)); // writable-clean at once
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x3000, page}, {0x6000, page}}));
    EXPECT_TRUE(guest.faults(0x8000, Kind::fetch));
    EXPECT_FALSE(guest.faults(0x8000));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x8000, page}}));
    EXPECT_EQ(guest.mapping(ram + 0x3000)->size, page);
}

// Without a table for it to be divided, or before.
TEST(HardwareDirty, ABlockIsDirtyAsAWhole) {
    TrackedGuest guest{16 * MiB, 16 * MiB};
    EXPECT_TRUE(guest.faults(0x5000));
    guest.log(true);
    EXPECT_EQ(guest.mapping(ram)->size, 2 * MiB);
    EXPECT_FALSE(guest.faults(0x9000));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0, 2 * MiB}}));
    EXPECT_EQ(guest.harvest(), LoggedGuest::Runs{});
}

TEST(HardwareDirty, GoesOnWhereTheBudgetEnded) {
    TrackedGuest guest{64 * MiB, 64 * MiB};
    guest.log(true);
    for (std::uint64_t offset = 0; offset < 64 * MiB; offset += 3 * MiB) {
        EXPECT_TRUE(guest.faults(offset, Kind::load));
        EXPECT_FALSE(guest.faults(offset)); // only the descriptor knows
    }
    guest.bitmap.mark(64 * MiB / page - 1); // a device model
    LoggedGuest::Runs runs;
    Progress progress;
    unsigned calls = 0;
    while (progress.next < ram + 64 * MiB) {
        progress.budget = 4;
        ASSERT_TRUE(guest.machine.memory.harvest_dirty(
            ram, [&](Ipa ipa, std::uint64_t bytes) { runs.emplace_back(ipa - ram, bytes); },
            progress));
        ASSERT_LT(++calls, 100U);
    }
    EXPECT_GT(calls, 3U);
    ASSERT_EQ(runs.size(), 23U);
    for (std::uint64_t i = 0; i < 22; ++i) {
        EXPECT_EQ(runs[i], (std::pair<std::uint64_t, std::uint64_t>{i * 3 * MiB, page}));
    }
}

// What is taken away takes its descriptors with it; what they say is kept.
TEST(HardwareDirty, NothingIsLostWhenDescriptorsGo) {
    TrackedGuest guest{16 * MiB, 16 * MiB};
    auto& memory = guest.machine.memory;
    guest.log(true);
    guest.write(0x3000);
    guest.write(0x8000);
    ASSERT_TRUE(memory.withdraw({ram + 0x3000, page}));
    EXPECT_FALSE(guest.machine.allows(ram + 0x3000, Kind::load));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x3000, page}, {0x8000, page}}));
    guest.write(0x9000);
    ASSERT_TRUE(memory.set_slot_flags(ram, false, true));
    EXPECT_FALSE(guest.machine.allows(ram + 0x9000, Kind::store));
    // All that could be written up to then counts as written.
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x8000, 2 * page}}));
    ASSERT_TRUE(memory.set_slot_flags(ram, true, true));
    EXPECT_TRUE(guest.faults(0xa000, Kind::load));
    EXPECT_FALSE(guest.faults(0xa000)); // only the descriptor knows
    ASSERT_TRUE(memory.move_slot(ram, ram + GiB));
    LoggedGuest::Runs runs;
    Progress all;
    ASSERT_TRUE(memory.harvest_dirty(
        ram + GiB, [&](Ipa ipa, std::uint64_t bytes) { runs.emplace_back(ipa - ram, bytes); },
        all));
    EXPECT_EQ(runs, (LoggedGuest::Runs{{GiB + 0xa000, page}}));
}

TEST(HardwareDirty, TheRestOfABlockThatGoesAsAWholeIsKept) {
    TrackedGuest guest{16 * MiB, 16 * MiB};
    EXPECT_TRUE(guest.faults(0x5000));
    guest.log(true);
    EXPECT_FALSE(guest.faults(0x5000));
    guest.machine.port.allocations_until_failure = 0;
    ASSERT_TRUE(guest.machine.memory.withdraw({ram + 0x40'000, page}));
    guest.machine.port.allocations_until_failure.reset();
    EXPECT_FALSE(guest.mapping(ram));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0, 2 * MiB}}));
}

TEST(HardwareDirty, WhatWasWrittenBeforeItStopsCanBeToldAndIsWhenItStartsAnew) {
    TrackedGuest guest{16 * MiB, 16 * MiB};
    guest.log(true);
    guest.write(0x3000);
    guest.log(false);
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x3000, page}}));
    EXPECT_FALSE(guest.faults(0x3000));
    guest.log(true);
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x3000, page}}));
}

TEST(HardwareDirty, SaysWhatIsMissing) {
    Guest without{old_cpu()};
    std::vector<std::uint64_t> words(DirtyBitmap::words(1));
    DirtyBitmap bitmap{words, 1};
    const Slot slot{.range = {.start = ram, .length = page},
                    .backing = &without.backing,
                    .dirty = &bitmap,
                    .tracking = DirtyTracking::hardware};
    EXPECT_EQ(without.machine.memory.add_slot(slot).error(), SlotRefusal{Error::dbm_needs_hafdbs});
    Guest guest;
    Slot no_bitmap = slot;
    no_bitmap.dirty = nullptr;
    EXPECT_EQ(guest.machine.memory.add_slot(no_bitmap).error(),
              SlotRefusal{Error::slot_without_bitmap});
}

} // namespace
} // namespace twofold::test
