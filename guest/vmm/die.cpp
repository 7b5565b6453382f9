// SPDX-License-Identifier: MIT
#include "die.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace twofold::vmm {

void die(const std::string& what) {
    std::printf("VMM: %s%s%s\n", what.c_str(), errno == 0 ? "" : ": ",
                errno == 0 ? "" : std::strerror(errno));
    std::fflush(stdout);
    std::_Exit(1);
}

} // namespace twofold::vmm
