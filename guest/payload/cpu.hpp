// SPDX-License-Identifier: MIT
// What each CPU has of its own, and the exceptions that it takes.
#pragma once

#include "cpu_layout.hpp"

#include <cstddef>
#include <cstdint>

namespace twofold::payload {

struct ExceptionFrame {
    std::uint64_t x[31];
    std::uint64_t elr;
    std::uint64_t spsr;
    std::uint64_t esr;
    std::uint64_t far;
    std::uint64_t daif; // in the vector
};

static_assert(offsetof(ExceptionFrame, elr) == FRAME_ELR);
static_assert(offsetof(ExceptionFrame, esr) == FRAME_ESR);
static_assert(sizeof(ExceptionFrame) == FRAME_SIZE && FRAME_SIZE % 16 == 0);

// Which vector: source 0 is EL1 with SP_EL0, 1 EL1, 2 EL0 in AArch64.
struct Fault {
    bool taken = false;
    unsigned source = 0;
    std::uint64_t esr = 0;
    std::uint64_t far = 0;
    std::uint64_t elr = 0;
    std::uint64_t spsr = 0;
    std::uint64_t daif = 0;
    std::uint64_t x0 = 0; // when the exception was taken, or the function's result
};

struct CpuState {
    std::uint64_t saved[12];
    std::uint64_t sp;
    std::uint64_t armed;
    unsigned index;
    Fault fault;
    volatile std::uint64_t interrupts[64]; // taken, by INTID
    volatile std::uint64_t other_interrupts;
};

static_assert(offsetof(CpuState, sp) == CPU_SP && offsetof(CpuState, armed) == CPU_ARMED);

// Called once on each CPU, before its first exception.
void adopt_cpu(CpuState& state);
CpuState& this_cpu();

} // namespace twofold::payload
