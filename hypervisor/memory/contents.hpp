// SPDX-License-Identifier: MIT
// What is in a guest's memory, as EL2 deals with it: pages of zeroes, copies, and what the caches
// hold of them. Addresses and sizes are multiples of 4096.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstdint>

namespace twofold::hyp {

void zero_contents(Pa pa, std::uint64_t bytes);
bool is_zero(Pa pa, std::uint64_t bytes);
void copy_contents(Pa from, Pa to, std::uint64_t bytes);

// Cleans to the point of coherency and invalidates: for a guest whose caches are off, in both
// directions.
void clean_contents(Pa pa, std::uint64_t bytes);

} // namespace twofold::hyp
