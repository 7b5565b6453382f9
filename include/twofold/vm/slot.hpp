// SPDX-License-Identifier: MIT
// Slot: a range of a guest's physical address space that is memory, and who owns that memory.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/vm/choose_mapping.hpp>

#include <cstdint>

namespace twofold {

class Backing;

struct Slot {
    IpaSpan range = {};
    Backing* backing = nullptr; // outlives the slot
    bool writable = true;       // false: a write is for the device model, as with flash and ROM
    bool dirty_logging = false;

    constexpr std::uint64_t offset_of(Ipa ipa) const { return ipa - range.start; }
    constexpr bool operator==(const Slot&) const = default;
};

} // namespace twofold
