// SPDX-License-Identifier: MIT
// Geometry: the shape of one stage-2 table. Made once from what the CPU has and what is asked for,
// it is the only thing that knows about initial levels and concatenation. A Geometry that exists is
// legal: every rule of the manual was checked by make().
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/contiguous.hpp>
#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/granule.hpp>
#include <twofold/arch/vtcr.hpp>

#include <cstdint>
#include <expected>
#include <optional>

namespace twofold {

// Where several initial levels can resolve the input size: the lower tree has fewer levels to walk
// and more (up to 16) concatenated tables at its root; the higher tree has the smaller root.
enum class Prefer : std::uint8_t { fewest_levels, fewest_root_pages };

struct GeometryRequest {
    Granule granule = Granule::k4;
    unsigned ipa_bits = 40;
    unsigned pa_bits = 0; // 0: as many as the CPU and the descriptor format have
    bool lpa2 = false;    // VTCR_EL2.DS; for 4K and 16K
    Prefer prefer = Prefer::fewest_levels;
    std::optional<Level> initial_level = {}; // overrides `prefer`
};

// What VTCR_EL2 says beyond the shape of the table.
struct VtcrOptions {
    bool hardware_access_flag = false; // HA
    bool hardware_dirty_state = false; // HD
    bool vmid16 = false;               // VS

    static constexpr VtcrOptions of(const CpuFeatures& features) {
        return {.hardware_access_flag = features.access_flag,
                .hardware_dirty_state = features.dirty_state,
                .vmid16 = features.vmid16};
    }
};

class Geometry {
public:
    // The geometry for a request, or the first rule that it breaks. Follows AArch64.S2MinTxSZ,
    // AArch64.MaxTxSZ, AArch64.S2InvalidSL, AArch64.S2InconsistentSL, AArch64.PhysicalAddressSize.
    static constexpr std::expected<Geometry, Error> make(const CpuFeatures& features,
                                                         const GeometryRequest& request);

    constexpr Granule granule() const { return granule_; }
    constexpr std::uint64_t page_size() const { return std::uint64_t{1} << page_bits_; }
    constexpr unsigned ipa_bits() const { return ipa_bits_; }
    constexpr unsigned pa_bits() const { return pa_bits_; }
    constexpr bool lpa2() const { return lpa2_; }

    constexpr Level initial_level() const { return initial_level_; }
    constexpr unsigned levels() const {
        return static_cast<unsigned>(page_level - initial_level_ + 1);
    }

    // The first IPA that is outside: 2^ipa_bits.
    constexpr std::uint64_t ipa_limit() const { return std::uint64_t{1} << ipa_bits_; }
    constexpr bool contains(Ipa ipa) const { return (ipa.value >> ipa_bits_) == 0; }
    // Whether [ipa, ipa + length) is inside; no wrap-around can make it so.
    constexpr bool contains(Ipa ipa, std::uint64_t length) const {
        return ipa.value <= ipa_limit() && length <= ipa_limit() - ipa.value;
    }
    // Whether [pa, pa + length) fits the output address size.
    constexpr bool fits(Pa pa, std::uint64_t length) const {
        const std::uint64_t limit = std::uint64_t{1} << pa_bits_;
        return pa.value <= limit && length <= limit - pa.value;
    }

    // Bytes that one entry of a level covers, and log2 of it.
    constexpr unsigned shift(Level level) const {
        return page_bits_ + index_bits_ * static_cast<unsigned>(page_level - level);
    }
    constexpr std::uint64_t entry_size(Level level) const {
        return std::uint64_t{1} << shift(level);
    }

    // Entries of the initial level over all concatenated tables, or of one table below it.
    constexpr unsigned entries(Level level) const {
        return level == initial_level_ ? 1U << (ipa_bits_ - shift(level)) : entries_below_root();
    }
    constexpr unsigned entries_below_root() const { return 1U << index_bits_; }
    // Bits of the IPA that one table below the root resolves.
    constexpr unsigned index_bits() const { return index_bits_; }

    // Tables side by side at the initial level: 1, 2, 4, 8 or 16.
    constexpr unsigned root_tables() const {
        const unsigned all = entries(initial_level_);
        return all > entries_below_root() ? all >> index_bits_ : 1;
    }
    // What to allocate for the root, in bytes, aligned to the same (it is a power of two).
    // BADDR needs no more alignment than this.
    constexpr std::uint64_t root_bytes() const { return root_tables() * page_size(); }

    // Which entry of its table translates the IPA; at the initial level, which of all concatenated
    // tables' entries.
    constexpr unsigned index(Ipa ipa, Level level) const {
        return static_cast<unsigned>(ipa.value >> shift(level)) & (entries(level) - 1);
    }

