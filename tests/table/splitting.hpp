// SPDX-License-Identifier: MIT
// Splitting: Stage2::split() in the words of its tests.
#pragma once

#include "places.hpp"
#include "requests.hpp"

#include <cstdint>
#include <expected>

namespace twofold::test {

inline std::expected<void, Error> split(Machine& m, std::uint64_t ipa, std::uint64_t length,
                                        std::uint64_t size) {
    return m.table.split(Ipa{ipa}, length, size, m.owed);
}

} // namespace twofold::test
