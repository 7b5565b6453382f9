// SPDX-License-Identifier: MIT
// FaultDecision: what a fault came to can be read from its context; and the port hears of the sizes
// that change with it.
#include "logged_guest.hpp"

#include <twofold/vm/fault_decision.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

FaultDecision decision(Guest& guest, std::uint64_t offset, Kind kind) {
    const FaultCounters before = guest.machine.contexts[0].counters;
    EXPECT_TRUE(guest.machine.access(ram + offset, kind).faulted) << offset;
    return FaultDecision::between(before, guest.machine.contexts[0].counters);
}

struct SmallPages : LoggedGuest {
    SmallPages() : LoggedGuest{16 * MiB, 4 * KiB, old_cpu()} {}
};

TEST(FaultDecision, MappedRaisedAndReplaced) {
    SmallPages guest;
    EXPECT_EQ(decision(guest, 0x5000, Kind::load).action, FaultAction::mapped);
    // Without FEAT_DIC execution is given when it is asked for.
    EXPECT_EQ(decision(guest, 0x5000, Kind::fetch).action, FaultAction::raised);
    guest.log(true);
    EXPECT_EQ(decision(guest, 0x5000, Kind::store).action, FaultAction::raised);
    guest.log(false);
    guest.log(true);
    guest.backing = ExtentBacking{memory_pa + GiB, 4 * KiB};
    EXPECT_EQ(decision(guest, 0x5000, Kind::store).action, FaultAction::replaced);
}

TEST(FaultDecision, SplitByAWriteUnderLogging) {
    LoggedGuest guest{16 * MiB, 2 * MiB};
    std::vector<SizeChange> changes;
    guest.machine.port.on_size_change = [&](const SizeChange& c) { changes.push_back(c); };
    EXPECT_EQ(decision(guest, 0x5000, Kind::load).action, FaultAction::mapped);
    guest.log(true);
    EXPECT_TRUE(changes.empty());
    EXPECT_EQ(decision(guest, 0x5000, Kind::store).action, FaultAction::split);
    EXPECT_EQ(changes, (std::vector<SizeChange>{{SizeChangeKind::split, ram, 2 * MiB, 4 * KiB}}));
    changes.clear();
    // And back, when it is over.
    guest.log(false);
    Progress progress;
    ASSERT_TRUE(guest.machine.memory.restore_blocks(guest.machine.contexts[0], ram, progress));
    EXPECT_EQ(changes,
              (std::vector<SizeChange>{{SizeChangeKind::collapse, ram, 2 * MiB, 4 * KiB}}));
}

// Pages, all of them at hand.
class AtHand : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind) override { return nearby(offset); }
    BackingAnswer nearby(std::uint64_t offset) override {
        const std::uint64_t start = align_down(offset, page);
        return Extent{.offset = start, .pa = memory_pa + start, .length = page};
    }
};

TEST(FaultDecision, PagesAround) {
    Guest guest{old_cpu(), 40, 4 * KiB, {.fault_around = 64 * KiB}};
    AtHand backing;
    ASSERT_TRUE(guest.machine.memory.add_slot(
        {.range = {.start = ram, .length = 16 * MiB}, .backing = &backing}));
    const FaultDecision first = decision(guest, 0x5000, Kind::load);
    EXPECT_EQ(first.action, FaultAction::mapped);
    EXPECT_EQ(first.pages_around, 15U);
}

TEST(FaultDecision, NothingAndALostRace) {
    SmallPages guest;
    // Not in a slot: for a device model.
    EXPECT_EQ(decision(guest, 16 * MiB, Kind::load).action, FaultAction::nothing);
    // A fault for what is mapped by now.
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    const FaultCounters before = guest.machine.contexts[0].counters;
    EXPECT_EQ(guest.machine.handle(data_abort(translation)).outcome, Outcome::resume);
    EXPECT_EQ(FaultDecision::between(before, guest.machine.contexts[0].counters).action,
              FaultAction::lost_race);
}

TEST(FaultDecision, MadeYoung) {
    Guest guest;
    guest.add_ram();
    guest.map_old();
    EXPECT_EQ(decision(guest, 0x3000, Kind::load).action, FaultAction::made_young);
}

} // namespace
} // namespace twofold::test
