// SPDX-License-Identifier: MIT
// TableCounters: every decision the engine takes, counted. It prints nothing.
#pragma once

#include <cstdint>

namespace twofold {

struct TableCounters {
    std::uint64_t tables = 0;        // below the root, linked now
    std::uint64_t tables_made = 0;   // ever
    std::uint64_t tables_freed = 0;  // ever
    std::uint64_t blocks_split = 0;  // blocks of which a part changed
    std::uint64_t breaks = 0;        // valid entries made invalid to be replaced
    std::uint64_t invalidations = 0; // calls of Port::invalidate
};

} // namespace twofold
