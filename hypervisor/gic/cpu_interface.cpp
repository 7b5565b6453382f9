// SPDX-License-Identifier: MIT
// ICC_* registers by encoding: older assemblers do not know the names without an extension.
#include "gic/cpu_interface.hpp"

#include "cpu/sysreg.hpp"

namespace twofold::hyp::cpu_interface {

void init() {
    // ICC_SRE_EL2: Enable, DIB, DFB, SRE
    TWOFOLD_WRITE_SYSREG(S3_4_C12_C9_5, 0xf);
    isb();
    // ICC_SRE_EL1: DIB, DFB, SRE
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_5, 0x7);
    isb();
    // ICC_PMR_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C4_C6_0, 0xff);
    // ICC_BPR1_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_3, 0);
    // ICC_CTLR_EL1: EOImode
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_4, 0x2);
    // ICC_IGRPEN1_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_7, 1);
    isb();
}

unsigned acknowledge() {
    // ICC_IAR1_EL1
    const unsigned intid = static_cast<unsigned>(TWOFOLD_READ_SYSREG(S3_0_C12_C12_0) & 0xffffff);
    // The acknowledgement takes effect before the device is looked at.
    dsb_sy();
    return intid;
}

void drop_priority(unsigned intid) {
    // ICC_EOIR1_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_1, intid);
    isb();
}

void deactivate(unsigned intid) {
    // What was done to the device is there before its interrupt may come again.
    dsb_sy();
    // ICC_DIR_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_1, intid);
    isb();
}

void send_sgi(std::uint64_t sgi_register) {
    dsb_ishst();
    // ICC_SGI1R_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_5, sgi_register);
    isb();
}

} // namespace twofold::hyp::cpu_interface
