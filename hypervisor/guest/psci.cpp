// SPDX-License-Identifier: MIT
// PSCI and SMCCC. Function numbers: Arm DEN0022 and DEN0028.
#include "guest/psci.hpp"

#include "cpu/machine.hpp"
#include "guest/guest.hpp"

namespace twofold::hyp {

namespace {

enum Function : std::uint32_t {
    smccc_version = 0x80000000,
    smccc_arch_features = 0x80000001,
    smccc_arch_workaround_1 = 0x80008000,
    smccc_arch_workaround_2 = 0x80007fff,
    smccc_arch_workaround_3 = 0x80003fff,
    psci_version = 0x84000000,
    psci_cpu_suspend = 0x84000001,
    psci_cpu_off = 0x84000002,
    psci_cpu_on = 0x84000003,
    psci_affinity_info = 0x84000004,
    psci_migrate_info_type = 0x84000006,
    psci_system_off = 0x84000008,
    psci_system_reset = 0x84000009,
    psci_features = 0x8400000a,
    psci_cpu_suspend_64 = 0xc4000001,
    psci_cpu_on_64 = 0xc4000003,
    psci_affinity_info_64 = 0xc4000004,
    monitor_command = 0xc600ff00, // vendor-specific hypervisor service
};

constexpr std::uint64_t call_instruction_bytes = 4; // HVC or SMC of AArch64
constexpr std::int64_t success = 0;
constexpr std::int64_t not_supported = -1;
constexpr std::int64_t migration_not_needed = 2;
constexpr std::int64_t version_1_1 = 0x10001;

// Mitigations are the firmware's: a guest learns what it offers and reaches it through us.
bool is_workaround(std::uint32_t function) {
    return function == smccc_arch_workaround_1 || function == smccc_arch_workaround_2 ||
           function == smccc_arch_workaround_3;
}

std::int64_t arch_features(std::uint32_t function) {
    if (function == smccc_version || function == smccc_arch_features)
        return success;
    return is_workaround(function) ? firmware_arch_features(function) : not_supported;
}

std::int64_t features(std::uint32_t function) {
    switch (function) {
    case smccc_version:
    case psci_version:
    case psci_cpu_suspend:
    case psci_cpu_off:
    case psci_cpu_on:
    case psci_affinity_info:
    case psci_migrate_info_type:
    case psci_system_off:
    case psci_system_reset:
    case psci_features:
    case psci_cpu_suspend_64:
    case psci_cpu_on_64:
    case psci_affinity_info_64:
        return success;
    default:
        return not_supported;
    }
}

// Every power state is entered as a standby: the vCPU waits for its next interrupt.
void stand_by(Vcpu& vcpu) {
    Guest& guest = *vcpu.guest;
    while (guest.is_running() && !guest.vgic().has_pending(vcpu.index)) {
        wait_for_interrupt();
        guest.take_interrupts(vcpu);
    }
}

} // namespace

std::optional<std::int64_t> answer_call(std::uint64_t function, std::uint64_t argument) {
    switch (static_cast<std::uint32_t>(function)) {
    case smccc_version:
    case psci_version:
        return version_1_1;
    case psci_features:
        return features(static_cast<std::uint32_t>(argument));
    case psci_migrate_info_type:
        return migration_not_needed;
    default:
        return std::nullopt;
    }
}

CallEnd handle_call(Vcpu& vcpu, TrapFrame& frame) {
    if (const auto answer = answer_call(frame.x[0], frame.x[1])) {
        frame.x[0] = static_cast<std::uint64_t>(*answer);
        return CallEnd::returns;
    }
    Guest& guest = *vcpu.guest;
    const auto function = static_cast<std::uint32_t>(frame.x[0]);
    // A call of the 32-bit convention passes the low halves.
    const bool wide = (function & 0x4000'0000) != 0;
    const auto argument = [&](unsigned n) {
        return wide ? frame.x[n]
                    : static_cast<std::uint64_t>(static_cast<std::uint32_t>(frame.x[n]));
    };
    std::int64_t result = not_supported;
    switch (function) {
    case smccc_arch_features:
        result = arch_features(static_cast<std::uint32_t>(frame.x[1]));
        break;
    case smccc_arch_workaround_1:
    case smccc_arch_workaround_2:
    case smccc_arch_workaround_3:
        if (firmware_arch_features(function) >= 0) {
            firmware_workaround(function, argument(1));
            return CallEnd::returns; // it returns nothing
        }
        break;
    case psci_cpu_suspend:
    case psci_cpu_suspend_64:
        stand_by(vcpu);
        result = success;
        break;
    case psci_cpu_on:
    case psci_cpu_on_64:
        result = guest.switch_on(argument(1), argument(2), argument(3));
        break;
    case psci_affinity_info:
    case psci_affinity_info_64:
        result = guest.affinity_info(argument(1), argument(2));
        break;
    case psci_cpu_off:
        return CallEnd::leaves;
    case psci_system_off:
        guest.end(GuestState::powered_off);
        return CallEnd::leaves;
    case psci_system_reset:
        guest.end(GuestState::resetting);
        return CallEnd::leaves;
    case monitor_command: {
        const auto done = guest.monitor().call(vcpu.index, Ipa{frame.x[1]}, frame.x[2]);
        if (!done) {
            frame.elr -= call_instruction_bytes; // the next step is the same call again
            return CallEnd::returns;
        }
        result = done->status;
        if (result != not_supported)
            frame.x[1] = done->number;
        break;
    }
    default:
        break;
    }
    frame.x[0] = static_cast<std::uint64_t>(result);
    return CallEnd::returns;
}

} // namespace twofold::hyp
