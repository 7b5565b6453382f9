// SPDX-License-Identifier: MIT
// Code that was just written, in memory that was never touched before: without FEAT_DIC, stage 2
// gives execution only when it is asked for.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "stage1.hpp"

#include <twofold/arch/address.hpp>

namespace twofold::payload {

namespace {

// mov w0, #number; ret
void write_code(std::uint64_t at, unsigned number) {
    auto* const code = reinterpret_cast<volatile std::uint32_t*>(at);
    code[0] = 0x52800000U | number << 5;
    code[1] = 0xd65f03c0U;
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(at) : "memory");
}

void run_code(const char* what, std::uint64_t at, unsigned number) {
    const Fault fault = probe(reinterpret_cast<Access*>(at), 0);
    expect_no_fault(what, fault);
    expect(what, fault.x0, number);
}

} // namespace

void case_code(Machine& machine) {
    // Written first, and then executed in the same block; then more of both.
    const std::uint64_t written = machine.fresh(4 * MiB, 2 * MiB);
    write_code(written, 1);
    run_code("written", written, 1);
    write_code(written + 0x1000, 2);
    run_code("next page", written + 0x1000, 2);
    write_code(written + 2 * MiB + 0x5678, 3);
    run_code("next 2 MiB", written + 2 * MiB + 0x5678, 3);
    for (unsigned i = 0; i < 200; ++i) {
        const std::uint64_t at = written + std::uint64_t{i % 5} * 0x1000;
        write_code(at, i);
        run_code("changed code", at, i);
    }
    // Executed first: what nobody has written is zero, which is no instruction.
    const std::uint64_t untouched = machine.fresh(2 * MiB, 2 * MiB);
    expect_fault("zeroes", probe(access_jump, untouched),
                 {.esr = 0x02000000, .elr = untouched, .far_valid = false});
    write_code(untouched, 4);
    run_code("written afterwards", untouched, 4);

    // Read first.
    const std::uint64_t read = machine.fresh(2 * MiB, 2 * MiB);
    expect("fresh memory", *reinterpret_cast<volatile std::uint64_t*>(read + 0x2000), 0);
    write_code(read, 5);
    run_code("read before", read, 5);

    // By EL0.
    const std::uint64_t user = machine.fresh(2 * MiB, 2 * MiB);
    write_code(user, 6);
    const Fault fault = probe_el0_at(map_window(Window::el0, user, WindowKind::el0), 0);
    expect("SVC", class_of(fault), ec::service_call);
    expect("code of EL0", fault.x0, 6);

    // Near the end of memory, where a block of the largest size may not fit.
    const std::uint64_t last = machine.memory.end() - 0x1000;
    write_code(last, 7);
    run_code("last page", last, 7);
    auto* const words = reinterpret_cast<volatile std::uint32_t*>(last);
    words[0] = 0;
    words[1] = 0;
}

} // namespace twofold::payload
