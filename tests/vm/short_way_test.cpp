// SPDX-License-Identifier: MIT
// GuestMemory::resolve(): what it resolves is as after handle(), and what it declines has changed
// nothing.
#include "logged_guest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace twofold::test {
namespace {

struct ShortWay : LoggedGuest {
    ShortWay() : LoggedGuest{16 * MiB, 4 * KiB} {}
    bool resolve(std::uint64_t offset, AccessKind kind, bool permission = false) {
        return machine.memory.resolve({ram + offset, kind, permission}, machine.contexts[0]);
    }
    std::uint64_t resumed() const { return count(Outcome::resume); }
};

TEST(ShortWay, MapsAndRaisesAndCounts) {
    ShortWay guest;
    EXPECT_TRUE(guest.resolve(0x5008, AccessKind::read));
    EXPECT_TRUE(guest.machine.allows(ram + 0x5000, Kind::store));
    EXPECT_FALSE(guest.mapping(ram + 0x6000));
    guest.log(true);
    EXPECT_FALSE(guest.machine.allows(ram + 0x5000, Kind::store));
    EXPECT_TRUE(guest.resolve(0x5008, AccessKind::write, true));
    EXPECT_TRUE(guest.machine.allows(ram + 0x5000, Kind::store));
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x5000, page}}));
    EXPECT_EQ(guest.resumed(), 2U);
    EXPECT_EQ(guest.counters().of(FaultKind::translation).value(), 1U);
    EXPECT_EQ(guest.counters().of(FaultKind::permission).value(), 1U);
    EXPECT_EQ(guest.counters().of(AccessKind::write).value(), 1U);
}

TEST(ShortWay, DeclinesWhatNeedsMoreThanAMapping) {
    ShortWay guest;
    auto& memory = guest.machine.memory;
    const auto declined = [&](std::uint64_t offset, AccessKind kind) {
        const bool was = guest.mapping(ram + offset).has_value();
        return !guest.resolve(offset, kind) && guest.mapping(ram + offset).has_value() == was;
    };
    EXPECT_TRUE(declined(16 * MiB, AccessKind::read)); // no slot
    EXPECT_FALSE(memory.resolve({Ipa{std::uint64_t{1} << 40}, AccessKind::read, false},
                                guest.machine.contexts[0])); // beyond the table
    ASSERT_TRUE(memory.set_slot_flags(ram, false, false));
    EXPECT_TRUE(declined(0x3000, AccessKind::write));
    ASSERT_TRUE(memory.set_slot_flags(ram, true, false));
    ASSERT_TRUE(memory.invalidate_begin({ram + 0x3000, page}));
    EXPECT_TRUE(declined(0x3000, AccessKind::read));
    memory.invalidate_end({ram + 0x3000, page});
    guest.backing.missing = Unbacked::not_yet;
    EXPECT_TRUE(declined(0x3000, AccessKind::read));
    guest.backing.missing.reset();
    std::array<Ipa, 2> entries;
    DirtyRing ring{entries, 1};
    ASSERT_TRUE(ring.put(ram));
    guest.machine.contexts[0].ring = &ring;
    guest.log(true);
    EXPECT_TRUE(declined(0x3000, AccessKind::write));
    EXPECT_EQ(guest.resumed(), 0U);
    // What is allowed already may stand in this CPU's TLB as it was: for handle() to say.
    guest.machine.contexts[0].ring = nullptr;
    EXPECT_TRUE(guest.resolve(0x3000, AccessKind::write));
    EXPECT_TRUE(declined(0x3000, AccessKind::write));
    EXPECT_EQ(guest.resumed(), 1U);
}

// The owner waits for it as for any other fault.
TEST(ShortWay, IsASection) {
    ShortWay guest;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) {
        EXPECT_NE(EpochClock::look(guest.machine.contexts[0].since), EpochClock::idle);
    };
    EXPECT_TRUE(guest.resolve(0x5000, AccessKind::read));
    EXPECT_EQ(EpochClock::look(guest.machine.contexts[0].since), EpochClock::idle);
}

} // namespace
} // namespace twofold::test
