// SPDX-License-Identifier: MIT
// FaultTrace: the stage-2 faults in a text of ftrace, of trace-cmd or of perf (event
// kvm_guest_fault), as a table.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/granule.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>

namespace twofold::tool {

struct FaultRowKey {
    FaultKind kind = FaultKind::unknown;
    AccessKind access = AccessKind::read;
    bool stage1_walk = false;
    std::optional<Level> level = {};
    bool device = false; // KVM emulated it (kvm_mmio)

    auto operator<=>(const FaultRowKey&) const = default;
};

struct FaultRow {
    std::uint64_t count = 0;
    // From the fault to the vCPU's next kvm_entry, where the trace has both.
    std::uint64_t timed = 0;
    double seconds = 0;
    double longest = 0;
    // Regions of the level's size that were touched; distinct ones.
    std::unordered_set<std::uint64_t> regions;
    bool regions_bounded = false; // there were too many to remember
};

struct FaultTrace {
    std::map<FaultRowKey, FaultRow> rows;
    struct Thread {
        std::string name;
        std::uint64_t faults = 0;
    };
    std::map<std::string, Thread> threads; // of vCPUs, by their numbers
    std::uint64_t other_threads = 0;       // faults of more threads than are remembered
    std::uint64_t faults = 0;
    std::uint64_t events = 0;    // all that could be read
    std::optional<double> first; // seconds; of faults
    std::optional<double> last;
    std::uint64_t unreadable = 0; // lines of kvm_guest_fault that are not as they should be
    std::size_t first_unreadable = 0;
    std::uint64_t lost = 0;       // events that the kernel says it lost
    bool clock_is_seconds = true; // else there are no rates
    std::uint64_t backwards = 0;  // lines that are older than the one before them on their CPU

    std::size_t regions = 0; // that are remembered, of all rows

    double duration() const { return first && last ? *last - *first : 0; }
};

inline constexpr std::size_t most_regions = 1U << 20; // of all rows
inline constexpr std::size_t most_threads = 1U << 12;

// The bytes of the region whose entry was missing.
std::optional<std::uint64_t> region_bytes(const FaultRowKey& key, Granule granule);

} // namespace twofold::tool
