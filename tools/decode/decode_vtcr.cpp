// SPDX-License-Identifier: MIT
// VTCR_EL2, with what a CPU makes of it.
#include "tools/decode/decode.hpp"
#include "tools/layout/vtcr_words.hpp"
#include "tools/text/size.hpp"

#include <twofold/arch/vtcr_geometry.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace twofold::tool {

namespace {

// [63:45], [43:42], [39], [24:23], [20]
constexpr std::uint64_t res0 =
    bit_mask(63, 45) | bit_mask(43, 42) | bit_mask(39, 39) | bit_mask(24, 23) | bit_mask(20, 20);

// The input sizes that an initial level resolves: "31 to 43 bits".
std::string sizes_of(Granule granule, Level level) {
    unsigned least = 64;
    unsigned most = 0;
    for (unsigned bits = 1; bits < 64; ++bits) {
        if (geometry_rules::level_consistent(granule, bits, level)) {
            least = std::min(least, bits);
            most = bits;
        }
    }
    return fmt::format("{} to {} bits", least, most);
}

void check_shape(Decoded& decoded, Vtcr vtcr, const CpuFeatures& features) {
    const auto granule = vtcr_geometry::granule_of(vtcr);
    if (!granule) {
        decoded.problems.emplace_back("TG0 = 3 is reserved: the CPU takes a granule of its choice");
        return;
    }
    const auto geometry = geometry_of(features, vtcr);
    if (geometry) {
        decoded.notes.push_back(fmt::format("the root: {}, {}, aligned to its size",
                                            counted(geometry->root_tables(), "table"),
                                            size_words(geometry->root_bytes())));
        return;
    }
    const bool lpa2 = Vtcr::ds::is_set(vtcr.value) && features.has_lpa2(*granule);
    const auto level = vtcr_geometry::initial_level_of(vtcr, *granule, lpa2);
    const std::uint64_t sl0 = Vtcr::sl0::get(vtcr.value);
    std::string problem;
    if (!level) {
        problem = fmt::format("SL2:SL0 is reserved with the {} granule", granule_words(*granule));
    } else if (geometry.error() == Error::initial_level_inconsistent) {
        problem = fmt::format("SL0 = {} is inconsistent with T0SZ = {}: a table that begins at "
                              "level {} resolves {}, not {}",
                              sl0, Vtcr::t0sz::get(vtcr.value), *level, sizes_of(*granule, *level),
                              vtcr.ipa_bits());
    } else {
        problem = to_string(geometry.error());
    }
    decoded.problems.push_back(problem + "; every access is a translation fault at level 0");
}

void check_output(Decoded& decoded, Vtcr vtcr, const CpuFeatures& features) {
    const std::uint64_t ps = Vtcr::ps::get(vtcr.value);
    const auto granule = vtcr_geometry::granule_of(vtcr);
    const unsigned bits = pa_bits_of(ps);
    const bool lpa2 = granule && Vtcr::ds::is_set(vtcr.value) && features.has_lpa2(*granule);
    const unsigned most =
        granule ? geometry_rules::max_pa_bits(features, *granule, lpa2) : features.pa_bits;
    if (ps == Vtcr::ps::max && !features.d128) {
        decoded.problems.push_back(
            fmt::format("PS = 7 is reserved without FEAT_D128; it acts as {} bits", most));
    } else if (bits > features.pa_bits) {
        decoded.problems.push_back(fmt::format("PS = {} asks for {} bits, and the CPU has {}: it "
                                               "acts as {} bits",
                                               ps, bits, features.pa_bits, most));
    } else if (bits > most) {
        decoded.problems.push_back(fmt::format(
            "PS = {} asks for {} bits, and descriptors hold {} without LPA2 (VTCR_EL2.DS)", ps,
            bits, most));
    }
}

// Fields that do nothing on this CPU, or without another one.
void check_features(Decoded& decoded, Vtcr vtcr, const CpuFeatures& features) {
    const std::uint64_t v = vtcr.value;
    const auto wrong = [&decoded](bool set, std::string_view text) {
        if (set) {
            decoded.problems.emplace_back(text);
        }
    };
    const auto granule = vtcr_geometry::granule_of(vtcr);
    const bool ds = Vtcr::ds::is_set(v);
    wrong(!Vtcr::res1::is_set(v), "[31] clear: RES1");
    wrong(Vtcr::sh0::get(v) == 0b01, "SH0 = 1 is reserved");
    wrong(Vtcr::ha::is_set(v) && !features.access_flag,
          "HA is set, and the CPU does not set access flags (FEAT_HAFDBS)");
    wrong(Vtcr::hd::is_set(v) && !features.dirty_state,
          "HD is set, and the CPU does not track dirty state (FEAT_HAFDBS)");
    wrong(Vtcr::hd::is_set(v) && !Vtcr::ha::is_set(v), "HD counts only with HA");
    wrong(Vtcr::haft::is_set(v) && !features.haft,
          "HAFT is set, and the CPU does not set access flags of tables (FEAT_HAFT)");
    wrong(Vtcr::haft::is_set(v) && !Vtcr::ha::is_set(v), "HAFT counts only with HA");
    wrong(Vtcr::vs::is_set(v) && !features.vmid16,
          "VS is set, and the CPU has 8-bit VMIDs (FEAT_VMID16)");
    if (granule) {
        wrong(ds && *granule == Granule::k64, to_string(Error::lpa2_not_for_64k));
        wrong(ds && *granule != Granule::k64 && !features.has_lpa2(*granule),
              to_string(Error::lpa2_not_supported));
        wrong(Vtcr::sl2::is_set(v) &&
                  (*granule != Granule::k4 || !ds || !features.has_lpa2(*granule)),
              "SL2 counts only with LPA2 and the 4K granule");
    }
    wrong(Vtcr::d128::is_set(v) && !features.d128,
          "D128 is set, and the CPU has no 128-bit descriptors at stage 2 (FEAT_D128)");
    wrong(Vtcr::s2pie::is_set(v) && !features.s2pie,
          "S2PIE is set, and the CPU has no indirect permissions at stage 2 (FEAT_S2PIE)");
}

} // namespace

Decoded decode_vtcr(std::uint64_t value, const CpuFeatures& features) {
    const Vtcr vtcr{value};
    Decoded decoded{.name = "VTCR_EL2",
                    .value = value,
                    .summary = fmt::format("{}", fmt::join(vtcr_summary(vtcr), ", ")),
                    .fields = vtcr_words(vtcr),
                    .problems = {},
                    .notes = {}};
    check_shape(decoded, vtcr, features);
    check_output(decoded, vtcr, features);
    check_features(decoded, vtcr, features);
    decoded.check_res0(res0);
    return decoded;
}

} // namespace twofold::tool
