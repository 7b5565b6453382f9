// SPDX-License-Identifier: MIT
// The registers of a CPU that decide what a guest sees: those of EL2 that are set once, and those
// of EL1 that a vCPU has after its reset.
#pragma once

#include "exceptions/trap_frame.hpp"

#include <cstdint>

namespace twofold::hyp {

struct El2Controls {
    bool fwb = false;              // HCR_EL2.FWB, as the stage-2 table was made for
    std::uint64_t time_origin = 0; // CNTVOFF_EL2
    std::uint64_t affinity = 0;    // in VMPIDR_EL2; the rest of it is as in the CPU's own
};

void set_el2_controls(const El2Controls& controls);

// EL1 as after power-on, and `frame` such that the guest starts at `entry` with x0 = `context`.
void reset_el1(TrapFrame& frame, std::uint64_t entry, std::uint64_t context);

// The virtual SError of this CPU becomes pending.
void raise_virtual_serror();

// An off vCPU has no timers.
void stop_guest_timers();

} // namespace twofold::hyp
