// SPDX-License-Identifier: MIT
// What the library asks of the CPU at EL2: table memory and cache maintenance.
#include "port/el2_port.hpp"

#include "cpu/cache.hpp"

#include <algorithm>

namespace twofold::hyp {

std::optional<Pa> El2Port::allocate(std::uint64_t bytes) {
    constexpr unsigned some = 16;
    release(some);
    auto pages = pages_.allocate(bytes);
    if (!pages && release(~0U))
        pages = pages_.allocate(bytes);
    if (pages && !geometry_.fits(*pages, bytes)) {
        pages_.free(*pages, bytes);
        return std::nullopt;
    }
    return pages;
}

void El2Port::retire(Pa pa, std::uint64_t bytes) {
    limbo_.add(pa, bytes, quiescence_.stamp());
    // More than one for each that comes, so that what waits does not only grow.
    constexpr unsigned more_than_one = 2;
    release(more_than_one);
}

bool El2Port::release(unsigned most) {
    bool any = false;
    for (; most != 0; --most) {
        const auto block =
            limbo_.take([this](std::uint64_t stamp) { return quiescence_.passed(stamp); });
        if (!block)
            break;
        pages_.free(block->pa, block->bytes);
        any = true;
    }
    return any;
}

void El2Port::clean_dcache(Pa pa, std::uint64_t bytes) {
    clean_and_invalidate_data_cache(pa.value, bytes);
}

void El2Port::invalidate_icache(Pa pa, std::uint64_t bytes) {
    // By address it takes one instruction a line; beyond this everything is cheaper.
    constexpr std::uint64_t largest_by_line = 64 * KiB;
    if (bytes > largest_by_line) {
        invalidate_instruction_caches();
        return;
    }
    const std::uint64_t line = std::max(4U, features_.icache_line);
    const std::uint64_t end = pa.value + bytes;
    std::uint64_t at = align_down(pa.value, line);
    // By sixteens, as this is the largest part of what the first fetch from a page costs.
#define TWOFOLD_IC_IVAU_4                                                                          \
    "ic ivau, %0\n\tadd %0, %0, %1\n\tic ivau, %0\n\tadd %0, %0, %1\n\t"                           \
    "ic ivau, %0\n\tadd %0, %0, %1\n\tic ivau, %0\n\tadd %0, %0, %1\n\t"
    for (std::uint64_t left = (end - at) / (16 * line); left != 0; --left)
        asm volatile(TWOFOLD_IC_IVAU_4 TWOFOLD_IC_IVAU_4 TWOFOLD_IC_IVAU_4 TWOFOLD_IC_IVAU_4
                     : "+r"(at)
                     : "r"(line)
                     : "memory");
#undef TWOFOLD_IC_IVAU_4
    for (; at < end; at += line)
        asm volatile("ic ivau, %0" ::"r"(at) : "memory");
    dsb_ish();
    isb();
}

} // namespace twofold::hyp
