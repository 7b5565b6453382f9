// SPDX-License-Identifier: MIT
// Numbers as people write them: 40, 0x1f, 1G, 64K, 512MiB.
#pragma once

#include <twofold/arch/granule.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold::tool {

// Decimal or hexadecimal, with K, M, G or T (as 1K, 1KB or 1KiB) for powers of 1024. Empty for
// anything else and for what 64 bits cannot hold.
std::optional<std::uint64_t> parse_number(std::string_view text);

// 4K, 16K, 64K, in every way in which a number can be written; also 4, 16 and 64.
std::optional<Granule> parse_granule(std::string_view text);

} // namespace twofold::tool
