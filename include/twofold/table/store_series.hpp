// SPDX-License-Identifier: MIT
// store_series: what a port whose tables are plain memory offers under that name (port.hpp). By
// eights, which the compiler makes pairs of.
#pragma once

#include <cstdint>

namespace twofold {

[[gnu::always_inline]] inline void store_series(std::uint64_t* at, unsigned count,
                                                std::uint64_t value, std::uint64_t step) {
    for (; count >= 8; count -= 8, at += 8) {
        for (unsigned i = 0; i < 8; ++i, value += step) {
            at[i] = value;
        }
    }
    for (; count != 0; --count, ++at, value += step) {
        *at = value;
    }
}

} // namespace twofold
