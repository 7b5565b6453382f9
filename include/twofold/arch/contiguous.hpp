// SPDX-License-Identifier: MIT
// Contiguous runs: how many neighbouring entries of a level the Contiguous bit (52) joins.
#pragma once

#include <twofold/arch/granule.hpp>

namespace twofold {

// Entries in an aligned run, 1 where the bit is ignored (AArch64.ContiguousSize, 64-bit
// descriptors).
constexpr unsigned contiguous_entries(Granule granule, Level level) {
    switch (granule) {
    case Granule::k4:
        return level >= 1 ? 16 : 1;
    case Granule::k16:
        return level == 3 ? 128 : level == 2 ? 32 : 1;
    case Granule::k64:
        return level >= 2 ? 32 : 1;
    }
    return 1;
}

} // namespace twofold
