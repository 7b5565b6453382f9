// SPDX-License-Identifier: MIT
// HVC, SMC and undefined instructions.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "probe.hpp"
#include "psci.hpp"
#include "report.hpp"

namespace twofold::payload {

namespace {

using Call = void(std::uint64_t* registers);

// x0 is the result, the other registers are as before.
void expect_answer(const char* what, Call* call, std::uint64_t function, std::int64_t answer) {
    constexpr unsigned count = 31;
    std::uint64_t registers[count];
    for (unsigned i = 1; i < count; ++i)
        registers[i] = 0xabcd'0000'0000'0000 + i;
    registers[0] = function;
    call(registers);
    if (static_cast<std::int64_t>(registers[0]) != answer)
        fail("{} {:#x}: {:#x}", what, function, registers[0]);
    for (unsigned i = 1; i < count; ++i) {
        if (registers[i] != 0xabcd'0000'0000'0000 + i)
            fail("{} {:#x}: x{} is {:#x}", what, function, i, registers[i]);
    }
}

void expect_result(const char* what, std::int64_t got, std::int64_t wanted) {
    if (got != wanted)
        fail("{}: {} instead of {}", what, got, wanted);
}

} // namespace

void case_calls(Machine&) {
    constexpr std::uint64_t unknown[] = {
        0x00000000, 0x84000fff,     0x8400001f, 0xc400001f, 0x84000013, 0x8600ff01, 0xc6000020,
        0xbf00ff01, 0x80007fff - 5, 0xffffffff, 0x12345678, 0xb2000000, 0xc600ff00,
    };
    for (const std::uint64_t function : unknown) {
        expect_answer("HVC", call_hvc, function, result::not_supported);
        expect_answer("SMC", call_smc, function, result::not_supported);
        expect_answer("HVC with a number", call_hvc_with_number, function, result::not_supported);
    }
    // Some calls are answered before all of the registers are saved.
    for (Call* const call : {call_hvc, call_smc, call_hvc_with_number}) {
        expect_answer("SMCCC_VERSION", call, function::smccc_version, 0x10001);
        expect_answer("PSCI_VERSION", call, function::psci_version, 0x10001);
        expect_answer("MIGRATE_INFO_TYPE", call, function::migrate_info_type, 2);
    }
    expect_result("SMCCC_ARCH_FEATURES of itself",
                  hypercall(function::smccc_arch_features, function::smccc_arch_features), 0);
    expect_result("SMCCC_ARCH_FEATURES of nothing",
                  hypercall(function::smccc_arch_features, 0x80001234), -1);
    // Below EL1 there are no such calls.
    for (Access* const call : {access_call_hypervisor, access_call_monitor})
        expect_fault(
            "call from EL0", probe_el0(call, 0),
            {.esr = 0x02000000, .elr = el0_address(call), .el0 = true, .far_valid = false});
}

void case_psci(Machine& machine) {
    using namespace function;
    const std::uint64_t self = machine.mpidrs[0];
    const std::uint64_t entry = machine.image.start;
    expect_result("VERSION", hypercall(psci_version), 0x10001);
    expect_result("MIGRATE_INFO_TYPE", hypercall(migrate_info_type), 2);
    for (const std::uint64_t known : {psci_version, cpu_suspend, cpu_off, cpu_on, affinity_info,
                                      system_off, system_reset, psci_features, smccc_version})
        expect("FEATURES", hypercall(psci_features, known) >= 0, 1);
    expect_result("FEATURES of nothing", hypercall(psci_features, 0x8400001f), -1);
    expect_result("CPU_ON of no CPU", hypercall(cpu_on, 0xff00ffffff, entry), -2);
    expect_result("CPU_ON, reserved bits", hypercall(cpu_on, self | 1U << 31, entry), -2);
    expect_result("CPU_ON of CPU 99", hypercall(cpu_on, 99, entry), -2);
    expect_result("CPU_ON of itself", hypercall(cpu_on, self, entry), result::already_on);
    // The upper halves do not belong to a call of the 32-bit convention.
    expect_result("CPU_ON, 32 bits",
                  hypercall(cpu_on_32, self | std::uint64_t{0xdead} << 32, entry),
                  result::already_on);
    expect_result("function number's upper half",
                  hypercall(psci_version | std::uint64_t{0xdead} << 32), 0x10001);
    expect_result("AFFINITY_INFO of itself", hypercall(affinity_info, self, 0), result::on);
    expect_result("AFFINITY_INFO of no CPU", hypercall(affinity_info, 99, 0), -2);
    expect_result("AFFINITY_INFO of a cluster", hypercall(affinity_info, self, 1), -2);
    for (unsigned i = 1; i < machine.cpus; ++i) {
        const std::uint64_t other = machine.mpidrs[i];
        expect_result("AFFINITY_INFO", hypercall(affinity_info, other, 0), result::off);
        for (const std::uint64_t bad :
             {std::uint64_t{0}, machine.uart.start, machine.memory.start - 4, machine.memory.end(),
              machine.ipa_limit(), ~std::uint64_t{3}})
            expect_result("CPU_ON at a bad address", hypercall(cpu_on, other, bad),
                          result::invalid_address);
        expect_result("AFFINITY_INFO afterwards", hypercall(affinity_info, other, 0), result::off);
    }
}

void case_undefined(Machine&) {
    for (const UndefinedInstruction* entry = undefined_list; entry->function != nullptr; ++entry)
        expect_fault(entry->name, probe(entry->function, 0),
                     {.esr = 0x02000000, .elr = address_of(entry->function), .far_valid = false});
    // What EL1 has and may use.
    expect("ACTLR_EL1", TWOFOLD_READ_SYSREG(ACTLR_EL1), 0);
    TWOFOLD_WRITE_SYSREG(ACTLR_EL1, ~std::uint64_t{0});
    expect("ACTLR_EL1", TWOFOLD_READ_SYSREG(ACTLR_EL1), 0);
}

} // namespace twofold::payload
