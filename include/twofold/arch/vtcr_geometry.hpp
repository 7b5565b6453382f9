// SPDX-License-Identifier: MIT
// geometry_of: the shape of the table that a value of VTCR_EL2 describes, on a given CPU.
#pragma once

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/arch/vtcr.hpp>

#include <algorithm>
#include <cstdint>
#include <expected>
#include <optional>

namespace twofold {

namespace vtcr_geometry {

// [15:14] TG0; 0b11 is reserved.
constexpr std::optional<Granule> granule_of(Vtcr vtcr) {
    for (const Granule granule : all_granules) {
        if (Vtcr::tg0::get(vtcr.value) == tg0_of(granule)) {
            return granule;
        }
    }
    return std::nullopt;
}

// AArch64.S2StartLevel. SL2 counts with LPA2 and the 4K granule only.
constexpr std::optional<Level> initial_level_of(Vtcr vtcr, Granule granule, bool lpa2) {
    const bool sl2 = granule == Granule::k4 && lpa2 && Vtcr::sl2::is_set(vtcr.value);
    const std::uint64_t code = Vtcr::sl0::get(vtcr.value) | (sl2 ? 4U : 0U);
    for (Level level = granule == Granule::k4 ? -1 : 0; level <= page_level; ++level) {
        if (geometry_rules::start_level_encoding(granule, level) == code) {
            return level;
        }
    }
    return std::nullopt;
}

} // namespace vtcr_geometry

// Fields that a CPU does not look at count as it takes them: DS without LPA2, SL2 without DS, more
// output bits than the CPU or the descriptor format has. What a walk would fault on at once, and
// what is reserved, is the error that Geometry::make has for it.
constexpr std::expected<Geometry, Error> geometry_of(const CpuFeatures& features, Vtcr vtcr) {
    const auto granule = vtcr_geometry::granule_of(vtcr);
    if (!granule) {
        return std::unexpected(Error::granule_not_supported);
    }
    const bool lpa2 = Vtcr::ds::is_set(vtcr.value) && features.has_lpa2(*granule);
    const auto level = vtcr_geometry::initial_level_of(vtcr, *granule, lpa2);
    if (!level) {
        return std::unexpected(Error::initial_level_not_supported);
    }
    return Geometry::make(
        features, {.granule = *granule,
                   .ipa_bits = vtcr.ipa_bits(),
                   .pa_bits = std::min(pa_bits_of(Vtcr::ps::get(vtcr.value)),
                                       geometry_rules::max_pa_bits(features, *granule, lpa2)),
                   .lpa2 = lpa2,
                   .initial_level = level});
}

} // namespace twofold
