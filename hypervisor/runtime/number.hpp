// SPDX-License-Identifier: MIT
// Numbers as a person writes them on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold::hyp {

// Decimal or 0x..., with K, M, G or T behind it for powers of 1024.
std::optional<std::uint64_t> parse_number(std::string_view text);

// Decimal with us, ms or s behind it; microseconds.
std::optional<std::uint64_t> parse_duration(std::string_view text);

} // namespace twofold::hyp
