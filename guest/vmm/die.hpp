// SPDX-License-Identifier: MIT
// The end of a VMM that cannot go on.
#pragma once

#include <string>

namespace twofold::vmm {

// One line, with what the system says of the last call.
[[noreturn]] void die(const std::string& what);

// What an ioctl or another call returned, which is never negative.
template <typename Number>
Number checked(Number result, const char* what) {
    if (result < 0)
        die(what);
    return result;
}

} // namespace twofold::vmm
