// SPDX-License-Identifier: MIT
// The values of ICH_LR<n>_EL2 and the fields of ICH_HCR_EL2, ICH_VTR_EL2 and ICH_VMCR_EL2 in use.
#pragma once

#include <twofold/arch/field.hpp>

#include <cstdint>

namespace twofold::hyp {

struct ListRegister {
    using State = Field<63, 62>;
    using Pending = Field<62>;
    using Active = Field<63>;
    using Hardware = Field<61>;
    using Group = Field<60>;
    using Priority = Field<55, 48>;
    using PhysicalId = Field<44, 32>; // with Hardware = 1
    using EndOfInterrupt = Field<41>; // with Hardware = 0: maintenance interrupt when inactive
    using VirtualId = Field<31, 0>;

    std::uint64_t value = 0;

    constexpr bool pending() const { return Pending::is_set(value); }
    constexpr bool active() const { return Active::is_set(value); }
};

namespace ich_hcr {
using Enable = Field<0>;          // En
using NoPending = Field<3>;       // NPIE: maintenance interrupt when nothing pending is listed
using EntryNotPresent = Field<2>; // LRENPIE: ... when EOIcount is not 0
using TrapDeactivate = Field<14>; // TDIR
using EndCount = Field<31, 27>;   // EOIcount
} // namespace ich_hcr

namespace ich_vtr {
using ListRegs = Field<4, 0>;            // number minus one
using TrapDeactivateSupport = Field<19>; // TDS
} // namespace ich_vtr

namespace ich_vmcr {
using EndMode = Field<9>; // VEOIM: end of interrupt and deactivation are split
} // namespace ich_vmcr

} // namespace twofold::hyp
