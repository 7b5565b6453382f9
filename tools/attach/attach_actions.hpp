// SPDX-License-Identifier: MIT
// map, walk and watch of a machine that runs. Each returns an exit status.
#pragma once

#include "tools/attach/live_machine.hpp"
#include "tools/map/map_words.hpp"
#include "tools/walk/walk_answer.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace twofold::tool {

int attach_map(LiveMachine& machine, MapFormat format, const MapLimits& limits);
int attach_walk(LiveMachine& machine, const WalkRequest& request, bool json);

struct WatchOptions {
    std::chrono::milliseconds interval{1000};
    std::optional<std::uint64_t> count; // looks; without one, until Ctrl-C
    std::uint64_t most_runs = 1U << 20;
    bool json = false;
};

int attach_watch(LiveMachine& machine, const WatchOptions& options, Interruption& interruption);

} // namespace twofold::tool
