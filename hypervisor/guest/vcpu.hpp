// SPDX-License-Identifier: MIT
// Vcpu: one virtual CPU, pinned to a physical CPU. Its EL1 registers stay in that CPU; only what a
// trap saves is in memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace twofold::hyp {

class Guest;

enum class VcpuState : std::uint8_t {
    off,
    starting, // PSCI CPU_ON was accepted; its CPU has not seen it yet
    on,
};

struct Vcpu {
    Guest* guest = nullptr;
    unsigned index = 0; // in its guest
    unsigned cpu = 0;   // the physical one, by PerCpu::index
    std::uint64_t mpidr = 0;
    std::atomic<VcpuState> state{VcpuState::off}; // changes under the guest's lock
    std::uint64_t entry = 0;
    std::uint64_t context = 0;

    // Aborts given to the guest at one and the same place, one after the other.
    std::uint64_t abort_elr = 0;
    std::uint64_t abort_far = 0;
    unsigned repeated_aborts = 0;
};

} // namespace twofold::hyp
