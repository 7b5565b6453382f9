// SPDX-License-Identifier: MIT
// A layout from a geometry.
#include "tools/layout/layout.hpp"

#include "tools/layout/table_counter.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace twofold::tool {

namespace {

LayoutLevel make_level(const Geometry& geometry, Level level) {
    const unsigned low = geometry.shift(level);
    return {
        .level = level,
        .high_bit = low + log2_of(geometry.entries(level)) - 1,
        .low_bit = low,
        .entries = geometry.entries(level),
        .entry_bytes = geometry.entry_size(level),
        .table_allowed = level != page_level,
        .leaf_allowed = geometry.leaf_allowed(level),
        .contiguous_run = geometry.contiguous_run(level),
    };
}

GuestTables count_tables(const Geometry& geometry, std::uint64_t memory, Level level) {
    const std::uint64_t size = geometry.entry_size(level);
    TableCounter counter{geometry};
    counter.add(Ipa{0}, memory, level);
    return {.bytes = size,
            .level = level,
            .entries = memory / size + (memory % size != 0 ? 1 : 0),
            .tables = counter.tables_below_root(),
            .table_bytes = counter.bytes()};
}

} // namespace

Layout make_layout(std::string cpu, const CpuFeatures& features, const Geometry& geometry,
                   std::uint64_t memory) {
    Layout layout{.cpu = std::move(cpu),
                  .geometry = geometry,
                  .vtcr = geometry.vtcr(VtcrOptions::of(features)),
                  .levels = {},
                  .sizes = {},
                  .vtcr_fields = {},
                  .memory = memory,
                  .tables = {},
                  .linux = linux_words(geometry)};
    for (Level level = geometry.initial_level(); level <= page_level; ++level) {
        const LayoutLevel row = make_level(geometry, level);
        layout.levels.push_back(row);
        if (row.leaf_allowed) {
            layout.sizes.push_back({row.entry_bytes, level, 1});
            layout.tables.push_back(count_tables(geometry, memory, level));
        }
        if (row.contiguous_run > 1) {
            layout.sizes.push_back({row.contiguous_bytes(), level, row.contiguous_run});
        }
    }
    std::ranges::sort(layout.sizes, std::greater{}, &MappableSize::bytes);
    layout.vtcr_fields = vtcr_words(layout.vtcr);
    return layout;
}

} // namespace twofold::tool
