// SPDX-License-Identifier: MIT
// Epochs: a grace period for ports on hosts. It says when memory that was unlinked can be given
// back: when every section that was running at that time has ended.
//
//   section(p)  reader: nothing that is reachable now is given back before the section ends
//   retire(r)   unlinked: new sections cannot reach it, those that run already may
//   reclaim(f)  calls f(r) for what no running section can reach any more
//
// A section costs one atomic exchange on a cache line of its participant, and waits for nobody.
// retire() and reclaim() are lock-free; nobody waits for a grace period, the memory does.
#pragma once

#include <twofold/table/epoch_clock.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace twofold {

// One piece of memory that waits. It lies outside that memory, whose contents stay until the end,
// and belongs to Epochs from retire() to the call of f.
struct Retired {
    Retired* next = nullptr;
    std::uint64_t epoch = 0;
};

// `participants`: how many CPUs or threads can be in sections at once. Each has a number below it
// and is one thread of control; its sections may nest.
template <unsigned participants>
class Epochs {
public:
    class [[nodiscard]] Section {
    public:
        Section(const Section&) = delete;
        Section& operator=(const Section&) = delete;
        ~Section() { epochs_.leave(participant_); }

    private:
        friend class Epochs;
        Section(Epochs& epochs, unsigned participant) : epochs_{epochs}, participant_{participant} {
            epochs_.enter(participant_);
        }
        Epochs& epochs_;
        unsigned participant_;
    };

    Epochs() = default;
    Epochs(const Epochs&) = delete;
    Epochs& operator=(const Epochs&) = delete;

    Section section(unsigned participant) { return {*this, participant}; }

    // A mark: passed() of it is true when all sections that run now have ended. Who withdraws
    // memory announces that first, takes a mark, and asks until it has passed.
    std::uint64_t mark() { return clock_.mark(); }
    bool passed(std::uint64_t mark) { return mark <= horizon(); }

    void retire(Retired& retired) {
        retired.epoch = mark();
        push(retired, retired);
    }

    // Returns how many were given back; the rest goes on waiting.
    template <class Free>
    unsigned reclaim(Free&& free) {
        Retired* list = waiting_.exchange(nullptr, std::memory_order_acquire);
        if (list == nullptr) {
            return 0;
        }
        // Only now: all that is on the list was unlinked before this scan.
        const std::uint64_t limit = horizon();
        unsigned count = 0;
        Retired* first = nullptr;
        Retired* last = nullptr;
        while (list != nullptr) {
            Retired& retired = *std::exchange(list, list->next);
            if (retired.epoch <= limit) {
                free(retired);
                ++count;
                continue;
            }
            retired.next = first;
            first = &retired;
            last = last == nullptr ? first : last;
        }
        if (first != nullptr) {
            push(*first, *last);
        }
        return count;
    }

private:
    static constexpr std::uint64_t everything = ~std::uint64_t{0};

    struct alignas(64) Slot {
        EpochClock::Word since = EpochClock::idle; // when its outermost section began
        unsigned depth = 0;                        // the participant's own
    };

    void enter(unsigned participant) {
        Slot& slot = slots_[participant];
        if (slot.depth++ == 0) {
            clock_.enter(slot.since);
        }
    }
    void leave(unsigned participant) {
        Slot& slot = slots_[participant];
        if (--slot.depth == 0) {
            EpochClock::leave(slot.since);
        }
    }

    // Sections that began before this epoch have ended.
    std::uint64_t horizon() {
        std::uint64_t oldest = everything;
        for (Slot& slot : slots_) {
            const std::uint64_t epoch = EpochClock::look(slot.since);
            if (epoch != EpochClock::idle && epoch < oldest) {
                oldest = epoch;
            }
        }
        return oldest;
    }

    void push(Retired& first, Retired& last) {
        last.next = waiting_.load(std::memory_order_relaxed);
        while (!waiting_.compare_exchange_weak(last.next, &first, std::memory_order_release,
                                               std::memory_order_relaxed)) {
        }
    }

    EpochClock clock_;
    alignas(64) std::atomic<Retired*> waiting_ = nullptr;
    std::array<Slot, participants> slots_ = {};
};

} // namespace twofold
