// SPDX-License-Identifier: MIT
// Running and judging of probes.
#include "probe.hpp"

#include "report.hpp"
#include "stage1.hpp"

extern "C" std::uint64_t probe_call(std::uintptr_t function, std::uint64_t a, std::uint64_t b,
                                    std::uint64_t c);
extern "C" std::uint64_t enter_el0(std::uint64_t pc, std::uint64_t argument, std::uint64_t back);

namespace twofold::payload {

namespace {

// NZCV, DAIF and M; what else there is depends on the CPU.
constexpr std::uint64_t spsr_mask = 0xf00003df;
constexpr std::uint64_t spsr_el1 = 0xa00003c5;
constexpr std::uint64_t spsr_el0 = 0xa00003c0;

Fault run(std::uintptr_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    CpuState& cpu = this_cpu();
    cpu.fault = {};
    const std::uint64_t result = probe_call(function, a, b, c);
    asm volatile("" ::: "memory");
    if (!cpu.fault.taken)
        cpu.fault.x0 = result;
    return cpu.fault;
}

} // namespace

Fault probe(Access* access, std::uint64_t address, std::uint64_t value) {
    return run(address_of(access), address, value, 0);
}

std::uint64_t el0_address(Access* access) {
    return map_window(Window::el0_code, address_of(access), WindowKind::el0_code);
}

Fault probe_el0_at(std::uint64_t pc, std::uint64_t argument) {
    return run(reinterpret_cast<std::uintptr_t>(enter_el0), pc, argument,
               el0_address(access_call_service));
}

Fault probe_el0(Access* access, std::uint64_t address) {
    return probe_el0_at(el0_address(access), address);
}

void expect_fault(const char* what, const Fault& fault, const Expected& expected) {
    if (!fault.taken || class_of(fault) == ec::service_call) {
        fail("{}: no exception, result {:#x}", what, fault.x0);
        return;
    }
    if (fault.esr != expected.esr)
        fail("{}: ESR {:#x} instead of {:#x}", what, fault.esr, expected.esr);
    if (expected.far_valid && fault.far != expected.far)
        fail("{}: FAR {:#x} instead of {:#x}", what, fault.far, expected.far);
    if (fault.elr != expected.elr)
        fail("{}: ELR {:#x} instead of {:#x}", what, fault.elr, expected.elr);
    const std::uint64_t spsr = expected.el0 ? spsr_el0 : spsr_el1;
    if ((fault.spsr & spsr_mask) != spsr)
        fail("{}: SPSR {:#x}, {:#x} expected", what, fault.spsr, spsr);
    if (fault.source != (expected.el0 ? 2 : 1))
        fail("{}: vector group {}", what, fault.source);
    if (fault.daif != 0x3c0)
        fail("{}: DAIF {:#x} in the vector", what, fault.daif);
}

void expect_no_fault(const char* what, const Fault& fault) {
    if (fault.taken && class_of(fault) != ec::service_call)
        fail("{}: ESR {:#x}, FAR {:#x}, ELR {:#x}", what, fault.esr, fault.far, fault.elr);
}

} // namespace twofold::payload
