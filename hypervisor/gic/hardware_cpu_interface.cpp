// SPDX-License-Identifier: MIT
// ICH_* registers by encoding: older assemblers do not know the names without an extension.
#include "gic/hardware_cpu_interface.hpp"

#include "cpu/sysreg.hpp"
#include "gic/cpu_interface.hpp"
#include "gic/physical_gic.hpp"

// ICH_LR0_EL2 to ICH_LR7_EL2 and ICH_LR8_EL2 to ICH_LR15_EL2
#define TWOFOLD_FOR_LIST_REGISTERS(each)                                                           \
    each(0, S3_4_C12_C12_0) each(1, S3_4_C12_C12_1) each(2, S3_4_C12_C12_2)                        \
        each(3, S3_4_C12_C12_3) each(4, S3_4_C12_C12_4) each(5, S3_4_C12_C12_5)                    \
            each(6, S3_4_C12_C12_6) each(7, S3_4_C12_C12_7) each(8, S3_4_C12_C13_0)                \
                each(9, S3_4_C12_C13_1) each(10, S3_4_C12_C13_2) each(11, S3_4_C12_C13_3)          \
                    each(12, S3_4_C12_C13_4) each(13, S3_4_C12_C13_5) each(14, S3_4_C12_C13_6)     \
                        each(15, S3_4_C12_C13_7)

namespace twofold::hyp {

std::uint64_t HardwareCpuInterface::type() { return TWOFOLD_READ_SYSREG(S3_4_C12_C11_1); }

std::uint64_t HardwareCpuInterface::read_list_register(unsigned index) {
    switch (index) {
#define TWOFOLD_READ(number, name)                                                                 \
    case number:                                                                                   \
        return TWOFOLD_READ_SYSREG(name);
        TWOFOLD_FOR_LIST_REGISTERS(TWOFOLD_READ)
#undef TWOFOLD_READ
    default:
        return 0;
    }
}

void HardwareCpuInterface::write_list_register(unsigned index, std::uint64_t value) {
    switch (index) {
#define TWOFOLD_WRITE(number, name)                                                                \
    case number:                                                                                   \
        TWOFOLD_WRITE_SYSREG(name, value);                                                         \
        return;
        TWOFOLD_FOR_LIST_REGISTERS(TWOFOLD_WRITE)
#undef TWOFOLD_WRITE
    default:
        return;
    }
}

std::uint64_t HardwareCpuInterface::read_control() { return TWOFOLD_READ_SYSREG(S3_4_C12_C11_0); }

void HardwareCpuInterface::write_control(std::uint64_t value) {
    TWOFOLD_WRITE_SYSREG(S3_4_C12_C11_0, value);
}

std::uint64_t HardwareCpuInterface::read_machine_control() {
    return TWOFOLD_READ_SYSREG(S3_4_C12_C11_7);
}

void HardwareCpuInterface::reset() {
    // ICH_VTR_EL2.PREbits: 5 bits of preemption need one register of active priorities, 7 need
    // four.
    const unsigned preemption_bits = static_cast<unsigned>((type() >> 26) & 7) + 1;
    TWOFOLD_WRITE_SYSREG(S3_4_C12_C11_0, 0); // ICH_HCR_EL2
    TWOFOLD_WRITE_SYSREG(S3_4_C12_C11_7, 0); // ICH_VMCR_EL2
    TWOFOLD_WRITE_SYSREG(S3_4_C12_C8_0, 0);  // ICH_AP0R0_EL2
    TWOFOLD_WRITE_SYSREG(S3_4_C12_C9_0, 0);  // ICH_AP1R0_EL2
    if (preemption_bits >= 6) {
        TWOFOLD_WRITE_SYSREG(S3_4_C12_C8_1, 0);
        TWOFOLD_WRITE_SYSREG(S3_4_C12_C9_1, 0);
    }
    if (preemption_bits == 7) {
        TWOFOLD_WRITE_SYSREG(S3_4_C12_C8_2, 0);
        TWOFOLD_WRITE_SYSREG(S3_4_C12_C9_2, 0);
        TWOFOLD_WRITE_SYSREG(S3_4_C12_C8_3, 0);
        TWOFOLD_WRITE_SYSREG(S3_4_C12_C9_3, 0);
    }
    // ICC_SRE_EL1 is the guest's to read; the memory-mapped interface does not exist for it.
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_5, 0x7);
    isb();
}

bool HardwareCpuInterface::physical_line(unsigned physical_intid) {
    // CNTV_CTL_EL0, CNTP_CTL_EL0: ISTATUS and ENABLE without IMASK
    constexpr std::uint64_t fields = 7;
    constexpr std::uint64_t asserted = 5;
    isb();
    switch (physical_intid) {
    case virtual_timer_interrupt:
        return (TWOFOLD_READ_SYSREG(cntv_ctl_el0) & fields) == asserted;
    case physical_timer_interrupt:
        return (TWOFOLD_READ_SYSREG(cntp_ctl_el0) & fields) == asserted;
    default:
        return true;
    }
}

void HardwareCpuInterface::deactivate_physical(unsigned physical_intid) {
    cpu_interface::deactivate(physical_intid);
}

} // namespace twofold::hyp
