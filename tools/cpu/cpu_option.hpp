// SPDX-License-Identifier: MIT
// --cpu: whose ID registers are used.
#pragma once

#include "tools/cpu/known_cpu.hpp"

#include <CLI/CLI.hpp>

namespace twofold::tool {

// `cpu` is one of known_cpus(), and the first of them unless another one is given.
void add_cpu_option(CLI::App& command, const KnownCpu*& cpu);

} // namespace twofold::tool
