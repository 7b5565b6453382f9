// SPDX-License-Identifier: MIT
// Faults beside a withdrawal, and beside a change of slots, in every interleaving with a few
// preemptions of their accesses to the clock, the withdrawals and the versions; and that a mistake
// in the protocol is found.
#include "every_order.hpp"

#include <twofold/table/epoch_clock.hpp>
#include <twofold/vm/slot_versions.hpp>
#include <twofold/vm/withdrawals.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace twofold::test {

namespace {

// Another may go on before each access.
template <class T>
class Stepped {
public:
    constexpr Stepped(T value) : value_{value} {}

    T load(std::memory_order) const {
        EveryOrder::step();
        return value_;
    }
    void store(T value, std::memory_order) {
        EveryOrder::step();
        value_ = value;
    }
    T exchange(T value, std::memory_order) {
        EveryOrder::step();
        return std::exchange(value_, value);
    }
    T fetch_add(T value, std::memory_order) {
        EveryOrder::step();
        return std::exchange(value_, static_cast<T>(value_ + value));
    }
    T fetch_and(T value, std::memory_order) {
        EveryOrder::step();
        return std::exchange(value_, static_cast<T>(value_ & value));
    }
    bool compare_exchange_weak(T& expected, T value, std::memory_order, std::memory_order) {
        EveryOrder::step();
        if (value_ == expected) {
            value_ = value;
            return true;
        }
        expected = value_;
        return false;
    }

private:
    T value_;
};

using Clock = BasicEpochClock<Stepped>;
using Ranges = BasicWithdrawals<Stepped>;
using Versions = BasicSlotVersions<Stepped>;

constexpr std::uint64_t page = 4 * KiB;
constexpr unsigned preemptions = 3;
constexpr IpaSpan range{.start = Ipa{4 * page}, .length = 2 * page};

enum class Mistake : std::uint8_t {
    none,
    no_wait,          // the owner does not wait for the faults under way
    wait_first,       // or waits before it has announced the range
    look_outside,     // a fault looks at the ranges before its section
    end_before_leave, // or leaves its section before it maps what it was told
};

// What is mapped at two pages; the second is beside the range.
struct Guest {
    static constexpr unsigned faults = 2;

    Clock clock = {};
    Ranges ranges = {};
    std::array<Clock::Word, faults> since = {Clock::idle, Clock::idle};
    unsigned owned = 1; // the memory that the backing answers with
    std::array<unsigned, 8> mapped = {};

