// SPDX-License-Identifier: MIT
// The physical CPUs: their stacks and data, and how the others are started.
#pragma once

#include "cpu/per_cpu.hpp"
#include "memory/address_space.hpp"

#include <array>
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

// The lowest page of each stack. It stays unmapped, so that a stack that is too small ends in a
// fault and not in its neighbour; the handler of such faults has stacks of its own. Ascending.
std::array<std::uint64_t, max_cpus> guard_pages();

// Of the calling CPU.
IdRegisters read_id_registers();

} // namespace twofold::hyp
