// SPDX-License-Identifier: MIT
// The other CPUs, at whatever work they are given.
#pragma once

#include "cpu.hpp"
#include "cpu/sysreg.hpp"
#include "machine.hpp"

#include <cstdint>

namespace twofold::payload {

// What CPU `index` does when it is up: with its exceptions and interrupts ready, these masked.
using CpuWork = void(unsigned index);

// Switches the CPU on; PSCI's answer.
std::int64_t start_cpu(const Machine& machine, unsigned index, CpuWork* work);
// When its work is done, it goes off at SGI 2. False: it does not within ten seconds.
bool stop_cpu(const Machine& machine, unsigned index);
bool switch_off_is_seen(std::uint64_t mpidr);
// Of a CPU that was started.
CpuState& state_of(unsigned index);

inline std::uint64_t clock() {
    hyp::isb();
    return TWOFOLD_READ_SYSREG(CNTVCT_EL0);
}

template <typename Condition>
bool wait_until(Condition condition) {
    const std::uint64_t end = clock() + 10 * TWOFOLD_READ_SYSREG(CNTFRQ_EL0);
    while (!condition()) {
        if (clock() > end)
            return false;
    }
    return true;
}

} // namespace twofold::payload
