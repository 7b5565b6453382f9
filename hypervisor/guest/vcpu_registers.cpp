// SPDX-License-Identifier: MIT
// EL2 traps what this hypervisor does not give to a guest; id_registers.cpp hides the same.
#include "guest/vcpu_registers.hpp"

#include "cpu/sysreg.hpp"
#include "gic/affinity.hpp"

#include <twofold/arch/field.hpp>

namespace twofold::hyp {

namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

namespace hcr {
constexpr std::uint64_t vm = bit(0);
constexpr std::uint64_t swio = bit(1);
constexpr std::uint64_t fmo = bit(3);
constexpr std::uint64_t imo = bit(4);
constexpr std::uint64_t amo = bit(5);
constexpr std::uint64_t vse = bit(8);
constexpr std::uint64_t fb = bit(9);
constexpr std::uint64_t bsu_inner = bit(10);
constexpr std::uint64_t tid3 = bit(18);
constexpr std::uint64_t tsc = bit(19);
constexpr std::uint64_t tidcp = bit(20);
constexpr std::uint64_t tacr = bit(21);
constexpr std::uint64_t rw = bit(31);
constexpr std::uint64_t tlor = bit(35);
constexpr std::uint64_t terr = bit(36);
constexpr std::uint64_t apk = bit(40);
constexpr std::uint64_t api = bit(41);
constexpr std::uint64_t fwb = bit(46);
} // namespace hcr

// RES1 bits of CPTR_EL2 with E2H = 0. [12] TSM and [8] TZ trap SME and SVE where they exist.
constexpr std::uint64_t cptr_res1 = 0x33ff;
constexpr std::uint64_t cptr_tta = bit(20);
constexpr std::uint64_t cptr_tam = bit(30);

// [19] TTRF, [14] TPMS, [6] TPM, [5] TPMCR; [4:0] HPMN is the number of counters
constexpr std::uint64_t mdcr_traps = bit(19) | bit(14) | bit(6) | bit(5);

// [29:28] [23:22] [20] [11] RES1 of Armv8.0, everything else off
constexpr std::uint64_t sctlr_el1_reset = 0x30d00800;

// EL1h with all interrupts masked
constexpr std::uint64_t pstate_reset = 0x3c5;

using pauth_fields = Field<11, 4>;  // ID_AA64ISAR1_EL1.API, APA
using pauth3_field = Field<15, 12>; // ID_AA64ISAR2_EL1.APA3
using pmu_version = Field<11, 8>;   // ID_AA64DFR0_EL1
using ras = Field<31, 28>;          // ID_AA64PFR0_EL1
using hcx = Field<43, 40>;          // ID_AA64MMFR1_EL1
using fgt = Field<59, 56>;          // ID_AA64MMFR0_EL1

std::uint64_t hcr_value(bool fwb) {
    std::uint64_t value = hcr::vm | hcr::swio | hcr::fmo | hcr::imo | hcr::amo | hcr::fb |
                          hcr::bsu_inner | hcr::tid3 | hcr::tsc | hcr::tidcp | hcr::tacr | hcr::rw |
                          hcr::tlor;
    if (pauth_fields::is_set(TWOFOLD_READ_SYSREG(ID_AA64ISAR1_EL1)) ||
        pauth3_field::is_set(TWOFOLD_READ_SYSREG(S3_0_C0_C6_2)))
        value |= hcr::apk | hcr::api;
    if (ras::is_set(TWOFOLD_READ_SYSREG(ID_AA64PFR0_EL1)))
        value |= hcr::terr;
    if (fwb)
        value |= hcr::fwb;
    return value;
}

// No performance monitors for the guest, but HPMN must not be 0 where there are some.
std::uint64_t mdcr_value() {
    std::uint64_t counters = 0;
    const std::uint64_t version = pmu_version::get(TWOFOLD_READ_SYSREG(ID_AA64DFR0_EL1));
    if (version != 0 && version != 0xf)
        counters = (TWOFOLD_READ_SYSREG(PMCR_EL0) >> 11) & 0x1f;
    return mdcr_traps | counters;
}

// Fine-grained traps and HCRX_EL2 come up with unknown values.
void clear_newer_controls() {
    if (hcx::is_set(TWOFOLD_READ_SYSREG(ID_AA64MMFR1_EL1)))
        TWOFOLD_WRITE_SYSREG(S3_4_C1_C2_2, 0); // HCRX_EL2
    if (fgt::is_set(TWOFOLD_READ_SYSREG(ID_AA64MMFR0_EL1))) {
        TWOFOLD_WRITE_SYSREG(S3_4_C1_C1_4, 0); // HFGRTR_EL2
        TWOFOLD_WRITE_SYSREG(S3_4_C1_C1_5, 0); // HFGWTR_EL2
        TWOFOLD_WRITE_SYSREG(S3_4_C1_C1_6, 0); // HFGITR_EL2
        TWOFOLD_WRITE_SYSREG(S3_4_C3_C1_4, 0); // HDFGRTR_EL2
        TWOFOLD_WRITE_SYSREG(S3_4_C3_C1_5, 0); // HDFGWTR_EL2
    }
}

} // namespace

