// SPDX-License-Identifier: MIT
// A CPU and a geometry of it, as the fuzzer's bytes choose them.
#pragma once

#include "byte_choices.hpp"

#include <twofold/arch.hpp>

#include <array>
#include <optional>
#include <vector>

namespace twofold::fuzz {

// FEAT_BBM, FEAT_XS and so on are chosen freely, but what the architecture ties together is kept.
inline CpuFeatures choose_features(ByteChoices& choices) {
    constexpr std::array<unsigned, 7> widths = {52, 48, 44, 42, 40, 36, 32};
    CpuFeatures f;
    f.pa_bits = widths[choices.below(widths.size())];
    f.granule_4k = f.granule_16k = f.granule_64k = true;
    f.lpa2_4k = f.lpa2_16k = f.pa_bits == 52 && choices.flag();
    f.ttst = choices.flag();
    f.xnx = choices.flag();
    f.access_flag = choices.flag();
    f.dirty_state = f.access_flag && choices.flag();
    f.vmid16 = choices.flag();
    f.fwb = choices.flag();
    f.ttl = choices.flag();
    f.bbm = static_cast<unsigned>(choices.below(3));
    f.tlbi_range = choices.flag();
    f.xs = choices.flag();
    f.lse = choices.flag();
    return f;
}

// One of all geometries of the CPU with some granule and format; there is always one.
inline Geometry choose_geometry(ByteChoices& choices, const CpuFeatures& features) {
    const Granule granule = all_granules[choices.below(std::size(all_granules))];
    const bool lpa2 = features.has_lpa2(granule) && choices.flag();
    std::vector<Geometry> all;
    for (unsigned ipa_bits = 16; ipa_bits <= 52; ++ipa_bits) {
        for (Level level = -1; level <= page_level; ++level) {
            const auto g = Geometry::make(
                features,
                {.granule = granule, .ipa_bits = ipa_bits, .lpa2 = lpa2, .initial_level = level});
            if (g) {
                all.push_back(*g);
            }
        }
    }
    return all[choices.below(all.size())];
}

} // namespace twofold::fuzz
