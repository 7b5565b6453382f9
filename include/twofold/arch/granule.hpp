// SPDX-License-Identifier: MIT
// Granule and Level: the size of a page and of a table, and the depth of a table in the tree.
#pragma once

#include <cstdint>

namespace twofold {

enum class Granule : std::uint8_t { k4, k16, k64 };

inline constexpr Granule all_granules[] = {Granule::k4, Granule::k16, Granule::k64};

// log2 of the bytes in a page; also of the bytes in a full table.
constexpr unsigned granule_bits(Granule granule) {
    return granule == Granule::k4 ? 12 : granule == Granule::k16 ? 14 : 16;
}
constexpr std::uint64_t granule_bytes(Granule granule) {
    return std::uint64_t{1} << granule_bits(granule);
}
// Bits of the IPA that one full table resolves ("stride" in the pseudocode): 8-byte descriptors.
constexpr unsigned index_bits(Granule granule) { return granule_bits(granule) - 3; }

// As in the manual: 3 holds pages, -1 exists only with LPA2 and the 4K granule.
using Level = int;
inline constexpr Level page_level = 3;

// log2 of the bytes that one descriptor of a level covers.
constexpr unsigned level_shift(Granule granule, Level level) {
    return granule_bits(granule) + index_bits(granule) * static_cast<unsigned>(page_level - level);
}

static_assert(level_shift(Granule::k4, 1) == 30 && level_shift(Granule::k4, 2) == 21);
static_assert(level_shift(Granule::k16, 2) == 25 && level_shift(Granule::k64, 2) == 29);

} // namespace twofold
