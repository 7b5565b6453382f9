// SPDX-License-Identifier: MIT
#include "console.hpp"

#include <cstdio>

namespace twofold::vmm {

void say(const std::string& line) {
    // One call, one line.
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

std::string hex(unsigned long long number) {
    char text[19];
    std::snprintf(text, sizeof text, "0x%llx", number);
    return text;
}

} // namespace twofold::vmm