void set_el2_controls(const El2Controls& controls) {
    TWOFOLD_WRITE_SYSREG(HCR_EL2, hcr_value(controls.fwb));
    TWOFOLD_WRITE_SYSREG(CPTR_EL2, cptr_res1 | cptr_tta | cptr_tam);
    TWOFOLD_WRITE_SYSREG(MDCR_EL2, mdcr_value());
    TWOFOLD_WRITE_SYSREG(HSTR_EL2, 0);
    clear_newer_controls();
    TWOFOLD_WRITE_SYSREG(CNTHCTL_EL2, 0b11); // EL1PCEN, EL1PCTEN: EL1 has its timers
    TWOFOLD_WRITE_SYSREG(CNTVOFF_EL2, controls.time_origin);
    TWOFOLD_WRITE_SYSREG(VPIDR_EL2, TWOFOLD_READ_SYSREG(MIDR_EL1));
    TWOFOLD_WRITE_SYSREG(VMPIDR_EL2,
                         (TWOFOLD_READ_SYSREG(MPIDR_EL1) & ~affinity_mask) | controls.affinity);
    isb();
}

void reset_el1(TrapFrame& frame, std::uint64_t entry, std::uint64_t context) {
    TWOFOLD_WRITE_SYSREG(SCTLR_EL1, sctlr_el1_reset);
    TWOFOLD_WRITE_SYSREG(CPACR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(TCR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(TTBR0_EL1, 0);
    TWOFOLD_WRITE_SYSREG(TTBR1_EL1, 0);
    TWOFOLD_WRITE_SYSREG(MAIR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(VBAR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(ESR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(FAR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(CONTEXTIDR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(TPIDR_EL0, 0);
    TWOFOLD_WRITE_SYSREG(TPIDRRO_EL0, 0);
    TWOFOLD_WRITE_SYSREG(TPIDR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(SP_EL0, 0);
    TWOFOLD_WRITE_SYSREG(SP_EL1, 0);
    TWOFOLD_WRITE_SYSREG(ELR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(SPSR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(MDSCR_EL1, 0);
    TWOFOLD_WRITE_SYSREG(CNTKCTL_EL1, 0);
    stop_guest_timers();
    // The previous life of this vCPU may have left translations of its stage 1.
    asm volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
    frame = {};
    frame.x[0] = context;
    frame.elr = entry;
    frame.spsr = pstate_reset;
}

void raise_virtual_serror() {
    TWOFOLD_WRITE_SYSREG(HCR_EL2, TWOFOLD_READ_SYSREG(HCR_EL2) | hcr::vse);
    isb();
}

void stop_guest_timers() {
    TWOFOLD_WRITE_SYSREG(CNTV_CTL_EL0, 0);
    TWOFOLD_WRITE_SYSREG(CNTP_CTL_EL0, 0);
    isb();
}

} // namespace twofold::hyp
