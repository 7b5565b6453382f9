// SPDX-License-Identifier: MIT
// Memory that is mapped before the guest asks for it, by steps, and what stands in the way.
#include "guest.hpp"

#include <twofold/vm/dirty_bitmap.hpp>
#include <twofold/vm/dirty_ring.hpp>

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;

struct PopulatedGuest : Guest {
    using Guest::Guest;
    FaultContext& context() { return machine.contexts[1]; }
    Resolution populate(const IpaSpan& range, AccessKind access, Progress& progress) {
        return machine.memory.populate(context(), range, access, progress);
    }
    Resolution populate(const IpaSpan& range, AccessKind access) {
        Progress all;
        const Resolution result = populate(range, access, all);
        next = all.next;
        return result;
    }
    bool allows_without_fault(std::uint64_t at, Kind kind) {
        return machine.allows(ram + at, kind);
    }
    Ipa next = {};
};

TEST(Population, AfterItTheGuestDoesNotFault) {
    for (const AccessKind access : {AccessKind::read, AccessKind::write, AccessKind::fetch}) {
        PopulatedGuest guest{full_features(), 40, 2 * MiB};
        guest.add({.range = {.start = ram + 2 * page, .length = 16 * MiB}});
        unsigned asked = 0;
        guest.backing.on_ask = [&](std::uint64_t, AccessKind kind) {
            ++asked;
            EXPECT_EQ(kind, access);
        };
        const IpaSpan range{.start = ram, .length = 32 * MiB}; // more than there is
        EXPECT_EQ(guest.populate(range, access), Resolution::resume());
        EXPECT_EQ(guest.next, range.end());
        const Kind kind = access == AccessKind::fetch   ? Kind::fetch
                          : access == AccessKind::write ? Kind::store
                                                        : Kind::load;
        std::uint64_t mapped = 0;
        guest.machine.memory.for_each_run([&](const Mapping& run) {
            EXPECT_TRUE(guest.machine.allows(run.ipa, kind));
            mapped += run.size;
        });
        EXPECT_EQ(mapped, 16 * MiB);
        // IPA and PA disagree by two pages: nothing larger fits, and each was asked for once.
        EXPECT_EQ(asked, 16 * MiB / page);
        EXPECT_EQ(guest.populate(range, access), Resolution::resume());
        EXPECT_EQ(asked, 16 * MiB / page);
    }
}

TEST(Population, ByBlocksAndPastTheEndOfTheRange) {
    PopulatedGuest guest{full_features(), 40, GiB};
    guest.add_ram(3 * GiB);
    unsigned asked = 0;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { ++asked; };
    EXPECT_EQ(guest.populate({.start = ram + GiB / 2, .length = GiB}, AccessKind::write),
              Resolution::resume());
    EXPECT_EQ(guest.next, ram + GiB / 2 + GiB);
    EXPECT_EQ(asked, 2U);
    EXPECT_TRUE(guest.allows_without_fault(0, Kind::store));
    EXPECT_TRUE(guest.allows_without_fault(2 * GiB - 1, Kind::store));
    EXPECT_FALSE(guest.allows_without_fault(2 * GiB, Kind::load));
}

TEST(Population, ByStepsOfABudget) {
    PopulatedGuest guest{full_features(), 40, page};
    guest.add_ram(64 * page);
    guest.add({.range = {.start = ram + 96 * page, .length = 4 * page}});
    const IpaSpan range{.start = ram, .length = 100 * page};
    for (const std::uint64_t budget : {1U, 5U}) {
        ASSERT_TRUE(guest.machine.memory.withdraw(range));
        Progress progress;
        unsigned steps = 0;
        std::uint64_t asked = 0;
        guest.backing.on_ask = [&](std::uint64_t, AccessKind) { ++asked; };
        for (; progress.next < range.end() && steps < 1000; ++steps) {
            progress.budget = budget;
            asked = 0;
            const Ipa before = progress.next;
            ASSERT_EQ(guest.populate(range, AccessKind::read, progress), Resolution::resume());
            ASSERT_GE(progress.next, before);
            ASSERT_LE(asked, budget);
        }
        EXPECT_EQ(progress.next, range.end());
        EXPECT_LE(steps, 3 * 68 / budget + 2);
        for (std::uint64_t p = 0; p < 100; ++p) {
            EXPECT_EQ(guest.allows_without_fault(p * page, Kind::load), p < 64 || p >= 96) << p;
        }
    }
}

