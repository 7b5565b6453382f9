// SPDX-License-Identifier: MIT
// Which granules a dump can have.
#include "tools/kvm/kvm_granule.hpp"

#include "tools/cpu/known_cpu.hpp"

#include <twofold/arch/geometry.hpp>

#include <algorithm>
#include <vector>

namespace twofold::tool {

namespace {

// KVM takes as few levels as there can be, and two at least.
bool levels_fit(const KvmDump& dump, Granule granule) {
    if (!dump.ipa_bits || !dump.levels) {
        return true;
    }
    const CpuFeatures features = CpuFeatures::from(known_cpus().front().registers);
    const bool wide = *dump.ipa_bits > 48 && granule != Granule::k64;
    const auto geometry =
        Geometry::make(features, {.granule = granule, .ipa_bits = *dump.ipa_bits, .lpa2 = wide});
    return geometry && std::max(2U, geometry->levels()) == *dump.levels;
}

bool alignment_fits(const KvmDump& dump, Granule granule) {
    return std::ranges::all_of(dump.runs, [granule](const KvmRun& run) {
        const std::uint64_t entry = std::uint64_t{1} << level_shift(granule, run.level);
        return run.start.is_aligned(entry) && run.end.is_aligned(entry);
    });
}

} // namespace

GranuleGuess guess_granule(const KvmDump& dump) {
    std::vector<Granule> possible;
    for (const Granule granule : all_granules) {
        if (levels_fit(dump, granule) && alignment_fits(dump, granule)) {
            possible.push_back(granule);
        }
    }
    if (possible.empty()) { // whatever is wrong with it, levels are right more often
        for (const Granule granule : all_granules) {
            if (levels_fit(dump, granule)) {
                return {granule, false};
            }
        }
        return {Granule::k4, false};
    }
    return {possible.front(), possible.size() == 1};
}

} // namespace twofold::tool
