// SPDX-License-Identifier: MIT
// TablePort: the only way in which the engine touches table memory and TLBs. An embedder writes one
// (about 60 lines); tests and debug builds wrap it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/table/invalidation.hpp>

#include <concepts>
#include <cstdint>
#include <optional>

namespace twofold {

// A table in memory, by its physical address: `index` counts its 8-byte descriptors, over all
// concatenated tables at the initial level. Descriptors are little-endian for the walker
// (SCTLR_EL2.EE = 0).
template <class T>
concept PortTable = requires(T table, unsigned index, std::uint64_t value) {
    // Single-copy atomic load of a descriptor that a walker or another CPU may change.
    { table.load(index) } -> std::same_as<std::uint64_t>;
    // Plain store; only to a table that no walker can reach.
    { table.store(index, value) } -> std::same_as<void>;
    // Store-release: what was stored before is visible to whoever sees this value.
    { table.publish(index, value) } -> std::same_as<void>;
    // Atomic swap; returns what was there.
    { table.exchange(index, value) } -> std::same_as<std::uint64_t>;
    // Atomic AND with the complement of the mask (LDCLR); returns what was there.
    { table.clear_bits(index, value) } -> std::same_as<std::uint64_t>;
    // Atomic compare-and-swap (old, new); false if something else was there.
    { table.compare_exchange(index, value, value) } -> std::same_as<bool>;
};

template <class P>
concept TablePort = requires(P port, Pa pa, std::uint64_t bytes, const Invalidation& owed) {
    { port.table(pa) } -> PortTable;
    // Zero-filled memory for tables, aligned to `bytes` (a power of two, a granule or more), in
    // the output range and Inner Shareable Write-Back memory of the walker.
    { port.allocate(bytes) } -> std::same_as<std::optional<Pa>>;
    { port.free(pa, bytes) } -> std::same_as<void>;
    // Completes all earlier descriptor stores towards every walker: DSB ISHST.
    { port.complete_stores() } -> std::same_as<void>;
    // Discharges `owed`: when it returns, no CPU uses a translation that was to go. That is:
    // DSB ISHST; the TLBIs that plan_invalidation() gives, for the VMID of this table; DSB ISH;
    // TLBI VMALLE1IS (unless the whole VMID went with VMALLS12E1IS), for combined stage 1 and 2
    // entries; DSB ISH; ISB.
    { port.invalidate(owed) } -> std::same_as<void>;
};

} // namespace twofold
