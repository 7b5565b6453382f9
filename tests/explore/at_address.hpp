// SPDX-License-Identifier: MIT
// at_address: what is wrong, and where.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace twofold::test {

inline std::string at_address(const char* what, std::uint64_t address) {
    char text[120];
    std::snprintf(text, sizeof text, "%s %#llx", what, static_cast<unsigned long long>(address));
    return text;
}

} // namespace twofold::test
