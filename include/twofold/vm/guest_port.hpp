// SPDX-License-Identifier: MIT
// GuestPort: what GuestMemory asks of the embedder's port beside the tables: cache maintenance of
// the guest's memory, and patience. All are called from several CPUs at once.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/table/port.hpp>

#include <concepts>
#include <cstdint>

namespace twofold {

template <class P>
concept GuestPort = TablePort<P> && requires(P port, Pa pa, std::uint64_t bytes) {
    // Clean and invalidate to the point of coherency: DC CIVAC, DSB. Asked for memory that a guest
    // without FEAT_S2FWB may read with its caches off.
    { port.clean_dcache(pa, bytes) } -> std::same_as<void>;
    // Instruction caches of all CPUs, after the data is at the point of unification: IC IALLUIS or
    // IC IVAU, DSB, ISB. Asked where CTR_EL0.DIC is 0, before the guest may fetch.
    { port.invalidate_icache(pa, bytes) } -> std::same_as<void>;
    // Again and again while this CPU waits for another one that will not wait for it: YIELD, or,
    // where that may have lost its processor, the scheduler's turn.
    { port.relax() } -> std::same_as<void>;
};

} // namespace twofold
