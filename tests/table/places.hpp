// SPDX-License-Identifier: MIT
// Places: where the tests that need only one place map something, and the whole of the input space.
#pragma once

#include <cstdint>

namespace twofold::test {

inline constexpr std::uint64_t first_ipa = 0x4000'0000;
inline constexpr std::uint64_t first_pa = 0x80'0000'0000;
inline constexpr std::uint64_t ipa_limit = std::uint64_t{1} << 40;

} // namespace twofold::test
