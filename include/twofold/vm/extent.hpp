// SPDX-License-Identifier: MIT
// Extent: a run of a slot that is backed by one run of physical memory.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/memory_type.hpp>

#include <cstdint>

namespace twofold {

// The part of an extent that has one memory type and one set of permissions, by its offset in the
// slot. Length 0: all of the extent.
struct ExtentPart {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    constexpr bool contains(std::uint64_t slot_offset) const {
        return slot_offset >= offset && slot_offset - offset < length;
    }
    constexpr bool operator==(const ExtentPart&) const = default;
};

// Neither a power of two nor aligned, unless its owner's memory is: choose_mapping works out what
// fits.
struct Extent {
    std::uint64_t offset = 0; // of its first byte in the slot
    Pa pa = {};               // of its first byte
    std::uint64_t length = 0;
    // Of the part around the byte that was asked for, which is `uniform`.
    bool writable = true;
    bool executable = true;
    MemoryType type = MemoryType::normal_wb;
    // No cache holds a dirty line of it: nothing to clean before a guest sees it with caches off.
    bool clean = false;
    // What the attributes above speak for. It holds the byte that was asked for. With it a mapping
    // that ends where they change is told from one that ends with the memory.
    ExtentPart uniform = {};

    // Whether all that it says holds for this byte of the slot.
    constexpr bool contains(std::uint64_t slot_offset) const {
        return slot_offset >= offset && slot_offset - offset < length &&
               (uniform.length == 0 || uniform.contains(slot_offset));
    }
    constexpr Pa pa_of(std::uint64_t slot_offset) const { return pa + (slot_offset - offset); }
    constexpr bool operator==(const Extent&) const = default;
};

} // namespace twofold
