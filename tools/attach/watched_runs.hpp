// SPDX-License-Identifier: MIT
// WatchedRuns: the leaves of a stage 2 at one moment, and what is different a moment later.
#pragma once

#include "tools/map/map_runs.hpp"

#include <twofold/arch/attributes.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace twofold::tool {

struct WatchedRun {
    Ipa ipa;
    std::uint64_t size = 0;
    std::uint64_t unit = 0; // that a TLB entry covers: a page, a block, a contiguous run
    Pa pa;
    Attributes attributes;
};

enum class WatchedChange : std::uint8_t {
    came,
    went,
    moved,     // to another PA
    split,     // smaller pages or blocks
    collapsed, // larger ones
    permissions,
    attributes, // whatever else a leaf says
};

std::string_view to_string(WatchedChange change);

struct RunChange {
    WatchedChange kind = WatchedChange::came;
    Ipa ipa;
    std::uint64_t size = 0;
    // The stretch of `size` bytes as it was and as it is.
    std::optional<WatchedRun> before;
    std::optional<WatchedRun> after;
};

struct WatchedTree {
    std::vector<WatchedRun> runs; // by IPA
    std::uint64_t bytes = 0;
    bool complete = true;
};

// Of a regime that has a geometry.
WatchedTree watch_tree(const Regime& regime, MemorySource& memory, std::uint64_t most_runs);

// In the order of the IPA. Of several changes of one stretch the first in the list above is told.
std::vector<RunChange> compare_trees(const WatchedTree& before, const WatchedTree& after);

} // namespace twofold::tool
