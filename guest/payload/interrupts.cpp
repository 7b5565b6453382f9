// SPDX-License-Identifier: MIT
// Interrupts after everything that was done to the interrupt controller.
#include "cases.hpp"
#include "cpu.hpp"
#include "cpu/sysreg.hpp"
#include "gic.hpp"
#include "psci.hpp"
#include "report.hpp"

namespace twofold::payload {

namespace {

std::uint64_t now() {
    hyp::isb();
    return TWOFOLD_READ_SYSREG(CNTVCT_EL0);
}

void unmask() { asm volatile("msr daifclr, #2\n\tisb" ::: "memory"); }
void mask() { asm volatile("msr daifset, #2\n\tisb" ::: "memory"); }

void start_timer(std::uint64_t ticks) {
    TWOFOLD_WRITE_SYSREG(CNTV_TVAL_EL0, ticks);
    TWOFOLD_WRITE_SYSREG(CNTV_CTL_EL0, 1);
    hyp::isb();
}

// Until the count changes, a second at most.
bool wait_for(const volatile std::uint64_t& count, std::uint64_t before) {
    const std::uint64_t end = now() + TWOFOLD_READ_SYSREG(CNTFRQ_EL0);
    while (count == before && now() < end) {
    }
    return count != before;
}

} // namespace

void case_interrupts(Machine& machine) {
    CpuState& cpu = this_cpu();
    const std::uint64_t millisecond = TWOFOLD_READ_SYSREG(CNTFRQ_EL0) / 1000;
    init_distributor(machine);
    init_gic_cpu(machine);
    unmask();
    for (unsigned i = 0; i < 5; ++i) {
        const std::uint64_t before = cpu.interrupts[virtual_timer];
        start_timer(millisecond);
        if (!wait_for(cpu.interrupts[virtual_timer], before))
            fail("timer interrupt {} did not come", i);
    }
    for (unsigned intid = 0; intid < 8; ++intid) {
        const std::uint64_t before = cpu.interrupts[intid];
        send_sgi(machine.mpidrs[0], intid);
        if (!wait_for(cpu.interrupts[intid], before))
            fail("SGI {} did not come", intid);
        expect("SGIs", cpu.interrupts[intid], before + 1);
    }
    // An SGI to nobody is lost.
    send_sgi(0x7f00, 3);

    // WFI ends with an interrupt that is masked; so does CPU_SUSPEND.
    for (unsigned i = 0; i < 3; ++i) {
        const std::uint64_t before = cpu.interrupts[virtual_timer];
        mask();
        const std::uint64_t start = now();
        start_timer(5 * millisecond);
        if (i == 0)
            hyp::wait_for_interrupt();
        else if (i == 1)
            expect("CPU_SUSPEND", static_cast<std::uint64_t>(hypercall(function::cpu_suspend, 0)),
                   0);
        else
            while (now() - start < 6 * millisecond)
                hyp::wait_for_event();
        expect("taken while masked", cpu.interrupts[virtual_timer], before);
        unmask();
        if (!wait_for(cpu.interrupts[virtual_timer], before))
            fail("the timer did not wake {}", i);
        if (now() - start < 5 * millisecond)
            fail("the timer came too early");
    }
    // WFI with an interrupt that is pending already returns at once.
    mask();
    start_timer(0);
    hyp::wait_for_interrupt();
    const std::uint64_t before = cpu.interrupts[virtual_timer];
    unmask();
    if (!wait_for(cpu.interrupts[virtual_timer], before))
        fail("a pending timer was lost");
    mask();
    expect("interrupts out of nowhere", cpu.other_interrupts, 0);
}

} // namespace twofold::payload
