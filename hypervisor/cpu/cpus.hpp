// SPDX-License-Identifier: MIT
// The physical CPUs: their stacks and data, and how the others are started.
#pragma once

#include "cpu/per_cpu.hpp"
#include "memory/address_space.hpp"

#include <cstdint>
#include <span>

namespace twofold::hyp {

// What a CPU needs before it has an MMU; entry.S knows the layout.
struct SecondaryStart {
    std::uint64_t ttbr0;
    std::uint64_t tcr;
    std::uint64_t mair;
    std::uint64_t sctlr;
    std::uint64_t stack_top;
    PerCpu* cpu;
};

// Gives the calling CPU its data; it keeps the stack it is on until it enters a guest.
void adopt_boot_cpu();

// Starts every other CPU of the list; each calls `entry` when its MMU is on. Returns when all that
// the firmware accepted are online.
void start_other_cpus(std::span<const std::uint64_t> mpidrs, const AddressSpace& space,
                      void (*entry)(PerCpu& cpu));

// Of the calling CPU.
IdRegisters read_id_registers();

} // namespace twofold::hyp
