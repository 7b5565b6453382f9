// SPDX-License-Identifier: MIT
// PSCI calls of the hypervisor to EL3; SMC is the only conduit that there is above EL2.
#include "cpu/machine.hpp"

#include "cpu/sysreg.hpp"
#include "runtime/semihosting.hpp"

namespace twofold::hyp {

namespace {

constexpr std::uint64_t psci_cpu_on_64 = 0xc4000003;
constexpr std::uint64_t psci_version = 0x84000000;
constexpr std::uint64_t psci_system_off = 0x84000008;
constexpr std::uint64_t psci_features = 0x8400000a;
constexpr std::uint64_t smccc_version = 0x80000000;
constexpr std::uint64_t smccc_arch_features = 0x80000001;

std::int64_t smc(std::uint64_t function, std::uint64_t a = 0, std::uint64_t b = 0,
                 std::uint64_t c = 0) {
    register std::uint64_t x0 asm("x0") = function;
    register std::uint64_t x1 asm("x1") = a;
    register std::uint64_t x2 asm("x2") = b;
    register std::uint64_t x3 asm("x3") = c;
    asm volatile("smc #0"
                 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                 :
                 : "memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
                   "x15", "x16", "x17");
    return static_cast<std::int64_t>(x0);
}

} // namespace

std::int64_t firmware_cpu_on(std::uint64_t mpidr, std::uint64_t entry, std::uint64_t context) {
    return smc(psci_cpu_on_64, mpidr, entry, context);
}

std::int64_t firmware_arch_features(std::uint32_t function) {
    // Each call tells whether the next one exists. Results of these calls have 32 bits.
    const auto call = [](std::uint64_t id, std::uint64_t argument = 0) {
        return static_cast<std::int32_t>(smc(id, argument));
    };
    if (call(psci_version) < 0x10000 || call(psci_features, smccc_version) < 0 ||
        call(smccc_version) < 0x10001)
        return -1;
    return call(smccc_arch_features, function);
}

void firmware_workaround(std::uint32_t function, std::uint64_t argument) {
    smc(function, argument);
}

void stop_machine(unsigned status) {
    semihosting_exit(status);
    smc(psci_system_off);
    for (;;)
        wait_for_event();
}

} // namespace twofold::hyp
