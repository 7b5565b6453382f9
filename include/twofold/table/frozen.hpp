// SPDX-License-Identifier: MIT
// Frozen entries: broken ones that remember what they were. Nobody but the operation that froze
// them changes them, hardware included: what was noted in them (AF, dirty state) is final.
#pragma once

#include <twofold/arch/granule.hpp>
#include <twofold/table/invalid_entry.hpp>
#include <twofold/table/port.hpp>

#include <cstdint>

namespace twofold::frozen {

// Type 11 becomes 10 in a page, 01 becomes 10 in a block: the level says which it was. 0 of a
// broken entry that remembers nothing.
constexpr std::uint64_t was(std::uint64_t d, Level level) {
    return d == invalid_entry::broken ? 0 : level == page_level ? d | 0b01 : d ^ 0b11;
}

// A leaf, frozen.
constexpr std::uint64_t from(std::uint64_t leaf, Level level) {
    return level == page_level ? leaf & ~std::uint64_t{0b01} : leaf ^ 0b11;
}

// Freezes a leaf; returns what it was. What is no leaf stays as it is, but that another CPU may see
// it broken for a moment.
template <PortTable Entries>
std::uint64_t freeze(Entries& entries, unsigned i, Level level) {
    if (level == page_level) {
        return entries.clear_bits(i, 0b01);
    }
    const std::uint64_t d = entries.exchange(i, invalid_entry::broken);
    entries.publish(i, (d & 0b11) == 0b01 ? from(d, level) : d);
    return d;
}

} // namespace twofold::frozen
