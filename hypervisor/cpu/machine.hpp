// SPDX-License-Identifier: MIT
// The machine as its firmware offers it through PSCI: start a CPU, switch everything off.
#pragma once

#include <cstdint>

namespace twofold::hyp {

// 0 or a negative PSCI error.
std::int64_t firmware_cpu_on(std::uint64_t mpidr, std::uint64_t entry, std::uint64_t context);

// SMCCC_ARCH_FEATURES: what the firmware says about a mitigation, -1 if it does not know the call.
std::int64_t firmware_arch_features(std::uint32_t function);
void firmware_workaround(std::uint32_t function, std::uint64_t argument);

// Ends with this status through semihosting, or with SYSTEM_OFF where there is none.
[[noreturn]] void stop_machine(unsigned status);

} // namespace twofold::hyp
