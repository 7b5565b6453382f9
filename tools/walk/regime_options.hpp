// SPDX-License-Identifier: MIT
// RegimeOptions: the registers, the CPU and the memory that walk and map are given.
#pragma once

#include "tools/memory/memory_image.hpp"
#include "tools/walk/regime.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

struct RegimeOptions {
    RegimeRegisters registers;
    const KnownCpu* cpu = nullptr;
    std::vector<std::string> memory;
};

void add_regime_options(CLI::App& command, RegimeOptions& options);

// The files of --memory together.
Result<MemoryImage> open_memory(const std::vector<std::string>& files);

} // namespace twofold::tool
