// SPDX-License-Identifier: MIT
// MapRequest: what map() and map_if_absent() are asked for, and what becomes of it.
#pragma once

#include <twofold/arch/attributes.hpp>
#include <twofold/table/map_content.hpp>
#include <twofold/table/progress.hpp>
#include <twofold/table/table_range.hpp>

#include <algorithm>
#include <cstdint>
#include <expected>

namespace twofold {

struct MapRequest {
    Ipa ipa = {};             // aligned to the granule
    Pa pa = {};               // aligned to the granule, in the output range
    std::uint64_t length = 0; // bytes, a multiple of the granule, not 0
    Attributes attributes = {};
    // No leaf and no contiguous run larger than this, in bytes; at least the granule.
    std::uint64_t max_size = ~std::uint64_t{0};
};

// Bits 1:0 of a leaf.
constexpr std::uint64_t leaf_type(Level level) { return level == page_level ? 0b11 : 0b01; }

template <TablePort Port>
std::expected<RangeContent, Error> plan_map(const Tree<Port>& tree, const MapRequest& request) {
    const Geometry& geometry = tree.geometry;
    const auto range = check_range(geometry, request.ipa, request.length);
    if (!range) {
        return std::unexpected(range.error());
    }
    if (!request.pa.is_aligned(geometry.page_size())) {
        return std::unexpected(Error::pa_misaligned);
    }
    if (!geometry.fits(request.pa, request.length)) {
        return std::unexpected(Error::pa_out_of_range);
    }
    if (request.max_size < geometry.page_size()) {
        return std::unexpected(Error::size_not_mappable);
    }
    if (request.attributes.dbm && !tree.features.dirty_state) {
        return std::unexpected(Error::dbm_needs_hafdbs);
    }
    if (request.attributes.fnxs && !tree.features.xs) {
        return std::unexpected(Error::fnxs_needs_xs);
    }
    const auto bits = tree.attributes.encode(request.attributes);
    if (!bits) {
        return std::unexpected(bits.error());
    }
    // IPA and PA differ by the same amount all along, so one test settles which levels can have
    // leaves. Nor is a leaf larger than the whole range.
    const std::uint64_t offset = request.pa.value - request.ipa.value;
    const std::uint64_t limit = std::min(request.max_size, request.length);
    Level largest = page_level;
    while (largest > geometry.top_leaf_level() && geometry.entry_size(largest - 1) <= limit &&
           is_aligned(offset, geometry.entry_size(largest - 1))) {
        --largest;
    }
    return RangeContent{.range = *range,
                        .offset = offset,
                        .attribute_bits = largest == page_level ? *bits & ~leaf::nt::mask : *bits,
                        .largest = largest,
                        .max_size = request.max_size,
                        .annotation = false};
}

// The part of a request that one call with this progress does.
constexpr RangeContent within(const Geometry& geometry, RangeContent content,
                              const Progress& progress) {
    if (progress.next > content.range.start && progress.next < content.range.end) {
        content.range.start = progress.next;
    }
    const unsigned run = content.annotation ? 1 : geometry.contiguous_run(content.largest);
    const std::uint64_t unit = run * geometry.entry_size(content.largest);
    const std::uint64_t units = (progress.budget + run - 1) / run;
    if (progress.budget != Progress::unlimited && units < content.range.length() / unit) {
        content.range.end = (content.range.start + units * unit).align_down(unit);
        if (content.range.end <= content.range.start) {
            content.range.end = (content.range.start + 1).align_up(unit);
        }
    }
    return content;
}

// The descriptor of a request for one leaf that has nothing wrong with it, in a table whose
// descriptors hold addresses as they are, without its type; or 0. Whether there is a leaf of this
// size is left to the caller.
template <TablePort Port>
[[gnu::always_inline]] inline std::uint64_t plain_leaf(const Tree<Port>& tree,
                                                       const MapRequest& r) {
    const CpuFeatures& features = tree.features;
    // Of a power of two both are aligned to it; of anything else there is no leaf.
    const std::uint64_t offset = r.length - 1;
    if (!tree.pages.covers(tree.pages.page_of(r.ipa)) ||
        ((r.ipa.value | r.pa.value) & offset) != 0 ||
        (r.pa.value >> tree.geometry.pa_bits()) != 0 || r.max_size < r.length ||
        (r.attributes.dbm && !features.dirty_state) || (r.attributes.fnxs && !features.xs)) {
        return 0;
    }
    const AttributeFormat format{.fwb = features.fwb, .xnx = features.xnx, .lpa2 = false};
    const auto bits = format.encode(r.attributes);
    // Bit 16 of a page is part of its address.
    const std::uint64_t nt = r.length == tree.pages.page_size ? leaf::nt::mask : 0;
    return bits ? (*bits & ~nt) | r.pa.value : 0;
}

} // namespace twofold
