// SPDX-License-Identifier: MIT
// The state at the start, and what the ID registers promise.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "report.hpp"

namespace twofold::payload {

namespace {

constexpr unsigned field(std::uint64_t value, unsigned low) { return (value >> low) & 0xf; }

} // namespace

void case_boot(Machine& machine) {
    expect("CurrentEL", TWOFOLD_READ_SYSREG(CurrentEL), 1 << 2);
    expect("DAIF", boot_state.daif, 0x3c0);
    expect("tree's alignment", boot_state.tree % 8, 0);
    if (!machine.memory.contains(machine.tree.start) ||
        !machine.memory.contains(machine.tree.end() - 1))
        fail("the tree is outside memory: {:#x}", machine.tree.start);
    expect("image", machine.image.start, machine.memory.start);
    expect("MPIDR", TWOFOLD_READ_SYSREG(MPIDR_EL1) & 0xff00ffffff, machine.mpidrs[0]);
}

void case_identification(Machine& machine) {
    const std::uint64_t pfr0 = TWOFOLD_READ_SYSREG(ID_AA64PFR0_EL1);
    expect("EL0 in AArch64", field(pfr0, 0) >= 1, 1);
    expect("EL1", field(pfr0, 4), 1);
    expect("EL2", field(pfr0, 8), 0);
    expect("EL3", field(pfr0, 12), 0);
    expect("GIC", field(pfr0, 24), 1);
    expect("RAS", field(pfr0, 28), 0);
    expect("SVE", field(pfr0, 32), 0);
    expect("MPAM", field(pfr0, 40), 0);
    expect("AMU", field(pfr0, 44), 0);
    const std::uint64_t pfr1 = TWOFOLD_READ_SYSREG(ID_AA64PFR1_EL1);
    expect("MTE", field(pfr1, 8), 0);
    expect("SME", field(pfr1, 24), 0);
    expect("ID_AA64ZFR0_EL1", TWOFOLD_READ_SYSREG(S3_0_C0_C4_4), 0);
    expect("ID_AA64SMFR0_EL1", TWOFOLD_READ_SYSREG(S3_0_C0_C4_5), 0);
    expect("unallocated ID register", TWOFOLD_READ_SYSREG(S3_0_C0_C7_7), 0);
    const std::uint64_t dfr0 = TWOFOLD_READ_SYSREG(ID_AA64DFR0_EL1);
    expect("TraceVer", field(dfr0, 4), 0);
    expect("PMUVer", field(dfr0, 8), 0);
    expect("PMSVer", field(dfr0, 32), 0);
    expect("TraceFilt", field(dfr0, 40), 0);
    expect("TraceBuffer", field(dfr0, 44), 0);
    const std::uint64_t mmfr0 = TWOFOLD_READ_SYSREG(ID_AA64MMFR0_EL1);
    expect("TGran16_2", field(mmfr0, 32), 0);
    expect("FGT", field(mmfr0, 56), 0);
    expect("ECV", field(mmfr0, 60), 0);
    constexpr unsigned pa_bits[] = {32, 36, 40, 42, 44, 48, 52};
    if (field(mmfr0, 0) > 6 ||
        (field(mmfr0, 0) > 0 && pa_bits[field(mmfr0, 0) - 1] >= machine.ipa_bits()))
        fail("PARange {} is more than {} bits need", field(mmfr0, 0), machine.ipa_bits());
    const std::uint64_t mmfr1 = TWOFOLD_READ_SYSREG(ID_AA64MMFR1_EL1);
    expect("VMIDBits", field(mmfr1, 4), 0);
    expect("VH", field(mmfr1, 8), 0);
    expect("LO", field(mmfr1, 16), 0);
    expect("XNX", field(mmfr1, 28), 0);
    expect("HCX", field(mmfr1, 40), 0);
    const std::uint64_t mmfr2 = TWOFOLD_READ_SYSREG(ID_AA64MMFR2_EL1);
    expect("NV", field(mmfr2, 24), 0);
    expect("FWB", field(mmfr2, 40), 0);
}

} // namespace twofold::payload
