// SPDX-License-Identifier: MIT
// Plain memory.
#include "contents_on_host.hpp"

#include "memory/contents.hpp"

#include <algorithm>
#include <cstring>

namespace twofold::hyp {

std::vector<CleanedRange> cleaned;

void zero_contents(Pa pa, std::uint64_t bytes) {
    std::memset(reinterpret_cast<void*>(pa.value), 0, bytes);
}

bool is_zero(Pa pa, std::uint64_t bytes) {
    const auto* first = reinterpret_cast<const char*>(pa.value);
    return std::all_of(first, first + bytes, [](char c) { return c == 0; });
}

void copy_contents(Pa from, Pa to, std::uint64_t bytes) {
    std::memcpy(reinterpret_cast<void*>(to.value), reinterpret_cast<const void*>(from.value),
                bytes);
}

void clean_contents(Pa pa, std::uint64_t bytes) { cleaned.push_back({pa, bytes}); }

} // namespace twofold::hyp