TEST(Population, StopsAtWhatCannotBeMapped) {
    PopulatedGuest guest{full_features(), 40, page};
    guest.add_ram(8 * page);
    const IpaSpan range{.start = ram, .length = 8 * page};
    struct Case {
        Unbacked unbacked;
        Resolution expected;
    };
    const Case cases[] = {
        {Unbacked::not_yet, Resolution::retry(RetryReason::backing)},
        {Unbacked::poisoned, Resolution::inject({.fault = InjectedFault::external})},
        {Unbacked::none, Resolution::inject({.fault = InjectedFault::external})},
    };
    for (const Case& c : cases) {
        ASSERT_TRUE(guest.machine.memory.withdraw(range));
        guest.backing.on_ask = [&](std::uint64_t offset, AccessKind) {
            guest.backing.missing = offset == 3 * page ? std::optional{c.unbacked} : std::nullopt;
        };
        Progress progress;
        EXPECT_EQ(guest.populate(range, AccessKind::read, progress), c.expected);
        EXPECT_EQ(progress.next, ram + 3 * page);
        EXPECT_TRUE(guest.allows_without_fault(2 * page, Kind::load));
        EXPECT_FALSE(guest.allows_without_fault(3 * page, Kind::load));
        EXPECT_FALSE(guest.allows_without_fault(4 * page, Kind::load));
        // The caller may leave it out, or come back.
        guest.backing.on_ask = {};
        guest.backing.missing.reset();
        EXPECT_EQ(guest.populate(range, AccessKind::read, progress), Resolution::resume());
        EXPECT_EQ(progress.next, range.end());
        EXPECT_TRUE(guest.allows_without_fault(7 * page, Kind::load));
    }
    guest.machine.port.allocations_until_failure = 0;
    ASSERT_TRUE(guest.machine.memory.withdraw(range));
    Progress progress;
    EXPECT_EQ(guest.populate(range, AccessKind::read, progress),
              Resolution::stop(StopReason::table_memory));
    EXPECT_EQ(progress.next, ram);
}

TEST(Population, WritesAreForSlotsThatMayBeWrittenAndAreLogged) {
    PopulatedGuest guest{full_features(), 40, 2 * MiB};
    guest.add({.range = {.start = ram + GiB, .length = 4 * page}, .writable = false});
    EXPECT_EQ(guest.populate({.start = ram + GiB, .length = 4 * page}, AccessKind::write).outcome,
              Outcome::inject);
    EXPECT_EQ(guest.next, ram + GiB);
    EXPECT_EQ(guest.populate({.start = ram + GiB, .length = 4 * page}, AccessKind::read),
              Resolution::resume());

    std::vector<std::uint64_t> storage(DirtyBitmap::words(16));
    DirtyBitmap bitmap{storage, 16};
    std::array<Ipa, 8> entries;
    DirtyRing ring{entries, 2};
    guest.context().ring = &ring;
    const IpaSpan range{.start = ram, .length = 16 * page};
    guest.add({.range = range, .dirty_logging = true, .dirty = &bitmap});
    EXPECT_EQ(guest.populate(range, AccessKind::read), Resolution::resume());
    EXPECT_FALSE(bitmap.any());
    EXPECT_EQ(ring.size(), 0U);
    EXPECT_FALSE(guest.allows_without_fault(0, Kind::store));
    Progress progress;
    std::uint64_t told = 0;
    for (unsigned i = 0; i < 2; ++i) {
        EXPECT_EQ(guest.populate(range, AccessKind::write, progress), Resolution::ring_full());
        told += guest.machine.memory.harvest_ring(guest.context(), [](Ipa) {});
        EXPECT_EQ(told, (i + 1) * 6U);
    }
    EXPECT_EQ(guest.populate(range, AccessKind::write, progress), Resolution::resume());
    EXPECT_EQ(progress.next, range.end());
    EXPECT_TRUE(guest.allows_without_fault(15 * page, Kind::store));
    progress = {};
    EXPECT_EQ(guest.machine.memory.harvest_dirty(
                  ram, [](Ipa, std::uint64_t) {}, progress),
              16U);
}

} // namespace
} // namespace twofold::test
