// SPDX-License-Identifier: MIT
// Withdrawals: the ranges that the owner of the memory is taking away at the moment. Faults look,
// without a lock; who announces a range then waits for the faults that may not have seen it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/vm/choose_mapping.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace twofold {

// `Atomic`: std::atomic; tests put another in its place.
template <template <class> class Atomic>
class BasicWithdrawals {
public:
    static constexpr unsigned most = 16; // at a time

    // False: there are too many already.
    bool announce(const IpaSpan& range) {
        std::uint32_t taken = taken_.load(std::memory_order_relaxed);
        unsigned free = 0;
        do {
            free = static_cast<unsigned>(std::countr_one(taken));
            if (free >= most) {
                return false;
            }
        } while (!taken_.compare_exchange_weak(taken, taken | 1U << free, std::memory_order_acquire,
                                               std::memory_order_relaxed));
        publish(free, range);
        return true;
    }
    // Of a range as it was announced; of equal ones, one. False: none is.
    bool end(const IpaSpan& range) {
        std::uint64_t now = announced_.load(std::memory_order_acquire);
        for (;;) {
            std::uint32_t rest = entries_of(now) & all;
            for (; rest != 0; rest &= rest - 1) {
                const Entry& entry = entry_of(rest);
                if (entry.start.load(std::memory_order_relaxed) == range.start.value &&
                    entry.end.load(std::memory_order_relaxed) == range.end().value) {
                    break;
                }
            }
            if (rest == 0) {
                return false;
            }
            // Of equal ranges two may end at once, and the entry begin anew: only as it was seen.
            const std::uint32_t bit = rest & (~rest + 1);
            if (announced_.compare_exchange_weak(now, now & ~std::uint64_t{bit},
                                                 std::memory_order_acq_rel,
                                                 std::memory_order_acquire)) {
                taken_.fetch_and(~bit, std::memory_order_release);
                return true;
            }
        }
    }

    // One more, for who changes slots, one at a time.
    void announce_change(const IpaSpan& range) { publish(most, range); }
    void end_change() {
        announced_.fetch_and(~(std::uint64_t{1} << most), std::memory_order_release);
    }

    bool any() const { return entries_of(announced_.load(std::memory_order_acquire)) != 0; }
    bool covers(Ipa ipa) const { return any() && clear_of({ipa, 1}, ipa).length == 0; }
    // The part of `range` around `ipa`, which lies in it, that is free of announced ranges; empty
    // if `ipa` is not.
    IpaSpan clear_of(IpaSpan range, Ipa ipa) const {
        for (std::uint32_t rest = entries_of(announced_.load(std::memory_order_acquire)); rest != 0;
             rest &= rest - 1) {
            // An entry that ends and begins anew meanwhile may be half of each: who announced it
            // waits for this fault.
            const Entry& entry = entry_of(rest);
            const Ipa start{entry.start.load(std::memory_order_relaxed)};
            const Ipa end{entry.end.load(std::memory_order_relaxed)};
            if (end <= range.start || start >= range.end() || start >= end) {
                continue;
            }
            if (ipa < start) {
                range.length = start - range.start;
            } else if (ipa >= end) {
                range = {end, range.end() - end};
            } else {
                return {};
            }
        }
        return range;
    }

private:
    struct Entry {
        Atomic<std::uint64_t> start = 0;
        Atomic<std::uint64_t> end = 0;
    };
    static constexpr std::uint32_t all = (1U << most) - 1;
    static constexpr std::uint64_t announcement = std::uint64_t{1} << 32;

    static std::uint32_t entries_of(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
    // Of an entry that is the caller's, and not announced.
    void publish(unsigned i, const IpaSpan& range) {
        entries_[i].start.store(range.start.value, std::memory_order_relaxed);
        entries_[i].end.store(range.end().value, std::memory_order_relaxed);
        announced_.fetch_add((std::uint64_t{1} << i) + announcement, std::memory_order_release);
    }
    const Entry& entry_of(std::uint32_t bits) const {
        return entries_[static_cast<unsigned>(std::countr_zero(bits))];
    }

    Atomic<std::uint64_t> announced_ = 0; // a bit for each entry; above, how many there were
    Atomic<std::uint32_t> taken_ = 0;     // those, and some that are being filled in
    std::array<Entry, most + 1> entries_ = {};
};

using Withdrawals = BasicWithdrawals<std::atomic>;

} // namespace twofold
