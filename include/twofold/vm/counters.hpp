// SPDX-License-Identifier: MIT
// FaultCounters: what the handling of a guest's aborts decided, and how often.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/fault_status.hpp>
#include <twofold/table/counter.hpp>
#include <twofold/vm/limited_by.hpp>
#include <twofold/vm/resolution.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace twofold {

inline constexpr std::size_t fault_kind_count = static_cast<std::size_t>(FaultKind::unknown) + 1;
inline constexpr std::size_t access_kind_count = 3;

struct FaultCounters {
    std::array<Counter, fault_kind_count> by_kind = {};
    std::array<Counter, access_kind_count> by_access = {};
    std::array<Counter, outcome_count> by_outcome = {};
    std::array<Counter, stop_reason_count> by_stop_reason = {};
    // Mappings installed: by level (0..3) of the leaf and the reason why not larger.
    std::array<std::array<Counter, limited_by_count>, 4> chosen = {};

    Counter lost_races = {}; // another CPU was faster, or the CPU's TLB was behind
    Counter permissions_raised = {};
    Counter made_young = {};
    Counter replaced = {};        // the backing answered with other memory than was mapped
    Counter blocks_split = {};    // a block was larger than is admitted by now
    Counter mapped_around = {};   // pages that were mapped beside one that was faulted on
    Counter blocks_restored = {}; // without a fault
    Counter dcache_bytes = {};
    Counter icache_bytes = {};

    const Counter& of(FaultKind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
    Counter& of(FaultKind kind) { return by_kind[static_cast<std::size_t>(kind)]; }
    Counter& of(AccessKind access) { return by_access[static_cast<std::size_t>(access)]; }
    Counter& of(Outcome outcome) { return by_outcome[static_cast<std::size_t>(outcome)]; }
    Counter& of(StopReason reason) { return by_stop_reason[static_cast<std::size_t>(reason)]; }
    Counter& of(Level level, LimitedBy reason) {
        return chosen[static_cast<std::size_t>(level)][static_cast<std::size_t>(reason)];
    }
};

} // namespace twofold
