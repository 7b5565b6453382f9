// SPDX-License-Identifier: MIT
// Memory that its owner takes away: what faults get meanwhile, what stays mapped, what is refused.
#include "gate.hpp"
#include "guest.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;
const Resolution withdrawn = Resolution::retry(RetryReason::withdrawal);

struct WithdrawalGuest : Guest {
    using Guest::Guest;
    GuestMachine::Memory& memory() { return machine.memory; }
    Resolution fault(std::uint64_t offset, unsigned vcpu = 0) {
        return machine.handle(data_abort(translation, wnr, ram + offset), {}, vcpu);
    }
    std::uint64_t mapped() {
        std::uint64_t bytes = 0;
        memory().for_each_run([&](const Mapping& run) {
            bytes += run.size;
            EXPECT_EQ(run.pa - memory_pa, run.ipa - ram);
        });
        return bytes;
    }
    bool is_mapped(std::uint64_t offset) { return mapping(ram + offset).has_value(); }
};

constexpr IpaSpan pages(std::uint64_t first, std::uint64_t count = 1) {
    return {.start = ram + first * page, .length = count * page};
}

TEST(Withdrawal, FaultsInTheRangeAreToBeTriedAgainUntilItEnds) {
    WithdrawalGuest guest{full_features(), 40, page};
    guest.add_ram();
    for (const std::uint64_t p : {0U, 1U, 2U, 3U}) {
        EXPECT_EQ(guest.fault(p * page), Resolution::resume());
    }
    unsigned asked = 0;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { ++asked; };
    ASSERT_TRUE(guest.memory().invalidate_begin(pages(1, 2)));
    EXPECT_EQ(guest.mapped(), 2 * page);
    EXPECT_EQ(guest.fault(1 * page), withdrawn);
    EXPECT_EQ(guest.fault(3 * page - 1), withdrawn);
    for (const Kind kind : {Kind::load, Kind::fetch, Kind::stage1_walk}) {
        EXPECT_EQ(guest.machine.access(ram + page, kind).resolution, withdrawn);
    }
    EXPECT_EQ(asked, 0U);
    EXPECT_EQ(guest.count(Outcome::retry), 5U);
    // Beside it nobody waits.
    EXPECT_EQ(guest.fault(4 * page), Resolution::resume());
    EXPECT_EQ(guest.mapped(), 3 * page);
    guest.memory().invalidate_end(pages(1, 2));
    EXPECT_EQ(guest.fault(1 * page), Resolution::resume());
    EXPECT_EQ(guest.fault(2 * page), Resolution::resume());
    EXPECT_EQ(asked, 3U);
    EXPECT_EQ(guest.mapped(), 5 * page);
}

// Its answer may change between the two.
class Switching : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind) override {
        const Pa pa = base.load();
        if (on_ask) {
            on_ask(offset);
        }
        const std::uint64_t start = align_down(offset, 2 * MiB);
        return Extent{.offset = start, .pa = pa + start, .length = 2 * MiB};
    }
    std::atomic<Pa> base = memory_pa;
    std::function<void(std::uint64_t)> on_ask = {};
};

// A fault that stands somewhere between its slot and its mapping when its memory is taken away.
class WithdrawalOfASlowFault : public testing::TestWithParam<bool> {};

