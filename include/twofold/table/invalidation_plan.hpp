// SPDX-License-Identifier: MIT
// plan_invalidation: which TLBI instructions discharge an Invalidation. Pure.
#pragma once

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/arch/tlbi.hpp>
#include <twofold/arch/tlbi_operation.hpp>
#include <twofold/table/invalidation.hpp>

#include <cstdint>

namespace twofold {

// Beyond this many instructions, removing the whole VMID costs less than finding each entry: a TLBI
// is a broadcast that every CPU of the domain answers, a refill of the VMID's entries is local.
inline constexpr unsigned max_tlbi = 32;

namespace invalidation_plan {

// Entries to name one by one in `range`.
constexpr std::uint64_t steps(const Geometry& geometry, const InvalidationRange& range) {
    return range.length >> geometry.shift(range.level.value_or(page_level));
}

// With FEAT_BBM level 2 a leaf may be younger than a TLB entry of another level for its address:
// then every level is meant.
constexpr bool hinted(const CpuFeatures& features) { return features.ttl && features.bbm < 2; }

template <class Emit>
constexpr void by_ipa(const Geometry& geometry, const CpuFeatures& features, TlbiOperation form,
                      Ipa from, Ipa to, std::optional<Level> level, Emit&& emit) {
    form.kind = TlbiKind::ipas2;
    const std::uint64_t step = geometry.entry_size(level.value_or(page_level));
    for (Ipa ipa = from; ipa < to; ipa += step) {
        const auto operand = TlbiByIpa::make(geometry.granule(), geometry.lpa2(), ipa,
                                             hinted(features) ? level : std::nullopt);
        form.operand = operand.value;
        emit(form);
    }
}

// Whether to use range operations: few entries are cheaper to name, and a level whose entry is more
// than one operation covers could not keep its bases aligned to the level.
constexpr bool worth_range(const Geometry& geometry, const CpuFeatures& features,
                           const InvalidationRange& range) {
    constexpr std::uint64_t few = 2;
    const Level level = range.level.value_or(page_level);
    return features.tlbi_range && steps(geometry, range) > few &&
           geometry.shift(level) <=
               granule_bits(geometry.granule()) + log2_of(TlbiByRange::max_pages);
}

template <class Emit>
constexpr void by_range(const Geometry& geometry, const CpuFeatures& features, TlbiOperation form,
                        const InvalidationRange& range, Emit&& emit) {
    // Below the first address that BaseADDR can express (LPA2: 64 KiB units), entries are named.
    const std::uint64_t unit = TlbiByRange::base_unit(geometry.granule(), geometry.lpa2());
    const Ipa end = range.end();
    Ipa ipa = std::min(range.start.align_up(unit), end);
    by_ipa(geometry, features, form, range.start, ipa, range.level, emit);
    form.kind = TlbiKind::ripas2;
    const unsigned shift = granule_bits(geometry.granule());
    while (const std::uint64_t pages = TlbiByRange::largest_pages((end - ipa) >> shift)) {
        // Cannot fail: the base is aligned to 64 KiB and to the level, the count comes from the
        // operation's own values.
        const auto operand = TlbiByRange::make(geometry.granule(), geometry.lpa2(), ipa, pages,
                                               hinted(features) ? range.level : std::nullopt);
        form.operand = operand->value;
        emit(form);
        ipa += pages << shift;
    }
    by_ipa(geometry, features, form, ipa, end, range.level, emit);
}

} // namespace invalidation_plan

// Calls emit(TlbiOperation) for each instruction on stage 2, in order. Ranges of `owed` are aligned
// to the entry size of their level.
template <class Emit>
constexpr void plan_invalidation(const Geometry& geometry, const CpuFeatures& features,
                                 const Invalidation& owed, Emit&& emit) {
    if (!owed.needs_tlbi()) {
        return;
    }
    TlbiOperation form{.kind = TlbiKind::vmalls12, .scope = owed.scope()};
    form.last_level = owed.leaf_only();
    form.nxs = features.xs && owed.nxs();
    const auto ranges = owed.ranges();
    if (ranges.size() == 1 && invalidation_plan::steps(geometry, ranges.front()) == 1) {
        invalidation_plan::by_ipa(geometry, features, form, ranges.front().start,
                                  ranges.front().end(), ranges.front().level, emit);
        return;
    }
    std::uint64_t count = 0;
    for (const InvalidationRange& range : ranges) {
        if (invalidation_plan::worth_range(geometry, features, range)) {
            invalidation_plan::by_range(geometry, features, form, range,
                                        [&](const TlbiOperation&) { ++count; });
        } else {
            count += invalidation_plan::steps(geometry, range);
        }
    }
    if (owed.whole_vmid() || count > max_tlbi) {
        form.last_level = false;
        emit(form);
        return;
    }
    for (const InvalidationRange& range : owed.ranges()) {
        if (invalidation_plan::worth_range(geometry, features, range)) {
            invalidation_plan::by_range(geometry, features, form, range, emit);
        } else {
            invalidation_plan::by_ipa(geometry, features, form, range.start, range.end(),
                                      range.level, emit);
        }
    }
}

} // namespace twofold
