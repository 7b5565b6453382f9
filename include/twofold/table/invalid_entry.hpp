// SPDX-License-Identifier: MIT
// Invalid entries: hardware ignores all of a descriptor whose bit 0 is clear, so the engine keeps
// there what an entry is waiting for.
//
//   kind        bits 3:0  the rest      who may leave it, and how
//   empty       0000      0             anyone, by compare-and-swap
//   broken      xx10      what it was   only the operation that broke it; all others answer "again"
//   tombstone   1000      47:12 ticket  as empty, once the Invalidation with that ticket is
//   discharged annotation  1000      47:12 value   operations that replace what is there: map,
//   unmap, annotate
//
// The payload lies beside the bits of a leaf that are cleared by atomic AND (AF, S2AP, DBM): a
// sweep that meets an entry which has just become a tombstone leaves it whole.
#pragma once

#include <twofold/arch/field.hpp>

#include <cstdint>

namespace twofold {

enum class InvalidKind : std::uint8_t { empty, broken, tombstone, annotation };

namespace invalid_entry {

using payload = Field<47, 12>;

inline constexpr std::uint64_t empty = 0;
inline constexpr std::uint64_t broken = 0b0010;

// A ticket stands where the payload does.
constexpr std::uint64_t tombstone(std::uint64_t ticket) { return 0b1000 | ticket; }
constexpr std::uint64_t annotation(std::uint32_t value) { return 0b0100 | payload::of(value); }

constexpr bool is_broken(std::uint64_t d) { return (d & 0b11) == 0b10; }
constexpr bool is_tombstone(std::uint64_t d) { return (d & 0b1111) == 0b1000; }
constexpr bool is_annotation(std::uint64_t d) { return (d & 0b1111) == 0b0100; }

// Empty, or a tombstone; of any descriptor.
constexpr bool is_vacant(std::uint64_t d) { return (d & 0b0111) == 0; }

// Of a descriptor whose bit 0 is clear.
constexpr InvalidKind kind(std::uint64_t d) {
    return is_broken(d)       ? InvalidKind::broken
           : is_tombstone(d)  ? InvalidKind::tombstone
           : is_annotation(d) ? InvalidKind::annotation
                              : InvalidKind::empty;
}

} // namespace invalid_entry

} // namespace twofold