TEST_P(WithdrawalOfASlowFault, WaitsForIt) {
    const bool after_asking = GetParam();
    constexpr Pa elsewhere = memory_pa + 8 * GiB;
    Switching backing;
    GuestMachine machine{geometry_4k(old_cpu(), 40), old_cpu()};
    ASSERT_TRUE(
        machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
    Gate slow;
    std::atomic<bool> first = true;
    if (after_asking) {
        // It has looked at the withdrawals for the last time, and is to map what it was told.
        machine.port.on_cache = [&](const CacheOperation&) {
            if (first.exchange(false)) {
                slow.pass();
            }
        };
    } else {
        backing.on_ask = [&](std::uint64_t) {
            if (first.exchange(false)) {
                slow.pass();
            }
        };
    }
    std::jthread vcpu{[&] {
        EXPECT_EQ(machine.handle(data_abort(translation, wnr, ram + 5 * page)),
                  after_asking ? Resolution::resume() : withdrawn);
    }};
    ASSERT_TRUE(slow.wait());
    std::atomic<bool> begun = false;
    const IpaSpan range{.start = ram, .length = 2 * MiB};
    std::jthread owner{[&] {
        EXPECT_TRUE(machine.memory.invalidate_begin(range));
        EXPECT_FALSE(machine.allows(ram + 5 * page, Kind::load));
        begun = true;
    }};
    ASSERT_TRUE(Gate::wait_for([&] { return machine.port.relaxed != 0; }));
    // It is known already, and does not hold up who faults elsewhere.
    EXPECT_EQ(machine.handle(data_abort(translation, wnr, ram + page), {}, 1), withdrawn);
    EXPECT_EQ(machine.handle(data_abort(translation, wnr, ram + 4 * MiB), {}, 1),
              Resolution::resume());
    EXPECT_EQ(machine.walk(ram + 4 * MiB, Kind::store).translation.size, 2 * MiB);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    EXPECT_FALSE(begun);
    slow.open();
    owner.join();
    vcpu.join();
    EXPECT_FALSE(machine.allows(ram + 5 * page, Kind::load));
    backing.base = elsewhere;
    machine.memory.invalidate_end(range);
    const auto now = machine.access(ram + 5 * page, Kind::store);
    EXPECT_EQ(now.pa, elsewhere + 5 * page);
    EXPECT_EQ(now.translation.size, 2 * MiB);
}

INSTANTIATE_TEST_SUITE_P(Where, WithdrawalOfASlowFault, testing::Bool(), [](const auto& where) {
    return where.param ? "BeforeItsMapping" : "InItsBacking";
});

// A fault that lasts all the time is waited for once: who withdraws later, does not wait for one
// that has begun after its announcement.
TEST(Withdrawal, DoesNotWaitForFaultsThatBeganAfterIt) {
    WithdrawalGuest guest{full_features(), 40, page};
    guest.add_ram();
    ASSERT_TRUE(guest.memory().invalidate_begin(pages(0)));
    Gate slow;
    guest.backing.on_ask = [&](std::uint64_t offset, AccessKind) {
        if (offset == 5 * page) {
            slow.pass();
        }
    };
    std::jthread vcpu{[&] { EXPECT_EQ(guest.fault(5 * page), Resolution::resume()); }};
    ASSERT_TRUE(slow.wait());
    guest.memory().invalidate_end(pages(0)); // nor does an end wait
    EXPECT_EQ(guest.fault(0, 1), Resolution::resume());
    slow.open();
}

TEST(Withdrawal, RangesMayOverlapAndBeEqual) {
    WithdrawalGuest guest{full_features(), 40, page};
    guest.add_ram();
    ASSERT_TRUE(guest.memory().invalidate_begin(pages(0, 4)));
    ASSERT_TRUE(guest.memory().invalidate_begin(pages(2, 4)));
    ASSERT_TRUE(guest.memory().invalidate_begin(pages(2, 4)));
    guest.memory().invalidate_end(pages(0, 4));
    EXPECT_EQ(guest.fault(1 * page), Resolution::resume());
    EXPECT_EQ(guest.fault(2 * page), withdrawn);
    guest.memory().invalidate_end(pages(2, 4));
    EXPECT_EQ(guest.fault(5 * page), withdrawn);
    guest.memory().invalidate_end(pages(2, 3)); // of none that was begun
    guest.memory().invalidate_end(pages(3, 3));
    EXPECT_EQ(guest.fault(3 * page), withdrawn);
    guest.memory().invalidate_end(pages(2, 4));
    for (const std::uint64_t p : {2U, 3U, 4U, 5U}) {
        EXPECT_EQ(guest.fault(p * page), Resolution::resume());
    }
}

TEST(Withdrawal, SixteenAtATime) {
    WithdrawalGuest guest{full_features(), 40, page};
    guest.add_ram();
    for (std::uint64_t p = 0; p <= 16; ++p) {
        EXPECT_EQ(guest.fault(2 * p * page), Resolution::resume());
    }
    for (std::uint64_t p = 0; p < 16; ++p) {
        ASSERT_TRUE(guest.memory().invalidate_begin(pages(2 * p)));
    }
    EXPECT_EQ(guest.memory().invalidate_begin(pages(32)).error(), Error::again);
    EXPECT_EQ(guest.memory().withdraw(pages(32)).error(), Error::again);
    EXPECT_TRUE(guest.is_mapped(32 * page));
    // The pages between them are served, and only those.
    for (std::uint64_t p = 0; p < 16; ++p) {
        EXPECT_EQ(guest.fault(2 * p * page), withdrawn);
        EXPECT_EQ(guest.fault((2 * p + 1) * page), Resolution::resume());
    }
    guest.memory().invalidate_end(pages(14));
    ASSERT_TRUE(guest.memory().invalidate_begin(pages(32)));
    EXPECT_FALSE(guest.is_mapped(32 * page));
    EXPECT_EQ(guest.fault(14 * page), Resolution::resume());
    EXPECT_EQ(guest.fault(32 * page), withdrawn);
}

TEST(Withdrawal, BadRangesChangeNothing) {
    WithdrawalGuest guest;
    guest.add_ram();
    EXPECT_EQ(guest.fault(0), Resolution::resume());
    const std::uint64_t limit = guest.machine.memory.geometry().ipa_limit();
    struct Case {
        IpaSpan range = {};
        Error error = {};
    };
    const Case cases[] = {
        {{.start = ram + 8, .length = page}, Error::ipa_misaligned},
        {{.start = ram, .length = page + 8}, Error::range_misaligned},
        {{.start = ram, .length = 0}, Error::range_empty},
        {{.start = Ipa{limit}, .length = page}, Error::ipa_out_of_range},
        {{.start = ram, .length = limit}, Error::ipa_out_of_range},
        {{.start = ram, .length = ~std::uint64_t{0} - page + 1}, Error::ipa_out_of_range},
    };
    for (unsigned round = 0; round < 5; ++round) { // nor is anything left announced
        for (const Case& c : cases) {
            EXPECT_EQ(guest.memory().invalidate_begin(c.range).error(), c.error);
            EXPECT_EQ(guest.memory().withdraw(c.range).error(), c.error);
        }
    }
    EXPECT_EQ(guest.mapped(), GiB);
    for (std::uint64_t p = 0; p < 16; ++p) {
        EXPECT_TRUE(guest.memory().invalidate_begin(pages(p)));
    }
}

TEST(Withdrawal, WhatReachesBeyondTheRangeIsDivided) {
    WithdrawalGuest guest;
    guest.add_ram();
    EXPECT_EQ(guest.fault(0), Resolution::resume());
    ASSERT_EQ(guest.mapping(ram)->size, GiB);
    const IpaSpan range = pages(513, 3);
    ASSERT_TRUE(guest.memory().invalidate_begin(range));
    EXPECT_EQ(guest.mapped(), GiB - 3 * page);
    EXPECT_EQ(guest.mapping(ram)->size, 2 * MiB);
    for (const std::uint64_t p : {512U, 516U}) {
        EXPECT_EQ(guest.mapping(ram + p * page)->size, page);
        EXPECT_TRUE(guest.machine.allows(ram + p * page, Kind::store));
    }
    EXPECT_FALSE(guest.is_mapped(513 * page));
    EXPECT_FALSE(guest.is_mapped(515 * page));
    guest.memory().invalidate_end(range);
    EXPECT_EQ(guest.fault(514 * page), Resolution::resume());
    EXPECT_EQ(guest.mapped(), GiB - 2 * page);
}

// Whichever allocation fails.
TEST(Withdrawal, WithoutMemoryToDivideAllOfABlockGoesAndTheRestComesBack) {
    unsigned failures = 0;
    for (std::uint64_t failing = 0; failing < 6; ++failing) {
        WithdrawalGuest guest;
        guest.add_ram(3 * GiB);
        for (const std::uint64_t at : {std::uint64_t{0}, GiB, 2 * GiB}) {
            EXPECT_EQ(guest.fault(at), Resolution::resume());
        }
        guest.machine.port.allocations_until_failure = failing;
        const IpaSpan range{.start = ram + (GiB - page), .length = GiB + 2 * page};
        ASSERT_TRUE(guest.memory().invalidate_begin(range));
        const bool failed = guest.machine.port.failures != 0;
        failures += failed ? 1 : 0;
        guest.machine.port.allocations_until_failure.reset();
        EXPECT_EQ(guest.mapped(), failed ? 0 : 2 * GiB - 2 * page);
        for (const std::uint64_t at : {GiB - page, GiB, 2 * GiB}) {
            EXPECT_EQ(guest.fault(at), withdrawn);
        }
        // Right beside the range, in what it took with it.
        for (const std::uint64_t at : {std::uint64_t{0}, GiB - 2 * page, 2 * GiB + page}) {
            EXPECT_TRUE(guest.machine.access(ram + at, Kind::store).pa) << at;
        }
        EXPECT_FALSE(guest.is_mapped(GiB - page));
        EXPECT_FALSE(guest.is_mapped(2 * GiB));
        guest.memory().invalidate_end(range);
        for (const std::uint64_t at : {GiB - page, GiB, 2 * GiB}) {
            EXPECT_TRUE(guest.machine.access(ram + at, Kind::store).pa) << at;
        }
        guest.mapped();
    }
    EXPECT_GE(failures, 4U); // two tables at each end
}

TEST(Withdrawal, NoBlockReachesIntoTheRange) {
    WithdrawalGuest guest;
    guest.add_ram(2 * GiB);
    const std::uint64_t hole = 2 * MiB + page;
    ASSERT_TRUE(guest.memory().invalidate_begin({.start = ram + hole, .length = page}));
    struct Case {
        std::uint64_t at;
        std::uint64_t size;
    };
    for (const Case& c :
         {Case{2 * MiB, page}, Case{2 * MiB + 2 * page, page}, Case{4 * MiB - page, page},
          Case{0, 2 * MiB}, Case{4 * MiB, 2 * MiB}, Case{GiB - page, 2 * MiB}, Case{GiB, GiB}}) {
        const auto result = guest.machine.access(ram + c.at, Kind::store);
        ASSERT_TRUE(result.pa) << c.at;
        EXPECT_EQ(*result.pa, memory_pa + c.at);
        EXPECT_EQ(guest.mapping(ram + c.at)->size, c.size) << c.at;
    }
    EXPECT_FALSE(guest.is_mapped(hole));
    // Nor does one that is made without a fault.
    FaultContext& context = guest.machine.contexts[7];
    Progress all;
    ASSERT_TRUE(guest.memory().restore_blocks(context, ram, all));
    EXPECT_EQ(all.next, ram + 2 * GiB);
    EXPECT_FALSE(guest.is_mapped(hole));
    Progress some;
    EXPECT_EQ(guest.memory().populate(context, {.start = ram + 2 * MiB, .length = 4 * MiB},
                                      AccessKind::write, some),
              withdrawn);
    EXPECT_EQ(some.next, ram + hole);
    EXPECT_FALSE(guest.is_mapped(hole));
    guest.memory().invalidate_end({.start = ram + hole, .length = page});
    all = {};
    ASSERT_TRUE(guest.memory().restore_blocks(context, ram, all));
    EXPECT_EQ(guest.mapping(ram + hole)->size, GiB);
}

TEST(Withdrawal, ReachesOverSlotsAndHoles) {
    WithdrawalGuest guest{full_features(), 40, 2 * MiB};
    guest.add({.range = {.start = ram, .length = 4 * MiB}});
    guest.add({.range = {.start = ram + 8 * MiB, .length = 4 * MiB}});
    EXPECT_TRUE(guest.machine.access(ram, Kind::load).pa);
    EXPECT_TRUE(guest.machine.access(ram + 2 * MiB, Kind::load).pa);
    EXPECT_TRUE(guest.machine.access(ram + 8 * MiB, Kind::load).pa);
    const IpaSpan range{.start = ram + 2 * MiB, .length = 8 * MiB};
    ASSERT_TRUE(guest.memory().invalidate_begin(range));
    EXPECT_TRUE(guest.is_mapped(0));
    EXPECT_FALSE(guest.is_mapped(2 * MiB));
    EXPECT_FALSE(guest.is_mapped(8 * MiB));
    // What is no memory is no memory now, too.
    EXPECT_EQ(guest.machine.handle(data_abort(translation, isv_word_x1, ram + 6 * MiB)).outcome,
              Outcome::mmio);
    guest.memory().invalidate_end(range);
    EXPECT_TRUE(guest.machine.access(ram + 8 * MiB, Kind::load).pa);
}

} // namespace
} // namespace twofold::test
