// SPDX-License-Identifier: MIT
// KnownCpu: CPU models by name, as the values of their ID registers.
#pragma once

#include <twofold/arch/cpu_features.hpp>

#include <span>
#include <string_view>

namespace twofold::tool {

struct KnownCpu {
    std::string_view name;
    IdRegisters registers;
};

// The first one has everything that stage 2 can use; the others are what QEMU 7.2 models.
std::span<const KnownCpu> known_cpus();

// Null if there is none of this name.
const KnownCpu* find_cpu(std::string_view name);

} // namespace twofold::tool
