// SPDX-License-Identifier: MIT
// Measured: the files that scripts/bench.sh leaves in its folder, as numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twofold::bench {

// One case of bench/bare.
struct Counts {
    double operations = 0;
    double instructions = 0;
    std::uint64_t tlbis = 0;
    std::uint64_t barriers = 0;
    std::uint64_t tables = 0;
    double per_operation() const { return instructions / operations; }
};
using BareResults = std::map<std::string, Counts>;

// Nothing if the run did not come to its end; the same below.
std::optional<BareResults> read_bare(const std::filesystem::path& file);

// Nanoseconds by name, in the order of Google Benchmark's file.
std::vector<std::pair<std::string, double>> read_host(const std::filesystem::path& file);

// Instructions of each event of bench/events, from the guest's console.
std::optional<std::map<std::string, double>> read_events(const std::filesystem::path& file);

// Instructions from the start of the machine to that of init, from the console.
std::optional<double> read_boot(const std::filesystem::path& file);

// All stage-2 faults in the hypervisor's report.
std::optional<std::uint64_t> read_faults(const std::filesystem::path& file);

} // namespace twofold::bench