    // Whether an entry of this level may be a page or block (AArch64.BlockDescSupported).
    constexpr bool leaf_allowed(Level level) const {
        return level >= initial_level_ && level >= format_top_level_ && level <= page_level;
    }
    // The question that started it all: whether one entry of this table can map `size` bytes.
    constexpr bool can_map(std::uint64_t size) const { return level_of(size).has_value(); }
    // The level whose entries are `size` bytes large, if a leaf may stand there.
    constexpr std::optional<Level> level_of(std::uint64_t size) const {
        for (Level level = page_level; level >= initial_level_; --level) {
            if (entry_size(level) == size && leaf_allowed(level)) {
                return level;
            }
        }
        return std::nullopt;
    }
    // The lowest level number at which a leaf may stand: the largest size that can be mapped.
    constexpr Level top_leaf_level() const {
        return initial_level_ > format_top_level_ ? initial_level_ : format_top_level_;
    }
    // The same for the descriptor format alone, as if the table began above it.
    constexpr Level format_top_level() const { return format_top_level_; }

    // Entries in a contiguous run, 1 where there is none. A run larger than the whole input space
    // may fault by choice of the implementation, so there is none then.
    constexpr unsigned contiguous_run(Level level) const {
        const unsigned run = contiguous_entries(granule_, level);
        return leaf_allowed(level) && run <= entries(level) ? run : 1;
    }

    // [15:12] or [9:8]/[49:48] of a descriptor hold output bits 51:48.
    constexpr bool wide_64k() const { return wide_64k_; }

    constexpr Vtcr vtcr(const VtcrOptions& options) const;

    constexpr bool operator==(const Geometry&) const = default;

private:
    constexpr Geometry() = default;

    static constexpr std::optional<Error>
    check_initial_level(const CpuFeatures& features, const GeometryRequest& request, Level level);

