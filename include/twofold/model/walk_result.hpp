// SPDX-License-Identifier: MIT
// What one walk found, what it read on the way, and what it changed.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/model/fixed_list.hpp>
#include <twofold/model/memory_attributes.hpp>
#include <twofold/model/walk_fault.hpp>

#include <cstddef>
#include <cstdint>

namespace twofold::model {

enum class WalkOutcome : std::uint8_t {
    translated,
    faulted,
    refused, // the model does not speak for this configuration
};

enum class WalkRefusal : std::uint8_t {
    none,
    d128,                 // VTCR_EL2.D128: 128-bit descriptors
    reserved_granule,     // VTCR_EL2.TG0 = 0b11: the CPU chooses
    indirect_without_the, // FEAT_S2PIE without FEAT_THE
    contended,            // descriptors changed under the walk again and again
};

// What the descriptor allows to this regime, before the rules of the access are applied.
struct WalkPermissions {
    bool read = false;
    bool write = false;
    bool execute_el0 = false;
    bool execute_el1 = false;
    bool walk_read = false;  // reads of stage-1 descriptors
    bool walk_write = false; // hardware updates of stage-1 descriptors
    bool rcw_read = false;
    bool rcw_write = false;

    friend constexpr bool operator==(const WalkPermissions&, const WalkPermissions&) = default;
};

struct Translation {
    Pa pa{0};
    int level = 0;           // of the leaf; 0 where stage 2 is off
    std::uint64_t size = 0;  // bytes that this translation covers, the contiguous group included
    bool contiguous = false; // the Contiguous bit is set and counts at this level
    std::uint64_t descriptor = 0; // the leaf, after hardware updates
    WalkPermissions permissions{};
    MemoryAttributes stage2{};     // stage 2 alone; with FWB, after its forcing of stage 1
    MemoryAttributes attributes{}; // combined: what the access uses
};

struct WalkVisit {
    Pa address{0};
    std::uint64_t descriptor = 0; // as a number, whatever the endianness
    int level = 0;
};

struct WalkUpdate {
    Pa address{0};
    std::uint64_t before = 0; // as numbers, whatever the endianness
    std::uint64_t after = 0;
};

// Levels -1 to 3.
inline constexpr std::size_t max_walk_depth = 5;

struct WalkResult {
    WalkOutcome outcome = WalkOutcome::refused;
    WalkRefusal refusal = WalkRefusal::none;
    WalkFault fault{};         // where faulted
    Translation translation{}; // where translated

    // Of the last attempt: a walk starts again when a descriptor changed under its update.
    FixedList<WalkVisit, max_walk_depth> visits{};
    // Every update that reached memory, in order.
    FixedList<WalkUpdate, 2 * max_walk_depth> updates{};

    [[nodiscard]] constexpr bool translated() const { return outcome == WalkOutcome::translated; }
    [[nodiscard]] constexpr bool faulted() const { return outcome == WalkOutcome::faulted; }
    [[nodiscard]] constexpr bool faulted(FaultKind kind, int level) const {
        return faulted() && fault.kind == kind && fault.level == level;
    }
};

} // namespace twofold::model
