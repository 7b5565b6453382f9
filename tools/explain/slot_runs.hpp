// SPDX-License-Identifier: MIT
// SlotRuns: how all of a slot would be mapped by faults, as runs of equal mappings.
#pragma once

#include "tools/explain/scenario.hpp"
#include "tools/layout/table_counter.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace twofold::tool {

struct MappedRun {
    Ipa ipa = {};
    std::uint64_t length = 0;
    Pa pa = {};             // of its first byte, if it is mapped
    std::uint64_t size = 0; // of each mapping; 0: nothing can be mapped
    bool backed = true;     // there is memory
    // What stops the next larger size at its first mapping; of a run that is not mapped, a page.
    SizeLimit limit = {};

    bool operator==(const MappedRun&) const = default;
};

struct SlotRuns {
    static constexpr std::size_t most_runs = 1000;

    std::vector<MappedRun> runs; // the first ones, by address
    std::uint64_t left_out = 0;  // runs behind them
    // Bytes by size of mapping, 0 for what is not mapped, and by what stopped the next larger one.
    std::map<std::uint64_t, std::map<LimitedBy, std::uint64_t>> bytes;

    std::uint64_t bytes_of(std::uint64_t size) const;
    // Mapped with this size or a larger one.
    std::uint64_t bytes_from(std::uint64_t size) const;
    std::uint64_t largest() const { return bytes.empty() ? 0 : bytes.rbegin()->first; }
};

// `tables` counts what the slot needs; slots come by address.
SlotRuns find_runs(const Scenario& scenario, const GuestSlot& slot, TableCounter& tables);

} // namespace twofold::tool
