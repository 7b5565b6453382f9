// SPDX-License-Identifier: MIT
// Geometries for tests, made from a CPU that has everything.
#pragma once

#include <twofold/arch/geometry.hpp>

namespace twofold::test {

inline constexpr CpuFeatures full_cpu{.pa_bits = 52,
                                      .granule_4k = true,
                                      .granule_16k = true,
                                      .granule_64k = true,
                                      .lpa2_4k = true,
                                      .lpa2_16k = true,
                                      .ttst = true};
// Without 52-bit addresses: no blocks of 512 GiB, 64 GiB and 4 TiB.
inline constexpr CpuFeatures narrow_cpu{
    .pa_bits = 48, .granule_4k = true, .granule_16k = true, .granule_64k = true, .ttst = true};

constexpr Geometry geometry(Granule granule, unsigned ipa_bits,
                            Prefer prefer = Prefer::fewest_levels) {
    return Geometry::make(narrow_cpu, {.granule = granule, .ipa_bits = ipa_bits, .prefer = prefer})
        .value();
}

constexpr Geometry wide_geometry(Granule granule, unsigned ipa_bits,
                                 Prefer prefer = Prefer::fewest_levels) {
    return Geometry::make(full_cpu, {.granule = granule,
                                     .ipa_bits = ipa_bits,
                                     .lpa2 = granule != Granule::k64,
                                     .prefer = prefer})
        .value();
}

} // namespace twofold::test
