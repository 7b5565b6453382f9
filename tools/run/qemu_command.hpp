// SPDX-License-Identifier: MIT
// The QEMU command that runs a guest on the hypervisor.
#pragma once

#include "tools/run/placement.hpp"
#include "tools/run/run_options.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

// The program and its arguments. The hypervisor writes its report to `report`, whose name has no
// space: the hypervisor's command line cannot quote.
std::vector<std::string> qemu_command(const RunOptions& options, const Placement& placement,
                                      const std::filesystem::path& report);

// What the hypervisor is told about the guest.
std::string hypervisor_words(const RunOptions& options, const std::filesystem::path& report);

// As one would type it in a shell.
std::string shell_words(const std::vector<std::string>& command);

} // namespace twofold::tool
