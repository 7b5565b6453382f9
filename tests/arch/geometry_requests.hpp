// SPDX-License-Identifier: MIT
// The CPUs and requests that the tests of Geometry walk through.
#pragma once

#include "reference_tables.hpp"

#include <string>

namespace reference {

using namespace twofold;

inline std::string describe(const CpuFeatures& f, const GeometryRequest& r) {
    return "granule " + std::to_string(granule_row(r.granule).bytes / 1024) + "K IPA " +
           std::to_string(r.ipa_bits) + " PAMax " + std::to_string(f.pa_bits) + " PA " +
           std::to_string(r.pa_bits) + (r.lpa2 ? " DS" : "") +
           (f.has_lpa2(r.granule) ? " cpu-lpa2" : "") + (f.ttst ? " ttst" : "") +
           (f.has(r.granule) ? "" : " no-granule") +
           (r.prefer == Prefer::fewest_levels ? " fewest-levels" : " fewest-roots") +
           (r.initial_level ? " level " + std::to_string(*r.initial_level) : "");
}

template <class Visit>
void every_cpu(Granule granule, Visit visit) {
    for (const auto& pa : pa_rows) {
        for (unsigned bits = 0; bits < 8; ++bits) {
            CpuFeatures f;
            f.pa_bits = pa.bits;
            const bool lpa2 = (bits & 1) != 0;
            const bool present = (bits & 4) != 0;
            f.ttst = (bits & 2) != 0;
            // The other granules are the opposite, so that asking for the wrong one is seen.
            f.granule_4k = (granule == Granule::k4) == present;
            f.granule_16k = (granule == Granule::k16) == present;
            f.granule_64k = (granule == Granule::k64) == present;
            f.lpa2_4k = (granule == Granule::k4) == lpa2;
            f.lpa2_16k = (granule == Granule::k16) == lpa2;
            visit(f);
        }
    }
}

// Each legal geometry once or more, with the largest output size.
template <class Visit>
void every_geometry(Visit visit) {
    for (const Granule granule : granules) {
        every_cpu(granule, [&](const CpuFeatures& f) {
            GeometryRequest r;
            r.granule = granule;
            for (r.ipa_bits = 16; r.ipa_bits <= 52; ++r.ipa_bits) {
                for (const bool lpa2 : {false, true}) {
                    r.lpa2 = lpa2;
                    for (Level level = -1; level <= 3; ++level) {
                        r.initial_level = level;
                        if (const auto g = Geometry::make(f, r)) {
                            visit(f, r, *g);
                        }
                    }
                }
            }
        });
    }
}

} // namespace reference
