// SPDX-License-Identifier: MIT
// VTCR_EL2, VTTBR_EL2 and HCR_EL2 as a walk understands them.
#include <twofold/model/bits.hpp>
#include <twofold/model/walk_parameters.hpp>

#include <algorithm>

namespace twofold::model {

namespace {

// PS: bits of an output address.
unsigned ps_bits(unsigned ps) {
    constexpr unsigned sizes[] = {32, 36, 40, 42, 44, 48, 52, 56};
    return sizes[ps & 7];
}

// The most bits that a 64-bit descriptor can give out. 52 needs the 64K granule, or LPA2 and DS.
bool reaches_52_bits(const WalkConfig& config, const WalkParameters& parameters) {
    if (!config.lpa) {
        return false;
    }
    return parameters.granule == WalkGranule::k64 || config.lpa2;
}

unsigned levels_below_start(const WalkParameters& parameters) {
    return static_cast<unsigned>(3 - start_level(parameters));
}

// Bits that the levels below the start level resolve, with the page.
unsigned resolved_below_start(const WalkParameters& parameters) {
    return levels_below_start(parameters) * parameters.stride + parameters.granule_bits;
}

} // namespace

Shareability decode_shareability(std::uint64_t sh) {
    switch (sh) {
    case 0:
        return Shareability::non_shareable;
    case 3:
        return Shareability::inner;
    default:
        return Shareability::outer;
    }
}

WalkParameters decode_parameters(const WalkConfig& config) {
    WalkParameters p;
    const bool tge = bit(config.hcr, 27);
    p.enabled = bit(config.hcr, 0) || bit(config.hcr, 12); // VM, DC
    p.protected_walks = bit(config.hcr, 2) && !tge;        // PTW
    p.data_cached = !bit(config.hcr, 32);                  // CD
    p.fetch_cached = !bit(config.hcr, 33);                 // ID
    p.fwb = config.fwb && bit(config.hcr, 46);

    p.t0sz = static_cast<unsigned>(field(config.vtcr, 5, 0));
    p.shareability = decode_shareability(field(config.vtcr, 13, 12)); // SH0
    switch (field(config.vtcr, 15, 14)) {                             // TG0
    case 1:
        p.granule = WalkGranule::k64;
        p.granule_bits = 16;
        break;
    case 2:
        p.granule = WalkGranule::k16;
        p.granule_bits = 14;
        break;
    default:
        p.granule = WalkGranule::k4;
        p.granule_bits = 12;
        break;
    }
    p.stride = p.granule_bits - 3;
    p.ps = static_cast<unsigned>(field(config.vtcr, 18, 16));
    p.ds = bit(config.vtcr, 32) && config.lpa2 && p.granule != WalkGranule::k64;

    // SL2 counts only for 4K with DS.
    const bool sl2 = bit(config.vtcr, 33) && p.ds && p.granule == WalkGranule::k4;
    p.start_level_code = static_cast<unsigned>(field(config.vtcr, 7, 6)) | (sl2 ? 4U : 0U);

    p.access_flag_updates = config.hafdbs && bit(config.vtcr, 21);   // HA
    p.dirty_updates = p.access_flag_updates && bit(config.vtcr, 22); // HD
    p.table_access_flag = config.haft && p.access_flag_updates && bit(config.vtcr, 44);
    p.indirect_permissions = config.s2pie && bit(config.vtcr, 36);
    return p;
}

unsigned min_t0sz(const WalkConfig& config, const WalkParameters& parameters) {
    const bool only_48 = config.lpa && parameters.granule != WalkGranule::k64 && !parameters.ds;
    return 64 - std::min(only_48 ? 48U : 52U, config.pa_max);
}

unsigned max_t0sz(const WalkConfig& config, const WalkParameters& parameters) {
    if (!config.ttst) {
        return 39;
    }
    return parameters.granule == WalkGranule::k64 ? 47 : 48;
}

bool settle_t0sz(const WalkConfig& config, WalkParameters& parameters) {
    const unsigned low = min_t0sz(config, parameters);
    const unsigned high = max_t0sz(config, parameters);
    if (parameters.t0sz < low && (config.lpa || config.choices.txsz_low_faults)) {
        return false;
    }
    if (parameters.t0sz > high && config.choices.txsz_high_faults) {
        return false;
    }
    parameters.t0sz = std::clamp(parameters.t0sz, low, high);
    return true;
}

int start_level(const WalkParameters& parameters) {
    if (parameters.granule == WalkGranule::k4) {
        constexpr int levels[] = {2, 1, 0, 3, -1, -1, -1, -1};
        return levels[parameters.start_level_code & 7];
    }
    return 3 - static_cast<int>(parameters.start_level_code & 3);
}

bool invalid_start_level(const WalkConfig& config, const WalkParameters& parameters) {
    switch (parameters.granule) {
    case WalkGranule::k4:
        switch (parameters.start_level_code) {
        case 0:
        case 1:
        case 4:
            return false;
        case 2:
            return config.pa_max < 44;
        case 3:
            return !config.ttst;
        default:
            return true;
        }
    case WalkGranule::k16:
        switch (parameters.start_level_code) {
        case 2:
            return config.pa_max < 42;
        case 3:
            return !parameters.ds;
        default:
            return false;
        }
    case WalkGranule::k64:
        switch (parameters.start_level_code) {
        case 2:
            return config.pa_max < 44;
        case 3:
            return true;
        default:
            return false;
        }
    }
    return true;
}

bool inconsistent_start_level(const WalkParameters& parameters) {
    // At least two entries, and at most sixteen tables side by side.
    const unsigned below = resolved_below_start(parameters);
    const unsigned least = below + 1;
    const unsigned most = below + parameters.stride + 4;
    return parameters.ipa_bits() < least || parameters.ipa_bits() > most;
}

std::uint64_t table_base(const WalkConfig& config, const WalkParameters& parameters) {
    // log2 of the bytes of the start table, concatenated tables included.
    const unsigned size_bits = parameters.ipa_bits() - resolved_below_start(parameters) + 3;
    const bool wide_64k =
        parameters.granule == WalkGranule::k64 && config.lpa && parameters.ps == 6;
    if (parameters.ds || wide_64k) {
        // BADDR[51:48] sits in VTTBR [5:2], so the table is aligned to 64 bytes at least.
        const std::uint64_t base =
            (field(config.vttbr, 5, 2) << 48) | (field(config.vttbr, 47, 6) << 6);
        return clear_low_bits(base, size_bits);
    }
    return clear_low_bits(field(config.vttbr, 47, 1) << 1, size_bits);
}

unsigned output_bits(const WalkConfig& config, const WalkParameters& parameters) {
    const unsigned most = reaches_52_bits(config, parameters) ? 52 : 48;
    return std::min({ps_bits(parameters.ps), most, config.pa_max});
}

unsigned leaf_bits(const WalkParameters& parameters, int level) {
    return parameters.granule_bits + static_cast<unsigned>(3 - level) * parameters.stride;
}

} // namespace twofold::model
