// SPDX-License-Identifier: MIT
// The arithmetic of an exception to EL1.
#include "exceptions/injection.hpp"

namespace twofold::hyp {

namespace {

using mode_el = Field<3, 2>;
using mode_sp = Field<0>;

// SPSR_ELx
using ssbs = Field<12>;
using pan = Field<22>;
using dit = Field<24>;
using tco = Field<25>;
using nzcv = Field<31, 28>;

constexpr std::uint64_t mode_el1h = 0b0101;
constexpr std::uint64_t all_masked = 0xf << 6; // D, A, I, F

// SCTLR_EL1
using span = Field<23>;
using dssbs = Field<44>;
} // namespace

InjectedState enter_el1_exception(const El1Exception& el1, std::uint64_t spsr) {
    std::uint64_t offset = 0;
    if (spsr_el2::aarch32::is_set(spsr))
        offset = 0x600;
    else if (mode_el::get(spsr) == 0)
        offset = 0x400;
    else if (mode_sp::is_set(spsr))
        offset = 0x200;
    std::uint64_t pstate = mode_el1h | all_masked;
    // From AArch32, SPSR bit 24 is J or DIT by version and NZCV lies at the same place.
    pstate |= spsr & (nzcv::mask | pan::mask | dit::mask);
    if (!spsr_el2::aarch32::is_set(spsr))
        pstate |= spsr & tco::mask;
    if (!span::is_set(el1.sctlr))
        pstate |= pan::mask;
    if (dssbs::is_set(el1.sctlr))
        pstate |= ssbs::mask;
    return {.pc = (el1.vbar & ~std::uint64_t{0x7ff}) + offset, .pstate = pstate};
}

std::uint64_t abort_syndrome(std::uint64_t esr, std::uint64_t spsr, std::uint64_t status) {
    const bool instruction = exception_class(esr) == ExceptionClass::instruction_abort_lower;
    const bool from_el0 = spsr_el2::aarch32::is_set(spsr) || mode_el::get(spsr) == 0;
    std::uint64_t ec = instruction ? 0x20 : 0x24;
    if (!from_el0)
        ++ec; // taken without a change of exception level
    // Kept: [10] FnV, [8] CM, [6] WnR. The instruction's details (ISV) are stage 2's only.
    const std::uint64_t kept = instruction ? 1U << 10 : 1U << 10 | 1U << 8 | 1U << 6;
    return ec << 26 | (esr & esr_el2::il::mask) | (esr & kept) | status;
}

} // namespace twofold::hyp
