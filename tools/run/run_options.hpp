// SPDX-License-Identifier: MIT
// RunOptions: what `twofold run` was asked for.
#pragma once

#include "tools/run/guest_options.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct RunOptions {
    // The hypervisor's limits.
    static constexpr std::size_t most_guests = 4;
    static constexpr unsigned most_cpus = 8;

    std::vector<GuestOptions> guests = std::vector<GuestOptions>(1);
    std::string cpu = "max";
    std::filesystem::path hypervisor = "build/aarch64/twofold.img";
    std::string qemu = "qemu-system-aarch64";
    unsigned timeout_seconds = 300;
    std::string monitor_script; // what the first guest's monitor does while the guest runs
    bool monitor_calls = false; // a guest may give its monitor commands, too
    std::optional<std::filesystem::path> json;
    std::optional<std::filesystem::path> trace; // needs a hypervisor that can
    std::uint64_t trace_limit = MiB;            // events of each guest
    std::vector<std::string> expect;            // what has to be said, by whomever
    bool quiet = false;
    bool dry_run = false;

    // Of the machine: each guest has CPUs of its own.
    unsigned cpus() const {
        unsigned sum = 0;
        for (const GuestOptions& guest : guests) {
            sum += guest.smp;
        }
        return sum;
    }
};

} // namespace twofold::tool
