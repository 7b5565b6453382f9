// SPDX-License-Identifier: MIT
// Layout: everything that `twofold layout` says about one stage-2 table, as data.
#pragma once

#include "tools/layout/linux_words.hpp"
#include "tools/layout/vtcr_words.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace twofold::tool {

struct LayoutLevel {
    Level level = 0;
    unsigned high_bit = 0; // of the IPA
    unsigned low_bit = 0;
    unsigned entries = 0; // at the initial level, of all concatenated tables
    std::uint64_t entry_bytes = 0;
    bool table_allowed = false;
    bool leaf_allowed = false;   // a block, or a page at level 3
    unsigned contiguous_run = 1; // entries; 1: none

    unsigned width() const { return high_bit - low_bit + 1; }
    std::uint64_t contiguous_bytes() const { return contiguous_run * entry_bytes; }
};

// A size that one descriptor, or one contiguous run of descriptors, maps.
struct MappableSize {
    std::uint64_t bytes = 0;
    Level level = 0;
    unsigned entries = 1; // above 1 for a contiguous run
};

// What the tables take for a guest whose memory begins at 0, all of it mapped with one size.
struct GuestTables {
    std::uint64_t bytes = 0; // of a mapping
    Level level = 0;
    std::uint64_t entries = 0;
    std::uint64_t tables = 0;      // below the root
    std::uint64_t table_bytes = 0; // with the root
};

// Where nobody says how much memory the guest has.
inline constexpr std::uint64_t default_guest_memory = 4 * GiB;

struct Layout {
    std::string cpu;
    Geometry geometry;
    Vtcr vtcr;
    std::vector<LayoutLevel> levels; // from the root down
    std::vector<MappableSize> sizes; // the largest first
    std::vector<RegisterField> vtcr_fields;
    std::uint64_t memory = 0;        // of the guest for which the tables are counted
    std::vector<GuestTables> tables; // the largest mappings first
    LinuxWords linux;
};

// `memory`: of a guest, in bytes; it fits the input size.
Layout make_layout(std::string cpu, const CpuFeatures& features, const Geometry& geometry,
                   std::uint64_t memory = default_guest_memory);

} // namespace twofold::tool
