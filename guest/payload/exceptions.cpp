// SPDX-License-Identifier: MIT
// An exception either ends a probe, is an interrupt, or ends the payload.
#include "cpu.hpp"
#include "cpu/sysreg.hpp"
#include "gic.hpp"
#include "print.hpp"
#include "psci.hpp"

extern "C" const char el1_vectors[];
extern "C" const char probe_recovered[];

namespace twofold::payload {

void adopt_cpu(CpuState& state) {
    TWOFOLD_WRITE_SYSREG(TPIDR_EL1, reinterpret_cast<std::uintptr_t>(&state));
    TWOFOLD_WRITE_SYSREG(VBAR_EL1, reinterpret_cast<std::uintptr_t>(el1_vectors));
    // [25:24] SMEN, [21:20] FPEN, [17:16] ZEN: what is still refused, EL2 refuses.
    TWOFOLD_WRITE_SYSREG(CPACR_EL1, 0x3330000);
    hyp::isb();
}

CpuState& this_cpu() { return *reinterpret_cast<CpuState*>(TWOFOLD_READ_SYSREG(TPIDR_EL1)); }

} // namespace twofold::payload

extern "C" void handle_exception(twofold::payload::ExceptionFrame* frame, unsigned vector) {
    using namespace twofold::payload;
    constexpr unsigned irq = 1;
    constexpr unsigned synchronous = 0;
    CpuState& cpu = this_cpu();
    if (vector % 4 == irq) {
        take_interrupt(cpu);
        return;
    }
    if (vector % 4 == synchronous && cpu.armed != 0) {
        cpu.fault = {.taken = true,
                     .source = vector / 4,
                     .esr = frame->esr,
                     .far = frame->far,
                     .elr = frame->elr,
                     .spsr = frame->spsr,
                     .daif = frame->daif,
                     .x0 = frame->x[0]};
        frame->elr = reinterpret_cast<std::uintptr_t>(probe_recovered);
        frame->spsr = 0x3c5; // EL1h, all interrupts masked
        return;
    }
    print("PAYLOAD: FAIL exception {} on CPU {}: ESR {:#x}, FAR {:#x}, ELR {:#x}, SPSR {:#x}\n",
          vector, cpu.index, frame->esr, frame->far, frame->elr, frame->spsr);
    print("TWOFOLD-GUEST: fail\n");
    power_off();
}