    Granule granule_ = Granule::k4;
    std::uint8_t page_bits_ = 0;  // of granule_, which every step of a walk needs
    std::uint8_t index_bits_ = 0; // the same
    std::uint8_t ipa_bits_ = 0;
    std::uint8_t pa_bits_ = 0;
    std::int8_t initial_level_ = 0;
    std::int8_t format_top_level_ = 0; // by granule and format, before the initial level is known
    bool lpa2_ = false;
    bool wide_64k_ = false; // 64K with FEAT_LPA: descriptors hold 52-bit outputs
};

namespace geometry_rules {

// AArch64.S2MinTxSZ, as the largest input size.
constexpr unsigned max_ipa_bits(const CpuFeatures& features, Granule granule, bool lpa2) {
    const bool narrow = features.lpa() && granule != Granule::k64 && !lpa2;
    return std::min(narrow ? 48U : 52U, features.pa_bits);
}

// AArch64.MaxTxSZ, as the smallest input size.
constexpr unsigned min_ipa_bits(const CpuFeatures& features, Granule granule) {
    if (!features.ttst) {
        return 64 - 39;
    }
    return granule == Granule::k64 ? 64 - 47 : 64 - 48;
}

// AArch64.PhysicalAddressSize: the most that the descriptor format can output.
constexpr unsigned max_pa_bits(const CpuFeatures& features, Granule granule, bool lpa2) {
    return std::min(granule == Granule::k64 || lpa2 ? 52U : 48U, features.pa_bits);
}

// AArch64.S2InvalidSL: the initial levels that SL2:SL0 can encode, and the PA size they need.
constexpr bool level_encodable(const CpuFeatures& features, Granule granule, bool lpa2,
                               Level level) {
    switch (granule) {
    case Granule::k4:
        switch (level) {
        case -1:
            return lpa2;
        case 0:
            return features.pa_bits >= 44;
        case 3:
            return features.ttst;
        default:
            return level == 1 || level == 2;
        }
    case Granule::k16:
        switch (level) {
        case 0:
            return lpa2;
        case 1:
            return features.pa_bits >= 42;
        default:
            return level == 2 || level == 3;
        }
    case Granule::k64:
        switch (level) {
        case 1:
            return features.pa_bits >= 44;
        default:
            return level == 2 || level == 3;
        }
    }
    return false;
}

// AArch64.S2InconsistentSL: at least 2 entries and at most 16 tables at the initial level.
constexpr bool level_consistent(Granule granule, unsigned ipa_bits, Level level) {
    const unsigned below = level_shift(granule, level);
    return below + 1 <= ipa_bits && ipa_bits <= below + index_bits(granule) + 4;
}

// AArch64.BlockDescSupported: the lowest level number with blocks.
constexpr Level top_block_level(const CpuFeatures& features, Granule granule, bool lpa2) {
    switch (granule) {
    case Granule::k4:
        return lpa2 ? 0 : 1;
    case Granule::k16:
        return lpa2 ? 1 : 2;
    case Granule::k64:
        return features.pa_bits >= 52 ? 1 : 2;
    }
    return page_level;
}

// SL2:SL0
constexpr unsigned start_level_encoding(Granule granule, Level level) {
    if (granule == Granule::k4) {
        constexpr unsigned codes[] = {0b100, 0b010, 0b001, 0b000, 0b011}; // levels -1..3
        return codes[level + 1];
    }
    return static_cast<unsigned>(page_level - level);
}

} // namespace geometry_rules

constexpr std::optional<Error> Geometry::check_initial_level(const CpuFeatures& features,
                                                             const GeometryRequest& request,
                                                             Level level) {
    if (!geometry_rules::level_encodable(features, request.granule, request.lpa2, level)) {
        return Error::initial_level_not_supported;
    }
    if (!geometry_rules::level_consistent(request.granule, request.ipa_bits, level)) {
        return Error::initial_level_inconsistent;
    }
    return std::nullopt;
}

constexpr std::expected<Geometry, Error> Geometry::make(const CpuFeatures& features,
                                                        const GeometryRequest& request) {
    const Granule granule = request.granule;
    if (!features.has(granule)) {
        return std::unexpected(Error::granule_not_supported);
    }
    if (request.lpa2 && granule == Granule::k64) {
        return std::unexpected(Error::lpa2_not_for_64k);
    }
    if (request.lpa2 && !features.has_lpa2(granule)) {
        return std::unexpected(Error::lpa2_not_supported);
    }
    if (request.ipa_bits < geometry_rules::min_ipa_bits(features, granule)) {
        return std::unexpected(Error::ipa_bits_below_minimum);
    }
    if (request.ipa_bits > geometry_rules::max_ipa_bits(features, granule, request.lpa2)) {
        return std::unexpected(Error::ipa_bits_above_maximum);
    }
    const unsigned most_pa_bits = geometry_rules::max_pa_bits(features, granule, request.lpa2);
    unsigned pa_bits = most_pa_bits;
    if (request.pa_bits != 0) {
        pa_bits = request.pa_bits;
        bool architectural = false;
        for (std::uint64_t code = 0; code <= 6; ++code) {
            architectural |= pa_bits_of(code) == pa_bits;
        }
        if (!architectural) {
            return std::unexpected(Error::pa_bits_not_architectural);
        }
        if (pa_bits > features.pa_bits) {
            return std::unexpected(Error::pa_bits_not_implemented);
        }
        if (pa_bits > most_pa_bits) {
            return std::unexpected(Error::pa_bits_need_lpa2);
        }
    }

    std::optional<Level> initial;
    if (request.initial_level) {
        if (const auto error = check_initial_level(features, request, *request.initial_level)) {
            return std::unexpected(*error);
        }
        initial = request.initial_level;
    } else {
        for (Level level = -1; level <= page_level; ++level) {
            if (check_initial_level(features, request, level)) {
                continue;
            }
            initial = level;
            if (request.prefer == Prefer::fewest_root_pages) {
                break;
            }
        }
        if (!initial) {
            return std::unexpected(Error::ipa_bits_out_of_reach);
        }
    }

    Geometry geometry;
    geometry.granule_ = granule;
    geometry.page_bits_ = static_cast<std::uint8_t>(granule_bits(granule));
    geometry.index_bits_ = static_cast<std::uint8_t>(twofold::index_bits(granule));
    geometry.ipa_bits_ = static_cast<std::uint8_t>(request.ipa_bits);
    geometry.pa_bits_ = static_cast<std::uint8_t>(pa_bits);
    geometry.initial_level_ = static_cast<std::int8_t>(*initial);
    geometry.format_top_level_ =
        static_cast<std::int8_t>(geometry_rules::top_block_level(features, granule, request.lpa2));
    geometry.lpa2_ = request.lpa2;
    geometry.wide_64k_ = granule == Granule::k64 && features.lpa();
    return geometry;
}

constexpr Vtcr Geometry::vtcr(const VtcrOptions& options) const {
    unsigned ps = 0;
    while (pa_bits_of(ps) != pa_bits_) {
        ++ps;
    }
    const unsigned sl = geometry_rules::start_level_encoding(granule_, initial_level_);
    // Table walks are Write-Back Write-Allocate, Inner Shareable: the tables live in normal memory.
    return Vtcr{Vtcr::t0sz::of(64 - ipa_bits_) | Vtcr::sl0::of(sl & 3) | Vtcr::irgn0::of(1) |
                Vtcr::orgn0::of(1) | Vtcr::sh0::of(3) | Vtcr::tg0::of(tg0_of(granule_)) |
                Vtcr::ps::of(ps) | Vtcr::vs::of(options.vmid16 ? 1 : 0) |
                Vtcr::ha::of(options.hardware_access_flag ? 1 : 0) |
                Vtcr::hd::of(options.hardware_dirty_state ? 1 : 0) | Vtcr::res1::of(1) |
                Vtcr::ds::of(lpa2_ ? 1 : 0) | Vtcr::sl2::of(sl >> 2)};
}

} // namespace twofold