    void wait_for_faults() {
        const std::uint64_t mark = clock.mark();
        for (Clock::Word& word : since) {
            while (!Clock::has_ended(word, mark)) {
                EveryOrder::wait();
            }
        }
    }
};

struct Outcome {
    std::uint64_t runs = 0;
    std::uint64_t wrong = 0;   // orders in which old memory was there
    std::uint64_t retried = 0; // faults
    std::uint64_t served = 0;
};

// A fault at each of the pages, beside one withdrawal in which the memory changes.
Outcome withdraw(std::array<std::uint64_t, Guest::faults> pages, Mistake mistake) {
    std::optional<Guest> guest;
    Outcome outcome;
    const auto fault = [&](unsigned id) {
        const Ipa ipa{pages[id] * page};
        Guest& g = *guest;
        const bool early = mistake == Mistake::look_outside && g.ranges.covers(ipa);
        g.clock.enter(g.since[id]);
        const bool covered = mistake == Mistake::look_outside ? early : g.ranges.covers(ipa);
        if (covered) {
            ++outcome.retried;
            Clock::leave(g.since[id]);
            return;
        }
        EveryOrder::step();
        const unsigned answer = g.owned;
        if (mistake == Mistake::end_before_leave) {
            Clock::leave(g.since[id]);
        }
        EveryOrder::step();
        if (g.mapped[pages[id]] == 0) {
            g.mapped[pages[id]] = answer;
        }
        ++outcome.served;
        if (mistake != Mistake::end_before_leave) {
            Clock::leave(g.since[id]);
        }
    };
    bool wrong = false;
    outcome.runs = EveryOrder::run(
        Guest::faults + 1,
        [&] {
            guest.emplace();
            guest->mapped[4] = 1; // it was there already
            wrong = false;
        },
        [&](unsigned fiber) {
            if (fiber < Guest::faults) {
                fault(fiber);
                return;
            }
            Guest& g = *guest;
            if (mistake == Mistake::wait_first) {
                g.wait_for_faults();
            }
            (void)g.ranges.announce(range);
            if (mistake == Mistake::none || mistake == Mistake::look_outside ||
                mistake == Mistake::end_before_leave) {
                g.wait_for_faults();
            }
            EveryOrder::step();
            g.mapped[4] = g.mapped[5] = 0;
            // Nobody can reach it any more, so it may change.
            EveryOrder::step();
            g.owned = 2;
            wrong = wrong || g.mapped[4] != 0 || g.mapped[5] != 0;
            wrong = !g.ranges.end(range) || wrong;
        },
        [&] {
            for (const std::uint64_t p : {4U, 5U}) {
                wrong = wrong || guest->mapped[p] == 1;
            }
            outcome.wrong += wrong ? 1U : 0U;
        },
        preemptions);
    return outcome;
}

TEST(ExploreWithdrawals, NoFaultBringsOldMemoryBack) {
    for (const std::array<std::uint64_t, 2> pages : {std::array<std::uint64_t, 2>{4, 4}, {5, 6}}) {
        const Outcome outcome = withdraw(pages, Mistake::none);
        EXPECT_EQ(outcome.wrong, 0U);
        EXPECT_GT(outcome.runs, 10'000U);
        EXPECT_GT(outcome.retried, 0U);
        EXPECT_GT(outcome.served, 0U);
    }
    // Beside it nobody is kept back.
    EXPECT_EQ(withdraw({6, 7}, Mistake::none).retried, 0U);
}

TEST(ExploreWithdrawals, MistakesAreFound) {
    for (const Mistake mistake : {Mistake::no_wait, Mistake::wait_first, Mistake::look_outside,
                                  Mistake::end_before_leave}) {
        EXPECT_GT(withdraw({4, 6}, mistake).wrong, 0U) << static_cast<int>(mistake);
    }
}

// Equal ranges of two owners, and one of a third that may get the entry of the first that ends.
TEST(ExploreWithdrawals, AnEndIsOfOneRangeOnly) {
    constexpr IpaSpan other{.start = Ipa{32 * page}, .length = page};
    std::optional<Ranges> ranges;
    std::uint64_t wrong = 0;
    const std::uint64_t runs = EveryOrder::run(
        3,
        [&] {
            ranges.emplace();
            (void)ranges->announce(range);
            (void)ranges->announce(range);
        },
        [&](unsigned fiber) {
            const bool done = fiber < 2 ? ranges->end(range) : ranges->announce(other);
            wrong += done ? 0U : 1U;
        },
        [&] {
            wrong += ranges->covers(range.start) || !ranges->covers(other.start) ? 1U : 0U;
            wrong += ranges->end(other) && !ranges->any() ? 0U : 1U;
        },
        preemptions);
    EXPECT_EQ(wrong, 0U);
    EXPECT_GT(runs, 1'000U);
}

// A fault that has found its slot may look at it until it ends, whatever becomes of the slots.
std::uint64_t change_slots(bool wait, std::uint64_t& runs) {
    const Geometry geometry = Geometry::make({.pa_bits = 40, .granule_4k = true},
                                             {.granule = Granule::k4, .ipa_bits = 32})
                                  .value();
    struct Slotted {
        explicit Slotted(const Geometry& g) : versions{g, storage} {}
        std::array<Slot, 4> storage = {};
        Clock clock = {};
        Clock::Word since = Clock::idle;
        Versions versions;
    };
    std::optional<Slotted> state;
    std::uint64_t wrong = 0;
    const auto wait_for_fault = [&] {
        const std::uint64_t mark = state->clock.mark();
        while (wait && !Clock::has_ended(state->since, mark)) {
            EveryOrder::wait();
        }
    };
    const auto is_a_slot = [](const Slot& slot) {
        return slot.range.length == page || slot.range.length == 2 * page ||
               slot.range.length == 3 * page;
    };
    runs = EveryOrder::run(
        2,
        [&] {
            state.emplace(geometry);
            (void)state->versions.change([](Slots& slots) {
                return slots.add({.range = {.start = Ipa{0}, .length = page}});
            });
        },
        [&](unsigned fiber) {
            if (fiber == 0) {
                for (const std::uint64_t pages : {2U, 3U}) {
                    (void)state->versions.change(
                        [&](Slots& slots) { return slots.resize(Ipa{0}, pages * page); });
                    wait_for_fault();
                }
                return;
            }
            state->clock.enter(state->since);
            const Slot* slot = state->versions.current().find(Ipa{0});
            wrong += slot == nullptr || !is_a_slot(*slot) ? 1U : 0U;
            if (slot != nullptr) {
                const Slot before = *slot;
                EveryOrder::step();
                EveryOrder::step();
                wrong += *slot == before ? 0U : 1U;
            }
            Clock::leave(state->since);
        },
        [&] {
            const Slot* slot = state->versions.current().find(Ipa{2 * page});
            wrong += slot != nullptr && slot->range.length == 3 * page ? 0U : 1U;
        },
        preemptions);
    return wrong;
}

TEST(ExploreSlotVersions, ASlotStaysAsItIsUntilTheFaultEnds) {
    std::uint64_t runs = 0;
    EXPECT_EQ(change_slots(true, runs), 0U);
    EXPECT_GT(runs, 100U);
    EXPECT_GT(change_slots(false, runs), 0U);
}

} // namespace

} // namespace twofold::test
