// SPDX-License-Identifier: MIT
// FaultCounters: what the handling of a guest's aborts decided, and how often; of one context, or
// the sum of all.
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
    std::array<OwnCounter, fault_kind_count> by_kind = {};
    std::array<OwnCounter, access_kind_count> by_access = {};
    std::array<OwnCounter, outcome_count> by_outcome = {};
    std::array<OwnCounter, stop_reason_count> by_stop_reason = {};
    // Mappings installed: by level (0..3) of the leaf and the reason why not larger.
    std::array<std::array<OwnCounter, limited_by_count>, 4> chosen = {};

    OwnCounter lost_races = {}; // another CPU was faster, or the CPU's TLB was behind
    OwnCounter permissions_raised = {};
    OwnCounter made_young = {};
    OwnCounter replaced = {};        // the backing answered with other memory than was mapped
    OwnCounter blocks_split = {};    // a block was larger than is admitted by now
    OwnCounter mapped_around = {};   // pages that were mapped beside one that was faulted on
    OwnCounter blocks_restored = {}; // without a fault
    OwnCounter dcache_bytes = {};
    OwnCounter icache_bytes = {};

    const OwnCounter& of(FaultKind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
    OwnCounter& of(FaultKind kind) { return by_kind[static_cast<std::size_t>(kind)]; }
    OwnCounter& of(AccessKind access) { return by_access[static_cast<std::size_t>(access)]; }
    OwnCounter& of(Outcome outcome) { return by_outcome[static_cast<std::size_t>(outcome)]; }
    OwnCounter& of(StopReason reason) { return by_stop_reason[static_cast<std::size_t>(reason)]; }
    OwnCounter& of(Level level, LimitedBy reason) {
        return chosen[static_cast<std::size_t>(level)][static_cast<std::size_t>(reason)];
    }

    void add(const FaultCounters& other) {
        add_all(by_kind, other.by_kind);
        add_all(by_access, other.by_access);
        add_all(by_outcome, other.by_outcome);
        add_all(by_stop_reason, other.by_stop_reason);
        for (std::size_t level = 0; level < chosen.size(); ++level) {
            add_all(chosen[level], other.chosen[level]);
        }
        lost_races.add(other.lost_races.value());
        permissions_raised.add(other.permissions_raised.value());
        made_young.add(other.made_young.value());
        replaced.add(other.replaced.value());
        blocks_split.add(other.blocks_split.value());
        mapped_around.add(other.mapped_around.value());
        blocks_restored.add(other.blocks_restored.value());
        dcache_bytes.add(other.dcache_bytes.value());
        icache_bytes.add(other.icache_bytes.value());
    }

private:
    template <std::size_t n>
    static void add_all(std::array<OwnCounter, n>& to, const std::array<OwnCounter, n>& from) {
        for (std::size_t i = 0; i < n; ++i) {
            to[i].add(from[i].value());
        }
    }
};

} // namespace twofold
