// SPDX-License-Identifier: MIT
// Why a size cannot be mapped, in words.
#pragma once

#include <twofold/arch/geometry.hpp>
#include <twofold/vm/choose_mapping.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

// A sentence with the two values that disagree; "possible" where none do.
std::string limit_words(const Geometry& geometry, const SizeLimit& limit);

// In a few words, for a table: "the slot begins inside", "IPA and PA differ by 4 KiB".
std::string limit_summary(const Geometry& geometry, const SizeLimit& limit);

// Every size that some table of this granule has, the largest first: more than this descriptor
// format may hold.
std::vector<SizeLimit> all_limits(const Geometry& geometry, const MappingRequest& request);

} // namespace twofold::tool
