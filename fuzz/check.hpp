// SPDX-License-Identifier: MIT
// check: what must hold, or the fuzzer keeps the input that shows otherwise.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace twofold::fuzz {

inline void check(bool good, std::string_view claim, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
    if (!good) {
        std::fprintf(stderr, "%s:%d: does not hold: %.*s\n", file, line,
                     static_cast<int>(claim.size()), claim.data());
        std::abort();
    }
}

} // namespace twofold::fuzz
