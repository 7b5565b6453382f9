// SPDX-License-Identifier: MIT
// EpochClock: whether everything that was under way at some moment has ended. Each participant has
// a word of its own, in which it writes the time when it begins and nothing when it ends.
//
// The order is made by read-modify-write operations on those words: of a participant that begins
// and a look at its word, one comes first. Either the look sees it, or it sees all that was written
// before the look.
#pragma once

#include <atomic>
#include <cstdint>

namespace twofold {

// `Atomic`: std::atomic; tests put another in its place.
template <template <class> class Atomic>
class BasicEpochClock {
public:
    using Word = Atomic<std::uint64_t>;
    static constexpr std::uint64_t idle = 0;

    // By the participant, one at a time.
    void enter(Word& since) {
        since.exchange(now_.load(std::memory_order_acquire), std::memory_order_acq_rel);
    }
    static void leave(Word& since) { since.store(idle, std::memory_order_release); }

    // A moment: after what the caller has written, and before whoever begins later.
    std::uint64_t mark() { return now_.fetch_add(1, std::memory_order_acq_rel) + 1; }
    // Since when the participant has been under way, or idle.
    static std::uint64_t look(Word& since) {
        // Changes nothing, but takes its place in the order of changes.
        return since.fetch_add(0, std::memory_order_acq_rel);
    }
    // Whether what the participant had under way at that moment has ended.
    static bool has_ended(Word& since, std::uint64_t mark) {
        const std::uint64_t epoch = look(since);
        return epoch == idle || epoch >= mark;
    }

private:
    alignas(64) Word now_ = 1;
};

using EpochClock = BasicEpochClock<std::atomic>;

} // namespace twofold
