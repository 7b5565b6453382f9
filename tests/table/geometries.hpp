// SPDX-License-Identifier: MIT
// Every geometry that a CPU with all features can have, and that CPU.
#pragma once

#include <twofold/arch.hpp>
#include <twofold/model/walk_config.hpp>

#include <string>
#include <vector>

namespace twofold::test {

inline CpuFeatures full_features() {
    CpuFeatures f;
    f.pa_bits = 52;
    f.granule_4k = f.granule_16k = f.granule_64k = true;
    f.lpa2_4k = f.lpa2_16k = true;
    f.ttst = f.xnx = f.access_flag = f.dirty_state = f.vmid16 = f.fwb = f.ttl = true;
    f.tlbi_range = true;
    return f;
}

inline std::vector<Geometry> every_geometry(const CpuFeatures& features) {
    std::vector<Geometry> all;
    for (const Granule granule : all_granules) {
        for (const bool lpa2 : {false, true}) {
            for (unsigned ipa_bits = 16; ipa_bits <= 52; ++ipa_bits) {
                for (Level level = -1; level <= page_level; ++level) {
                    const auto g = Geometry::make(features, {.granule = granule,
                                                             .ipa_bits = ipa_bits,
                                                             .lpa2 = lpa2,
                                                             .initial_level = level});
                    if (g) {
                        all.push_back(*g);
                    }
                }
            }
        }
    }
    return all;
}

inline std::string name_of(const Geometry& g) {
    const char* granules[] = {"4K", "16K", "64K"};
    return std::string{granules[static_cast<int>(g.granule())]} + (g.lpa2() ? " LPA2" : "") +
           " ipa " + std::to_string(g.ipa_bits()) + " from level " +
           std::to_string(g.initial_level());
}

// The walker's CPU is the engine's.
inline model::WalkConfig walk_config(const CpuFeatures& f, const Geometry& g, Pa root,
                                     const VtcrOptions& options) {
    return {.vtcr = g.vtcr(options).value,
            .vttbr = Vttbr::make(g, root, 1, f.vmid16)->value,
            .hcr = (std::uint64_t{f.fwb} << 46) | 1,
            .pa_max = f.pa_bits,
            .bbm = f.bbm,
            .lpa = f.lpa(),
            .lpa2 = f.has_lpa2(g.granule()),
            .ttst = f.ttst,
            .xnx = f.xnx,
            .hafdbs = f.dirty_state,
            .fwb = f.fwb};
}

} // namespace twofold::test
