// SPDX-License-Identifier: MIT
// The fields that a guest sees are listed; a field that this list does not know reads as zero,
// which means "not implemented" for every field left out here.
#include "guest/id_registers.hpp"

#include <twofold/arch/cpu_features.hpp>

#include <algorithm>

namespace twofold::hyp {

namespace {

// A mask with nibble n set for each n given: fields are four bits wide.
template <typename... Nibbles>
constexpr std::uint64_t fields(Nibbles... nibbles) {
    return ((std::uint64_t{0xf} << (4 * nibbles)) | ...);
}

struct Rule {
    unsigned crm = 0;
    unsigned op2 = 0;
    std::uint64_t shown = 0;
    std::uint64_t one_at_most = 0; // of the shown fields: cut to 1
};

constexpr std::uint64_t everything = ~std::uint64_t{0};

constexpr Rule rules[] = {
    // AArch32, for EL0 programs: ID_PFR0 without RAS and AMU, ID_PFR1 without EL2, EL3 and timer
    // extensions, ID_DFR0 without the PMU and trace
    {1, 0, fields(0, 1, 2, 3, 4, 6)},
    {1, 1, fields(0, 2, 4, 7), fields(7)},
    {1, 2, fields(0, 1, 2)},
    {1, 4, everything}, // ID_MMFR0..3
    {1, 5, everything},
    {1, 6, everything},
    {1, 7, everything},
    {2, 0, everything}, // ID_ISAR0..5
    {2, 1, everything},
    {2, 2, everything},
    {2, 3, everything},
    {2, 4, everything},
    {2, 5, everything},
    {2, 6, everything}, // ID_MMFR4
    {2, 7, everything}, // ID_ISAR6
    {3, 0, everything}, // MVFR0..2
    {3, 1, everything},
    {3, 2, everything},
    {3, 4, fields(0, 1)}, // ID_PFR2: CSV3, SSBS
    // ID_AA64PFR0: EL0, EL1 in AArch64 only, FP, AdvSIMD, GIC as v3, DIT, CSV2 without its
    // registers, CSV3
    {4, 0, fields(0, 1, 4, 5, 6, 12, 14, 15), fields(1, 6, 14)},
    {4, 1, fields(0, 1)}, // ID_AA64PFR1: BT, SSBS
    // ID_AA64DFR0: DebugVer, BRPs, WRPs, CTX_CMPs, DoubleLock
    {5, 0, fields(0, 3, 5, 7, 9)},
    // ID_AA64ISAR0 without TME
    {6, 0, everything & ~fields(6)},
    // ID_AA64ISAR1: DPB, APA, API, JSCVT, FCMA, LRCPC, GPA, GPI, FRINTTS, SB, SPECRES, BF16, DGH,
    // I8MM; not XS and LS64, which need HCRX_EL2
    {6, 1, fields(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)},
    // ID_AA64ISAR2: WFxT, RPRES, GPA3, APA3, BC, PAC_frac, CLRBHB
    {6, 2, fields(0, 1, 2, 3, 5, 6, 7)},
    // ID_AA64MMFR0: PARange, ASIDBits, BigEnd, SNSMem, BigEndEL0, TGran16, TGran64, TGran4
    {7, 0, fields(0, 1, 2, 3, 4, 5, 6, 7)},
    // ID_AA64MMFR1: HAFDBS, HPDS, PAN, SpecSEI, ETS, AFP, nTLBPA
    {7, 1, fields(0, 3, 5, 6, 9, 11, 12)},
    // ID_AA64MMFR2: CnP, UAO, LSM, VARange, CCIDX, ST, AT, IDS, TTL, BBM, E0PD
    {7, 2, fields(0, 1, 2, 4, 5, 7, 8, 9, 12, 13, 15)},
};

std::uint64_t cut_to_one(std::uint64_t value, std::uint64_t which) {
    for (unsigned nibble = 0; nibble < 16; ++nibble) {
        const std::uint64_t field = fields(nibble);
        if ((which & field) != 0 && (value & field) != 0)
            value = (value & ~field) | std::uint64_t{1} << (4 * nibble);
    }
    return value;
}

// PARange: no more than what covers the guest's address space.
std::uint64_t bound_pa_range(std::uint64_t value, unsigned ipa_bits) {
    std::uint64_t range = 0;
    while (range < 6 && pa_bits_of(range) < ipa_bits)
        ++range;
    return id::pa_range::set(value, std::min(range, id::pa_range::get(value)));
}

} // namespace

std::uint64_t guest_id_register(unsigned crm, unsigned op2, std::uint64_t raw, unsigned ipa_bits) {
    for (const Rule& rule : rules) {
        if (rule.crm != crm || rule.op2 != op2)
            continue;
        const std::uint64_t value = cut_to_one(raw & rule.shown, rule.one_at_most);
        return crm == 7 && op2 == 0 ? bound_pa_range(value, ipa_bits) : value;
    }
    return 0;
}

} // namespace twofold::hyp
