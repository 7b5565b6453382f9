// SPDX-License-Identifier: MIT
// Scenario: a guest's slots, the memory behind them, a table and a policy: all that the size of a
// mapping depends on.
#pragma once

#include "tools/result.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/vm/choose_mapping.hpp>
#include <twofold/vm/extent.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

// Memory of a slot that is one run of physical addresses.
struct MemoryExtent {
    std::uint64_t offset = 0; // in the slot
    Pa pa = {};
    std::uint64_t length = 0;
    bool device = false;

    bool operator==(const MemoryExtent&) const = default;
};

struct GuestSlot {
    IpaSpan range = {};
    bool read_only = false;
    bool device = false;
    bool dirty_logging = false;

    // Of its first byte, where all of it is one run of physical addresses, which its owner hands
    // out in `piece`s that are aligned to their size. Without it the extents say what there is.
    std::optional<Pa> pa = {};
    std::uint64_t piece = 0;                // 0: all at once
    std::vector<MemoryExtent> extents = {}; // by their offsets; they do not overlap

    // Those with a type or permissions of their own, by their offsets; they do not overlap.
    std::vector<ExtentPart> parts = {};

    std::optional<MemoryExtent> extent_at(Ipa ipa) const;
    // What has the same type and permissions as the byte there; length 0: all of the slot.
    ExtentPart uniform_at(Ipa ipa) const;
    // The lowest address at or behind `ipa` that has memory; the end of the slot if there is none.
    Ipa next_memory(Ipa ipa) const;
};

struct Scenario {
    CpuFeatures features;
    GeometryRequest shape; // what `geometry` was made of
    Geometry geometry;
    std::vector<GuestSlot> slots; // by their addresses
    MappingPolicy policy = {};    // all but dirty logging and device, which are the slots'
    std::uint64_t device_cap = MappingPolicy::unlimited;

    const GuestSlot* slot_at(Ipa ipa) const;
    // What choose_mapping is asked for an address of the slot, as GuestMemory asks it; empty where
    // the slot has no memory.
    std::optional<MappingRequest> request(const GuestSlot& slot, Ipa ipa) const;
    // Sorts the slots, and says what is wrong about them or about their extents.
    std::optional<std::string> settle();
    // The same with another shape; false, and unchanged, if there is no such table.
    bool reshape(const GeometryRequest& other);
};

} // namespace twofold::tool
