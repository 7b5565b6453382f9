// SPDX-License-Identifier: MIT
// Tickets: which invalidations are not complete yet. An Invalidation takes one before its first
// tombstone and gives it back when it is discharged; until then nobody installs anything where its
// tombstones stand.
#pragma once

#include <twofold/arch/field.hpp>
#include <twofold/table/invalid_entry.hpp>
#include <twofold/table/shared_step.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace twofold {

class Tickets {
public:
    // Invalidations of one table that can be in flight at once.
    static constexpr unsigned capacity = 32;

    constexpr Tickets() {
        for (unsigned i = 0; i < capacity; ++i) {
            slots_[i].store(number::of(i) | not_zero::mask, std::memory_order_relaxed);
        }
    }

    // A ticket, or 0 if all are in use; it stands where invalid_entry::payload does. `near`: who
    // begins at different ones meets nobody.
    template <class Port>
    [[gnu::always_inline]] std::uint64_t take(Port& port, std::uint64_t near) {
        const std::uint64_t ticket = try_take(port, near % capacity);
        if (taken::is_set(ticket)) [[unlikely]] {
            return take_another(port, near);
        }
        if (ticket == 0) {
            __builtin_unreachable(); // not_zero
        }
        return ticket;
    }
    // All that was owed under it is done.
    template <class Port>
    [[gnu::always_inline]] void give_back(Port& port, std::uint64_t ticket) {
        shared_step(port);
        slots_[number::get(ticket)].store((ticket + round::of(1)) & invalid_entry::payload::mask,
                                          std::memory_order_release);
    }
    // A ticket that comes round again (after 2^30 others in its slot) makes an old tombstone look
    // unfinished for a moment, never the reverse.
    template <class Port>
    bool is_complete(Port& port, std::uint64_t ticket) const {
        shared_step(port);
        return slots_[number::get(ticket)].load(std::memory_order_acquire) !=
               (ticket | taken::mask);
    }

private:
    // A slot holds the ticket that is next, or is taken.
    using taken = Field<0>;
    using number = Field<16, 12>; // of the slot
    using not_zero = Field<17>;   // always set
    using round = Field<47, 18>;  // how often it has been given back

    // What stood in a slot: it is the caller's if it was not taken.
    template <class Port>
    [[gnu::always_inline]] std::uint64_t try_take(Port& port, std::uint64_t slot) {
        shared_step(port);
        return slots_[slot].fetch_or(taken::mask, std::memory_order_relaxed);
    }
    template <class Port>
    [[gnu::noinline]] std::uint64_t take_another(Port& port, std::uint64_t near) {
        for (unsigned i = 1; i < capacity; ++i) {
            const std::uint64_t ticket = try_take(port, (near + i) % capacity);
            if (!taken::is_set(ticket)) {
                return ticket;
            }
        }
        return 0;
    }

    std::array<std::atomic<std::uint64_t>, capacity> slots_ = {};
};

} // namespace twofold
