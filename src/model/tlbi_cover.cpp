// SPDX-License-Identifier: MIT
// The operands of TLBI IPAS2E1 and RIPAS2E1, field by field.
#include <twofold/model/bits.hpp>
#include <twofold/model/tlbi_cover.hpp>

namespace twofold::model {
namespace {

// TTL[3:2], TG: 01 4K, 10 16K, 11 64K.
std::uint64_t granule_code(Granule granule) {
    return granule == Granule::k4 ? 1 : granule == Granule::k16 ? 2 : 3;
}

// Levels that no hint stands for are reserved, and act as no hint.
bool hint_exists(const Geometry& geometry, std::uint64_t level) {
    switch (geometry.granule()) {
    case Granule::k4:
        return level != 0 || geometry.lpa2();
    case Granule::k16:
        return level >= (geometry.lpa2() ? 1U : 2U);
    case Granule::k64:
        return level != 0;
    }
    return false;
}

// IPA[51:12] in [39:0], TTL in [47:44].
void decode_by_ipa(const CheckerConfig& config, std::uint64_t operand, TlbiCover& cover) {
    cover.start = field(operand, 39, 0) << 12;
    cover.end = cover.start + 1;
    const std::uint64_t granule = field(operand, 47, 46);
    const std::uint64_t level = field(operand, 45, 44);
    cover.well_formed = field(operand, 43, 40) == 0 && field(operand, 63, 48) == 0 &&
                        (config.ttl || field(operand, 47, 44) == 0);
    if (granule == 0) {
        cover.well_formed = cover.well_formed && level == 0;
        return;
    }
    cover.other_granule = granule != granule_code(config.geometry.granule());
    if (hint_exists(config.geometry, level)) {
        cover.level = static_cast<int>(level);
    } else {
        cover.well_formed = false;
    }
}

// BaseADDR [36:0], TTL [38:37], NUM [43:39], SCALE [45:44], TG [47:46].
void decode_by_range(const CheckerConfig& config, std::uint64_t operand, TlbiCover& cover) {
    const unsigned page_bits = granule_bits(config.geometry.granule());
    const std::uint64_t count = (field(operand, 43, 39) + 1) << (5 * field(operand, 45, 44) + 1);
    cover.start = field(operand, 36, 0) << (config.geometry.lpa2() ? 16 : page_bits);
    cover.end = cover.start + (count << page_bits);
    cover.other_granule = field(operand, 47, 46) != granule_code(config.geometry.granule());
    cover.well_formed = config.tlbi_range && field(operand, 47, 46) != 0 &&
                        field(operand, 63, 48) == 0 && (config.ttl || field(operand, 38, 37) == 0);
    const std::uint64_t level = field(operand, 38, 37);
    if (level != 0 && hint_exists(config.geometry, level)) {
        cover.level = static_cast<int>(level);
        // UNPREDICTABLE unless the base is aligned to what an entry of the level covers.
        const unsigned entry = page_bits + (page_bits - 3) * static_cast<unsigned>(3 - level);
        cover.well_formed = cover.well_formed && low_bits(cover.start, entry) == 0;
    } else if (level != 0) {
        cover.well_formed = false;
    }
}

} // namespace

TlbiCover decode_tlbi(const CheckerConfig& config, const TlbiOperation& operation) {
    TlbiCover cover{.kind = operation.kind,
                    .local = operation.scope == InvalidationScope::local,
                    .last_level = operation.last_level,
                    .nxs = operation.nxs};
    if (operation.kind == TlbiKind::ipas2) {
        decode_by_ipa(config, operation.operand, cover);
    } else if (operation.kind == TlbiKind::ripas2) {
        decode_by_range(config, operation.operand, cover);
    } else {
        cover.well_formed = operation.operand == 0 && !operation.last_level;
    }
    cover.well_formed = cover.well_formed && (config.xs || !operation.nxs);
    return cover;
}

} // namespace twofold::model
