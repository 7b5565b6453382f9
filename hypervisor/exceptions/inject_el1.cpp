// SPDX-License-Identifier: MIT
// Writes the EL1 registers of the guest that is on this CPU.
#include "cpu/per_cpu.hpp"
#include "cpu/sysreg.hpp"
#include "exceptions/injection.hpp"

namespace twofold::hyp {

namespace {

constexpr std::uint64_t undefined_syndrome = 1U << 25; // EC 0, IL

void inject(TrapFrame& frame, std::uint64_t syndrome) {
    const El1Exception el1{.vbar = TWOFOLD_READ_SYSREG(VBAR_EL1),
                           .sctlr = TWOFOLD_READ_SYSREG(SCTLR_EL1)};
    TWOFOLD_WRITE_SYSREG(ESR_EL1, syndrome);
    TWOFOLD_WRITE_SYSREG(ELR_EL1, frame.elr);
    TWOFOLD_WRITE_SYSREG(SPSR_EL1, frame.spsr);
    const InjectedState state = enter_el1_exception(el1, frame.spsr);
    frame.elr = state.pc;
    frame.spsr = state.pstate;
}

} // namespace

void inject_abort(TrapFrame& frame, std::uint64_t status) {
    ++this_cpu().counters.injected_aborts;
    TWOFOLD_WRITE_SYSREG(FAR_EL1, frame.far);
    inject(frame, abort_syndrome(frame.esr, frame.spsr, status));
}

void inject_undefined(TrapFrame& frame) {
    ++this_cpu().counters.injected_undefined;
    inject(frame, undefined_syndrome);
}

} // namespace twofold::hyp
