// SPDX-License-Identifier: MIT
// Sizes and counts in words: "1 GiB" for people, "1G" for command lines.
#pragma once

#include <twofold/arch/granule.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace twofold::tool {

// Exact where a unit gives a short number, else with one decimal.
std::string size_words(std::uint64_t bytes);

// Exact, always: the largest unit that divides it.
std::string size_argument(std::uint64_t bytes);

std::string granule_words(Granule granule);

// "1 table", "2 tables"
std::string counted(std::uint64_t count, std::string_view noun);

} // namespace twofold::tool
