// SPDX-License-Identifier: MIT
// Exceptions given to a guest's EL1, as the architecture takes them (AArch64.TakeException).
#pragma once

#include "exceptions/trap_frame.hpp"

#include <twofold/arch/field.hpp>

#include <cstdint>

namespace twofold::hyp {

// What decides the new PSTATE beside the old one.
struct El1Exception {
    std::uint64_t vbar = 0;  // VBAR_EL1
    std::uint64_t sctlr = 0; // SCTLR_EL1
};

struct InjectedState {
    std::uint64_t pc = 0;
    std::uint64_t pstate = 0;
};

// Where EL1 goes on from, and its PSTATE. `spsr` is the state that the exception came from.
InjectedState enter_el1_exception(const El1Exception& el1, std::uint64_t spsr);

// ESR_EL1 of an abort with this DFSC or IFSC for the guest. `esr` is that of the trap to EL2.
std::uint64_t abort_syndrome(std::uint64_t esr, std::uint64_t spsr, std::uint64_t status);

// On the CPU of the guest: its EL1 registers are written, and `frame` continues in its vector.
void inject_abort(TrapFrame& frame, std::uint64_t status);
void inject_undefined(TrapFrame& frame);

namespace spsr_el2 {
using aarch32 = Field<4>;
using btype = Field<11, 10>;
using ss = Field<21>;
} // namespace spsr_el2
namespace esr_el2 {
using il = Field<25>; // a 32-bit instruction, not 16
} // namespace esr_el2

// Past the trapped instruction.
inline void skip_instruction(TrapFrame& frame) {
    frame.elr += esr_el2::il::is_set(frame.esr) ? 4 : 2;
    const bool aarch32 = spsr_el2::aarch32::is_set(frame.spsr);
    frame.spsr &= ~(spsr_el2::ss::mask | (aarch32 ? 0 : spsr_el2::btype::mask));
}

} // namespace twofold::hyp
