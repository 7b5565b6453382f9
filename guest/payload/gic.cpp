// SPDX-License-Identifier: MIT
// GICD, GICR and ICC registers.
#include "gic.hpp"

#include "cpu/sysreg.hpp"
#include "mmio.hpp"

namespace twofold::payload {

namespace {

constexpr std::uint64_t stride = 0x20000; // of redistributors
constexpr std::uint64_t sgi_frame = 0x10000;
constexpr std::uint32_t all = ~std::uint32_t{0};

// GICR_TYPER [63:32]
std::uint32_t packed(std::uint64_t mpidr) {
    return static_cast<std::uint32_t>((mpidr & 0xffffff) | ((mpidr >> 8) & 0xff000000));
}

std::uint64_t find_redistributor(const Machine& machine) {
    const std::uint32_t wanted = packed(TWOFOLD_READ_SYSREG(MPIDR_EL1));
    for (std::uint64_t at = machine.redistributors.start; at < machine.redistributors.end();
         at += stride) {
        if (read64(at + 8) >> 32 == wanted)
            return at;
    }
    return 0;
}

} // namespace

void init_distributor(const Machine& machine) {
    const std::uint64_t gicd = machine.distributor.start;
    write32(gicd, 0);
    for (unsigned n = 1; n < 32; ++n) {
        write32(gicd + 0x180 + 4 * n, all); // ICENABLER
        write32(gicd + 0x280 + 4 * n, all); // ICPENDR
        write32(gicd + 0x380 + 4 * n, all); // ICACTIVER
        write32(gicd + 0x080 + 4 * n, all); // IGROUPR: group 1
    }
    write32(gicd, 1U << 4 | 1U << 1); // ARE, EnableGrp1
}

void init_gic_cpu(const Machine& machine) {
    const std::uint64_t gicr = find_redistributor(machine);
    write32(gicr + 0x14, 0); // GICR_WAKER
    while ((read32(gicr + 0x14) & 4) != 0) {
    }
    const std::uint64_t sgi = gicr + sgi_frame;
    write32(sgi + 0x180, all);
    write32(sgi + 0x280, all);
    write32(sgi + 0x380, all);
    write32(sgi + 0x080, all);
    for (unsigned n = 0; n < 32; n += 4)
        write32(sgi + 0x400 + n, 0xa0a0a0a0); // IPRIORITYR
    write32(sgi + 0x100, 0xffU | 1U << virtual_timer);
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_5, 7); // ICC_SRE_EL1
    hyp::isb();
    TWOFOLD_WRITE_SYSREG(S3_0_C4_C6_0, 0xff); // ICC_PMR_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_4, 0);  // ICC_CTLR_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_3, 0);  // ICC_BPR1_EL1
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_7, 1);  // ICC_IGRPEN1_EL1
    hyp::isb();
}

void take_interrupt(CpuState& cpu) {
    const std::uint64_t intid = TWOFOLD_READ_SYSREG(S3_0_C12_C12_0); // ICC_IAR1_EL1
    if (intid == virtual_timer) {
        TWOFOLD_WRITE_SYSREG(CNTV_CTL_EL0, 0);
        hyp::isb();
    }
    if (intid < 64)
        cpu.interrupts[intid] = cpu.interrupts[intid] + 1;
    else
        cpu.other_interrupts = cpu.other_interrupts + 1;
    if (intid < 1020)
        TWOFOLD_WRITE_SYSREG(S3_0_C12_C12_1, intid); // ICC_EOIR1_EL1
    hyp::isb();
}

void send_sgi(std::uint64_t mpidr, unsigned intid) {
    // ICC_SGI1R_EL1: [55:48] Aff3, [39:32] Aff2, [27:24] INTID, [23:16] Aff1, [15:0] target list
    const std::uint64_t value = ((mpidr >> 32) & 0xff) << 48 | ((mpidr >> 16) & 0xff) << 32 |
                                std::uint64_t{intid} << 24 | ((mpidr >> 8) & 0xff) << 16 |
                                std::uint64_t{1} << (mpidr & 0xf);
    hyp::dsb_ish();
    TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_5, value);
    hyp::isb();
}

} // namespace twofold::payload
