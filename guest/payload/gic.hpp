// SPDX-License-Identifier: MIT
// As much of a GICv3 driver as it takes to get interrupts.
#pragma once

#include "cpu.hpp"
#include "machine.hpp"

#include <cstdint>

namespace twofold::payload {

inline constexpr unsigned virtual_timer = 27;

// From any state that the distributor may be in.
void init_distributor(const Machine& machine);
// On the CPU itself: its redistributor, SGIs 0 to 7 and the virtual timer, and its CPU interface.
void init_gic_cpu(const Machine& machine);
void take_interrupt(CpuState& cpu);
void send_sgi(std::uint64_t mpidr, unsigned intid);

} // namespace twofold::payload
