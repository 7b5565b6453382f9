// SPDX-License-Identifier: MIT
// LimitedBy: why a mapping is not larger than it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold {

// In the order in which the rules are asked: the one that is named stays in the way even if every
// later one is lifted. What is fixed for the guest's life comes first, what can be switched last.
enum class LimitedBy : std::uint8_t {
    nothing,      // the largest leaf of this descriptor format
    geometry,     // no level of the table has entries of the next size, or no leaf may stand there
    slot_start,   // the block would begin before the slot
    slot_end,     // the block would end behind the slot
    misalignment, // IPA and PA differ modulo the size
    extent_start, // the block would begin before the memory that backs the fault
    extent_end,   // the block would end behind it
    attributes,   // memory type or permissions are not the same in all of the block
    dirty_logging,
    device,         // the embedder's rule for device memory
    cap,            // the caller's own limit
    nested_stage2,  // the size at which a guest hypervisor maps this memory
    other_mappings, // the block holds smaller mappings already
};

inline constexpr std::size_t limited_by_count = 13;

constexpr std::string_view to_string(LimitedBy reason) {
    switch (reason) {
    case LimitedBy::nothing:
        return "largest size";
    case LimitedBy::geometry:
        return "geometry";
    case LimitedBy::slot_start:
        return "slot start";
    case LimitedBy::slot_end:
        return "slot end";
    case LimitedBy::misalignment:
        return "misalignment";
    case LimitedBy::extent_start:
        return "extent start";
    case LimitedBy::extent_end:
        return "extent end";
    case LimitedBy::attributes:
        return "memory attributes differ";
    case LimitedBy::dirty_logging:
        return "dirty logging";
    case LimitedBy::device:
        return "device rule";
    case LimitedBy::cap:
        return "cap";
    case LimitedBy::nested_stage2:
        return "nested stage 2";
    case LimitedBy::other_mappings:
        return "other mappings";
    }
    return "unknown";
}

} // namespace twofold
