// SPDX-License-Identifier: MIT
// RunOptions: what `twofold run` was asked for.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/geometry.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct RunOptions {
    std::filesystem::path kernel = "build/guest/vmlinuz";
    std::filesystem::path initrd = "build/guest/initrd.img"; // empty: none
    std::string append = "console=ttyAMA0";
    std::uint64_t memory = GiB;
    std::uint64_t extent = GiB;
    std::optional<std::uint64_t> around; // what is mapped with a page that was faulted on
    unsigned ipa_bits = 40;
    Granule granule = Granule::k4;
    bool lpa2 = false;
    Prefer prefer = Prefer::fewest_levels;
    std::string cpu = "max";
    unsigned smp = 2;
    std::filesystem::path hypervisor = "build/aarch64/twofold.img";
    std::string qemu = "qemu-system-aarch64";
    unsigned timeout_seconds = 300;
    std::string monitor_script; // what the hypervisor's monitor does while the guest runs
    bool monitor_calls = false; // the guest may give it commands, too
    std::optional<std::filesystem::path> json;
    std::optional<std::filesystem::path> trace; // needs a hypervisor that can
    std::uint64_t trace_limit = MiB;            // events
    std::vector<std::string> expect;            // what has to be said
    bool quiet = false;
    bool dry_run = false;
};

} // namespace twofold::tool
