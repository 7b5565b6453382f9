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

namespace twofold {

template <GuestPort Port, GuestLock Lock>
struct GuestState {
    Port& port;
    Stage2<Port> table;
    Slots slots;
    GuestMemoryPolicy policy = {};
    FaultCounters counters = {};
    std::uint64_t generation = 0; // grows whenever something is taken from the table
    Lock lock = {};               // around slots, table and generation
};

} // namespace twofold
