// SPDX-License-Identifier: MIT
// Requests: what the tests of a table ask of it, in as few words as they need.
#pragma once

#include "machine.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace twofold::test {

inline MapRequest request(std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
                          Permissions permissions = Permissions::rwx(),
                          std::uint64_t max_size = ~std::uint64_t{0}) {
    return {.ipa = Ipa{ipa},
            .pa = Pa{pa},
            .length = length,
            .attributes = with(permissions),
            .max_size = max_size};
}

inline void map(Machine& m, std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
                const Attributes& attributes = with(Permissions::rwx()),
                std::uint64_t max_size = ~std::uint64_t{0}) {
    ASSERT_TRUE(m.table.map({.ipa = Ipa{ipa},
                             .pa = Pa{pa},
                             .length = length,
                             .attributes = attributes,
                             .max_size = max_size},
                            m.owed));
}

inline std::vector<InvalidationRange> ranges_of(const Invalidation& owed) {
    return {owed.ranges().begin(), owed.ranges().end()};
}

} // namespace twofold::test
