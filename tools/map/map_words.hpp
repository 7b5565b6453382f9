// SPDX-License-Identifier: MIT
// A map as text, as JSON, and as Linux's KVM prints the stage 2 of a guest.
#pragma once

#include "tools/map/map_runs.hpp"
#include "tools/result_stream.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twofold::tool {

enum class MapFormat : std::uint8_t {
    text,
    json,
    kvm_6_12, // one column X, which is printed where execution is denied
    kvm_7_2,  // EL1 and EL0 apart: "px UXN"
};

struct MapLimits {
    std::uint64_t tables = most_tables;
    std::uint64_t runs = 1U << 22;
};

struct MapOutcome {
    bool complete = true; // the whole tree was in the image, and all of it was told
    std::vector<std::string> notes;
};

// Writes the map of a regime that has a geometry.
MapOutcome write_map(const Regime& regime, MemorySource& memory, MapFormat format,
                     const MapLimits& limits, ResultStream& out);

// What was skipped, and what is wrong with the tables.
MapOutcome map_outcome(const Regime& regime, const TreeReport& report, const MapSum& sum,
                       const MapLimits& limits);

std::string map_run_text(const Geometry& geometry, const Regime& regime, const MapRun& run);
std::string map_sum_text(const Geometry& geometry, const TreeReport& report, const MapSum& sum);

// Both without a newline. The head ends where the runs begin; the tail goes on after them.
std::string map_json_head(const Regime& regime);
std::string map_run_json(const Regime& regime, const MapRun& run);
std::string map_json_tail(const Regime& regime, const TreeReport& report, const MapSum& sum,
                          const MapOutcome& outcome);

} // namespace twofold::tool
