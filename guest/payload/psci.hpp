// SPDX-License-Identifier: MIT
// Calls to the hypervisor.
#pragma once

#include <cstdint>

namespace twofold::payload {

// Function numbers: Arm DEN0022 (PSCI) and DEN0028 (SMCCC).
namespace function {
inline constexpr std::uint64_t smccc_version = 0x80000000;
inline constexpr std::uint64_t smccc_arch_features = 0x80000001;
inline constexpr std::uint64_t psci_version = 0x84000000;
inline constexpr std::uint64_t cpu_suspend = 0xc4000001;
inline constexpr std::uint64_t cpu_off = 0x84000002;
inline constexpr std::uint64_t cpu_on = 0xc4000003;
inline constexpr std::uint64_t cpu_on_32 = 0x84000003;
inline constexpr std::uint64_t affinity_info = 0xc4000004;
inline constexpr std::uint64_t migrate_info_type = 0x84000006;
inline constexpr std::uint64_t system_off = 0x84000008;
inline constexpr std::uint64_t system_reset = 0x84000009;
inline constexpr std::uint64_t psci_features = 0x8400000a;
} // namespace function

namespace result {
inline constexpr std::int64_t success = 0;
inline constexpr std::int64_t not_supported = -1;
inline constexpr std::int64_t invalid_parameters = -2;
inline constexpr std::int64_t already_on = -4;
inline constexpr std::int64_t on_pending = -5;
inline constexpr std::int64_t invalid_address = -9;
// AFFINITY_INFO
inline constexpr std::int64_t on = 0;
inline constexpr std::int64_t off = 1;
} // namespace result

std::int64_t hypercall(std::uint64_t function, std::uint64_t a = 0, std::uint64_t b = 0,
                       std::uint64_t c = 0);
[[noreturn]] void power_off();

} // namespace twofold::payload
