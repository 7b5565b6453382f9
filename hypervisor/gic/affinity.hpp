// SPDX-License-Identifier: MIT
// Affinities: in the layout of MPIDR_EL1 and GICD_IROUTER, of GICR_TYPER, and as the targets of an
// SGI in ICC_SGI1R_EL1.
#pragma once

#include <twofold/arch/field.hpp>

#include <cstdint>

namespace twofold::hyp {

inline constexpr std::uint64_t affinity_mask = 0xff'00ff'ffff; // Aff3, Aff2, Aff1, Aff0

constexpr std::uint64_t affinity_of(std::uint64_t mpidr) { return mpidr & affinity_mask; }

// GICR_TYPER [63:32]
constexpr std::uint32_t packed_affinity(std::uint64_t affinity) {
    return static_cast<std::uint32_t>((Field<39, 32>::get(affinity) << 24) |
                                      Field<23, 0>::get(affinity));
}

struct SgiTargets {
    using Affinity3 = Field<55, 48>;
    using Range = Field<47, 44>;  // RS: which 16 values of Aff0 the list is about
    using AllButSelf = Field<40>; // IRM
    using Affinity2 = Field<39, 32>;
    using Interrupt = Field<27, 24>;
    using Affinity1 = Field<23, 16>;
    using List = Field<15, 0>;

    static constexpr std::uint64_t make(std::uint64_t affinity, unsigned intid) {
        const std::uint64_t affinity0 = Field<7, 0>::get(affinity);
        return Affinity3::of(Field<39, 32>::get(affinity)) | Range::of(affinity0 / 16) |
               Affinity2::of(Field<23, 16>::get(affinity)) | Interrupt::of(intid) |
               Affinity1::of(Field<15, 8>::get(affinity)) |
               List::of(std::uint64_t{1} << (affinity0 % 16));
    }

    // Whether a list (IRM = 0) names the affinity.
    static constexpr bool name(std::uint64_t value, std::uint64_t affinity) {
        const std::uint64_t affinity0 = Field<7, 0>::get(affinity);
        return Affinity3::get(value) == Field<39, 32>::get(affinity) &&
               Affinity2::get(value) == Field<23, 16>::get(affinity) &&
               Affinity1::get(value) == Field<15, 8>::get(affinity) &&
               Range::get(value) == affinity0 / 16 &&
               ((List::get(value) >> (affinity0 % 16)) & 1) != 0;
    }
};

} // namespace twofold::hyp
