// SPDX-License-Identifier: MIT
// GuestState: what the calls of GuestMemory share.
#pragma once

#include <twofold/table/epoch_clock.hpp>
#include <twofold/table/stage2.hpp>
#include <twofold/vm/fault_context.hpp>
#include <twofold/vm/guest_lock.hpp>
#include <twofold/vm/guest_port.hpp>
#include <twofold/vm/memory_fault.hpp>
#include <twofold/vm/slot_versions.hpp>
#include <twofold/vm/withdrawals.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <utility>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
struct GuestState {
    GuestState(Port& p, Stage2<Port>&& t, std::span<Slot> storage, std::span<FaultContext> all,
               const GuestMemoryPolicy& wanted)
        : port{p},
          table{std::move(t)},
          slots{table.geometry(), storage},
          contexts{all},
          policy{wanted} {}

    // Returns when every fault that is under way now has ended.
    void wait_for_faults() {
        const std::uint64_t mark = clock.mark();
        for (FaultContext& context : contexts) {
            while (!EpochClock::has_ended(context.since, mark)) {
                port.relax();
            }
        }
    }
    // change() until nothing is in its way: who has the stripe, or the entry, lets go of it soon.
    template <class Change>
    auto persist(Change&& change) {
        for (;;) {
            auto result = change();
            if (result || result.error() != Error::again) {
                return result;
            }
            port.relax();
        }
    }
    // Whether a leaf maps the memory that the backing gave for a fault.
    bool shows(const RawEntry& leaf, const BackedFault& backed) const {
        return table.output(leaf, backed.fault.ipa) == backed.pa() &&
               table.type(leaf) == backed.extent.type;
    }
    // Of what replaces or divides a leaf for a fault.
    Lock& lock_around(Ipa ipa) { return around_[(ipa.value >> around_shift) % around_.size()]; }

    EpochClock clock = {}; // of the faults under way; in a line of its own, so first
    Port& port;
    Stage2<Port> table;
    SlotVersions slots;
    std::span<FaultContext> contexts;
    Withdrawals withdrawals = {};
    GuestMemoryPolicy policy;
    Lock lock = {}; // of changes of slots and of harvests; no fault takes it

private:
    static constexpr unsigned around_shift = 21;
    std::array<Lock, 16> around_ = {};
};

} // namespace twofold
