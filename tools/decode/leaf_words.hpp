// SPDX-License-Identifier: MIT
// What a leaf says, in words.
#pragma once

#include <twofold/arch/geometry.hpp>
#include <twofold/arch/permissions.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace twofold::tool {

// "rwx", with "1" or "0" for x where only that exception level may execute.
std::string permission_letters(const Permissions& permissions);
// "read and write", "read only", ...
std::string access_words(const Permissions& permissions);
// "EL1 and EL0 execute", ...
std::string execute_words(const Permissions& permissions);

// Both readings where nobody has said whether HCR_EL2.FWB is set.
std::string memory_type_words(std::uint64_t attr, std::optional<bool> fwb);

// Why a level has no blocks, to stand behind "level 0 has no blocks ".
std::string no_block_words(const Geometry& geometry, Level level);

} // namespace twofold::tool
