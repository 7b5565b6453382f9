// SPDX-License-Identifier: MIT
// Cases that take long, or after which the guest is not the same: they run by name only.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "print.hpp"
#include "probe.hpp"
#include "psci.hpp"
#include "report.hpp"
#include "stage1.hpp"

namespace twofold::payload {

namespace {

[[noreturn]] void fault_for_ever() {
    hyp::isb();
    asm volatile("ldr xzr, [%0]" ::"r"(0x0a000000UL) : "memory");
    for (;;)
        asm volatile("wfe");
}

} // namespace

// Who handles its aborts may have as many as it likes, of one instruction and one address.
void case_patience(Machine& machine) {
    constexpr unsigned more_than_the_limit = 120'000;
    const std::uint64_t va = map_window(Window::general, machine.memory.end(), WindowKind::normal);
    for (unsigned i = 0; i < more_than_the_limit; ++i) {
        if (!probe(access_load64, va).taken)
            fail("load {} succeeded", i);
    }
}

// The vectors are in a hole: the first fault leads to the next, at one and the same place.
void case_endless(Machine& machine) {
    TWOFOLD_WRITE_SYSREG(VBAR_EL1,
                         map_window(Window::general, machine.memory.end(), WindowKind::normal));
    fault_for_ever();
}

// The tables of the vectors are in a hole.
void case_endless_walk(Machine& machine) {
    high_root()[8] = table_descriptor(machine.memory.end());
    forget_translations();
    TWOFOLD_WRITE_SYSREG(VBAR_EL1, high_address(8));
    fault_for_ever();
}

// Reset once: who types says which life it is.
void case_reset(Machine& machine) {
    auto* const mark = reinterpret_cast<volatile std::uint64_t*>(machine.fresh(4 * KiB, 4 * KiB));
    expect("memory at the start", *mark, 0);
    *mark = 0x5555;
    const char typed = read_one_character();
    if (typed == 'r') {
        print("PAYLOAD: reset first life\n");
        hypercall(function::system_reset);
        fail("SYSTEM_RESET returned");
    } else if (typed != 'g') {
        fail("typed: {}", typed);
    }
}

} // namespace twofold::payload
