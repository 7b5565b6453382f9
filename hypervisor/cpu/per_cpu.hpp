// SPDX-License-Identifier: MIT
// What belongs to one physical CPU; TPIDR_EL2 points at it.
#pragma once

#include "cpu/per_cpu_layout.hpp"
#include "cpu/sysreg.hpp"
#include "exceptions/trap_frame.hpp"
#include "report/counters.hpp"

#include <twofold/arch/cpu_features.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace twofold::hyp {

inline constexpr unsigned max_cpus = 8;

struct Vcpu;
class TraceBuffer;

struct PerCpu {
    TrapFrame fault_frame{};
    std::uint64_t reserved[2]{};
    std::uint64_t fault_stack_top = 0;
    std::uint64_t stack_top = 0;
    std::uint64_t mpidr = 0;
    unsigned index = 0;
    std::atomic<bool> online{false};
    Vcpu* vcpu = nullptr;
    TraceBuffer* trace = nullptr; // of a traced build, while there is a trace
    IdRegisters id_registers;
    Counters counters{};
};

static_assert(offsetof(PerCpu, fault_frame) == PER_CPU_FAULT_FRAME);
static_assert(offsetof(PerCpu, fault_stack_top) == PER_CPU_FAULT_STACK);

inline PerCpu& this_cpu() { return *reinterpret_cast<PerCpu*>(TWOFOLD_READ_SYSREG(TPIDR_EL2)); }

// The CPUs that were started, the boot CPU first.
PerCpu& cpu(unsigned index);
unsigned cpu_count();

} // namespace twofold::hyp
