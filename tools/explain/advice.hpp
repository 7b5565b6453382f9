// SPDX-License-Identifier: MIT
// Advice: what to change so that a slot gets larger mappings. Each one has been tried: the same
// choice of mappings, with the change made, maps more of the slot with the size.
#pragma once

#include "tools/explain/scenario.hpp"
#include "tools/explain/slot_runs.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twofold::tool {

struct Advice {
    std::uint64_t size = 0;         // that becomes possible
    std::vector<std::string> steps; // all of which are needed
    std::uint64_t bytes_before = 0; // mapped with this size or a larger one
    std::uint64_t bytes_after = 0;
};

// Of the slot of this number; the smallest size first. `now`: how it is mapped.
std::vector<Advice> advise(const Scenario& scenario, std::size_t slot, const SlotRuns& now);

} // namespace twofold::tool
