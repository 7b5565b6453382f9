// SPDX-License-Identifier: MIT
// GuestState: what the calls of GuestMemory share.
#pragma once

#include <twofold/table/stage2.hpp>
#include <twofold/vm/counters.hpp>
#include <twofold/vm/guest_lock.hpp>
#include <twofold/vm/guest_port.hpp>
#include <twofold/vm/memory_fault.hpp>
#include <twofold/vm/slots.hpp>

#include <cstdint>
#include <span>
#include <utility>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
struct GuestState {
    GuestState(Port& p, Stage2<Port>&& t, std::span<Slot> storage, const GuestMemoryPolicy& wanted)
        : port{p},
          table{std::move(t)},
          slots{table.geometry(), storage},
          policy{wanted} {}

    Port& port;
    Stage2<Port> table;
    Slots slots;
    GuestMemoryPolicy policy;
    FaultCounters counters = {};
    std::uint64_t generation = 0; // grows when mappings go or flags of a slot change
    Lock lock = {};               // around slots, table and generation
};

} // namespace twofold
