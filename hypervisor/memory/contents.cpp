// SPDX-License-Identifier: MIT
// Contents of memory at EL2, which has it at its physical address.
#include "memory/contents.hpp"

#include "cpu/cache.hpp"

#include <cstring>

namespace twofold::hyp {

void zero_contents(Pa pa, std::uint64_t bytes) { zero_pages(pa.value, bytes); }

bool is_zero(Pa pa, std::uint64_t bytes) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(pa.value);
    for (const auto* const end = words + bytes / sizeof(*words); words != end; words += 4) {
        if ((words[0] | words[1] | words[2] | words[3]) != 0)
            return false;
    }
    return true;
}

void copy_contents(Pa from, Pa to, std::uint64_t bytes) {
    std::memcpy(reinterpret_cast<void*>(to.value), reinterpret_cast<const void*>(from.value),
                bytes);
}

void clean_contents(Pa pa, std::uint64_t bytes) {
    clean_and_invalidate_data_cache(pa.value, bytes);
}

} // namespace twofold::hyp
