// SPDX-License-Identifier: MIT
// Cache maintenance by address, to the point of coherency or of unification.
#pragma once

#include "cpu/sysreg.hpp"

#include <cstdint>

namespace twofold::hyp {

// [19:16] DminLine and [3:0] IminLine of CTR_EL0: log2 of 4-byte words.
inline std::uint64_t dcache_line() { return 4U << ((TWOFOLD_READ_SYSREG(CTR_EL0) >> 16) & 0xf); }

#define TWOFOLD_FOR_EACH_LINE(operation, address, size)                                            \
    do {                                                                                           \
        const std::uint64_t line_ = dcache_line();                                                 \
        const std::uint64_t end_ = (address) + (size);                                             \
        for (std::uint64_t at_ = (address) & ~(line_ - 1); at_ < end_; at_ += line_)               \
            asm volatile(operation ", %0" ::"r"(at_) : "memory");                                  \
    } while (false)

// What a CPU with caches off has written becomes visible to those with caches on.
inline void invalidate_data_cache(std::uint64_t address, std::uint64_t size) {
    TWOFOLD_FOR_EACH_LINE("dc ivac", address, size);
    dsb_sy();
}

// And the other way: what this CPU has written reaches those whose caches are off.
inline void clean_data_cache(std::uint64_t address, std::uint64_t size) {
    TWOFOLD_FOR_EACH_LINE("dc cvac", address, size);
    dsb_sy();
}

inline void clean_and_invalidate_data_cache(std::uint64_t address, std::uint64_t size) {
    TWOFOLD_FOR_EACH_LINE("dc civac", address, size);
    dsb_sy();
}

inline void invalidate_instruction_caches() {
    asm volatile("ic ialluis" ::: "memory");
    dsb_ish();
    isb();
}

// Zeroes [address, address + size), both multiples of 4096, a cache line at a time where allowed.
inline void zero_pages(std::uint64_t address, std::uint64_t size) {
    const std::uint64_t dczid = TWOFOLD_READ_SYSREG(DCZID_EL0);
    const std::uint64_t end = address + size;
    if ((dczid & 0x10) == 0) { // [4] DZP: DC ZVA is prohibited
        const std::uint64_t block = 4U << (dczid & 0xf);
        for (; address < end; address += block)
            asm volatile("dc zva, %0" ::"r"(address) : "memory");
    } else {
        for (; address < end; address += 16)
            asm volatile("stp xzr, xzr, [%0]" ::"r"(address) : "memory");
    }
}

} // namespace twofold::hyp
