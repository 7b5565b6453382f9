// SPDX-License-Identifier: MIT
// Tickets: which invalidations are not complete yet. An Invalidation takes one before its first
// tombstone and gives it back when it is discharged; until then nobody installs anything where its
// tombstones stand.
#pragma once

#include <twofold/table/shared_step.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace twofold {

class Tickets {
public:
    // Invalidations of one table that can be in flight at once.
    static constexpr unsigned capacity = 32;

    // A ticket, or 0 if all are in use.
    template <class Port>
    [[gnu::always_inline]] std::uint64_t take(Port& port) {
        const std::uint64_t ticket = try_take(port);
        return ticket != 0 ? ticket : take_another(port);
    }
    // All that was owed under it is done.
    template <class Port>
    void give_back(Port& port, std::uint64_t ticket) {
        shared_step(port);
        slot(ticket).store(0, std::memory_order_release);
    }
    // A ticket that comes round again (after 2^35 others) makes an old tombstone look unfinished
    // for a moment, never the reverse.
    template <class Port>
    bool is_complete(Port& port, std::uint64_t ticket) const {
        shared_step(port);
        return slot(ticket).load(std::memory_order_acquire) != ticket;
    }

private:
    template <class Port>
    [[gnu::always_inline]] std::uint64_t try_take(Port& port) {
        shared_step(port);
        const std::uint64_t ticket =
            (next_.fetch_add(1, std::memory_order_relaxed) & mask) | not_zero;
        std::uint64_t none = 0;
        return slot(ticket).compare_exchange_strong(none, ticket, std::memory_order_relaxed)
                   ? ticket
                   : 0;
    }
    template <class Port>
    [[gnu::noinline]] std::uint64_t take_another(Port& port) {
        for (unsigned attempt = 1; attempt < capacity; ++attempt) {
            if (const std::uint64_t ticket = try_take(port); ticket != 0) {
                return ticket;
            }
        }
        return 0;
    }

    static constexpr std::uint64_t mask = (std::uint64_t{1} << 35) - 1;
    static constexpr std::uint64_t not_zero = std::uint64_t{1} << 35; // a payload has 36 bits

    std::atomic<std::uint64_t>& slot(std::uint64_t ticket) { return slots_[ticket % capacity]; }
    const std::atomic<std::uint64_t>& slot(std::uint64_t ticket) const {
        return slots_[ticket % capacity];
    }

    std::array<std::atomic<std::uint64_t>, capacity> slots_ = {};
    std::atomic<std::uint64_t> next_ = 0;
};

} // namespace twofold
