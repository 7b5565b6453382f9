// SPDX-License-Identifier: MIT
// TablePort: the only way in which the engine touches table memory and TLBs. An embedder writes one
// (about 60 lines); tests and debug builds wrap it. All functions may be called from many CPUs at
// once.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/tlbi_operation.hpp>

#include <concepts>
#include <cstdint>
#include <optional>

namespace twofold {

// A table in memory, by its physical address: `index` counts its 8-byte descriptors, over all
// concatenated tables at the initial level. Descriptors are little-endian for the walker
// (SCTLR_EL2.EE = 0).
//
// A table may offer store_series(first, count, value, step) beside store(): `count` descriptors
// from `first` on, each larger by `step` than the one before; also only where no walker can reach
// (store_series.hpp does it for tables in plain memory).
template <class T>
concept PortTable = requires(T table, unsigned index, std::uint64_t value) {
    // Single-copy atomic load-acquire of a descriptor that a walker or another CPU may change.
    { table.load(index) } -> std::same_as<std::uint64_t>;
    // Plain store; only to a table that no walker can reach.
    { table.store(index, value) } -> std::same_as<void>;
    // Store-release to an entry that only the caller may leave (it is marked as broken): what was
    // stored before is visible to whoever sees this value.
    { table.publish(index, value) } -> std::same_as<void>;
    // Atomic swap, acquire and release; returns what was there.
    { table.exchange(index, value) } -> std::same_as<std::uint64_t>;
    // Atomic AND with the complement of the mask (LDCLR), acquire and release; returns what was
    // there.
    { table.clear_bits(index, value) } -> std::same_as<std::uint64_t>;
    // Atomic OR with the mask (LDSET), acquire and release; returns what was there.
    { table.set_bits(index, value) } -> std::same_as<std::uint64_t>;
    // Atomic compare-and-swap (old, new), acquire and release; false if something else was there.
    { table.compare_exchange(index, value, value) } -> std::same_as<bool>;
};

template <class P>
concept TablePort = requires(P port, Pa pa, std::uint64_t bytes, Barrier barrier,
                             const TlbiOperation& operation) {
    { port.table(pa) } -> PortTable;
    // Zero-filled memory for tables, aligned to `bytes` (a power of two, a granule or more), in
    // the output range and Inner Shareable Write-Back memory of the walker.
    { port.allocate(bytes) } -> std::same_as<std::optional<Pa>>;
    // Takes back memory that no CPU and no walker can reach any more.
    { port.free(pa, bytes) } -> std::same_as<void>;
    // Takes back memory that no walker can reach any more, but other CPUs in sections that have
    // begun may: it is free when the last of those has ended. Until then its contents stay.
    { port.retire(pa, bytes) } -> std::same_as<void>;
    // A section begins; it ends with the lifetime of what is returned. Each call of Stage2 is one,
    // and sections nest. That of a guest's fault (vm/) goes on while the owner of its memory is
    // asked, so retire() must not wait for it.
    // Where the CPU cannot have been in one all along (at EL2: it entered a guest since), sections
    // need no trace in memory.
    port.section();
    { port.barrier(barrier) } -> std::same_as<void>;
    // Acts on the VMID of this table: at EL2, that in VTTBR_EL2.
    { port.tlbi(operation) } -> std::same_as<void>;
};

} // namespace twofold
