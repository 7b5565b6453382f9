// SPDX-License-Identifier: MIT
// Extent: a run of a slot that is backed by one run of physical memory with one set of attributes.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/memory_type.hpp>

#include <cstdint>

namespace twofold {

// Neither a power of two nor aligned, unless its owner's memory is: choose_mapping works out what
// fits.
struct Extent {
    std::uint64_t offset = 0; // of its first byte in the slot
    Pa pa = {};               // of its first byte
    std::uint64_t length = 0;
    bool writable = true;
    bool executable = true;
    MemoryType type = MemoryType::normal_wb;
    // No cache holds a dirty line of it: nothing to clean before a guest sees it with caches off.
    bool clean = false;

    constexpr bool contains(std::uint64_t slot_offset) const {
        return slot_offset >= offset && slot_offset - offset < length;
    }
    constexpr Pa pa_of(std::uint64_t slot_offset) const { return pa + (slot_offset - offset); }
    constexpr bool operator==(const Extent&) const = default;
};

} // namespace twofold
