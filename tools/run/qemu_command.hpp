// SPDX-License-Identifier: MIT
// The QEMU command that runs a guest on the hypervisor.
#pragma once

#include "tools/run/placement.hpp"
#include "tools/run/run_options.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

// What the hypervisor writes. Their names have no space: its command line cannot quote.
struct HypervisorFiles {
    std::filesystem::path report;
    std::filesystem::path trace; // if one is asked for; of further guests in files beside it

    std::filesystem::path trace_of(std::size_t guest) const {
        std::filesystem::path file = trace;
        if (guest != 0) {
            file += '.' + std::to_string(guest);
        }
        return file;
    }
    static HypervisorFiles in(const std::filesystem::path& folder) {
        return {.report = folder / "report.json", .trace = folder / "trace.bin"};
    }
};

// The program and its arguments.
std::vector<std::string> qemu_command(const RunOptions& options, const Placement& placement,
                                      const HypervisorFiles& files);

// What the hypervisor is told about the guests.
std::string hypervisor_words(const RunOptions& options, const HypervisorFiles& files);

// As one would type it in a shell.
std::string shell_words(const std::vector<std::string>& command);

} // namespace twofold::tool
