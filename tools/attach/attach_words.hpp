// SPDX-License-Identifier: MIT
// What `twofold attach` says, as text and as JSON.
#pragma once

#include "tools/attach/live_machine.hpp"
#include "tools/attach/watched_runs.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

// One stage 2 at one moment of a watch.
struct WatchedMoment {
    double seconds = 0; // since the watch began
    double stopped_seconds = 0;
    unsigned vmid = 0;
    std::vector<unsigned> cpus;
    Pa root;
    bool first = false; // nothing to compare with
    WatchedTree tree;
    std::vector<RunChange> changes;
};

// More changes than these are counted and not told.
inline constexpr std::size_t most_changes_told = 1000;

std::string moment_text(const WatchedMoment& moment);
// {"seconds": 1.0, ..., "changes": [...]}, as one line.
std::string moment_json(const WatchedMoment& moment);

// "VMID 1 on CPUs 0, 1"
std::string stage2_words(const LiveStage2& stage2);
// CPUs that have no part in an answer, and the machine's state.
std::vector<std::string> snapshot_notes(const Snapshot& snapshot);

// {"running": true, "stopped_seconds": 0.01, "cpus": [...], "notes": [...]
// without the closing brace: what was asked for follows.
std::string snapshot_json_head(const Snapshot& snapshot);
// "vmid" and "cpus" of one stage 2, in the same way.
std::string stage2_json_head(const LiveStage2& stage2);

// Why there are no tables to follow; empty if there are.
std::string why_no_tables(const Regime& regime);

} // namespace twofold::tool
