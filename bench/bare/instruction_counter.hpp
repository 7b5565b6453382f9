// SPDX-License-Identifier: MIT
// InstructionCounter: event counter 0 of the PMU on INST_RETIRED. Under `qemu -icount shift=0` it
// is exact and repeats.
#pragma once

#include <cstdint>

namespace twofold::bench {

class InstructionCounter {
public:
    static void start() {
        constexpr std::uint64_t inst_retired = 8;
        asm volatile("msr pmevtyper0_el0, %0\n\t"
                     "msr pmcntenset_el0, %1\n\t"
                     "msr pmcr_el0, %1\n\t"
                     "isb" ::"r"(inst_retired),
                     "r"(std::uint64_t{1}));
    }
    // 32 bits wide: differences of less than 2^32 instructions.
    static std::uint32_t now() {
        std::uint64_t count = 0;
        asm volatile("isb\n\tmrs %0, pmevcntr0_el0\n\tisb" : "=r"(count)::"memory");
        return static_cast<std::uint32_t>(count);
    }
};

} // namespace twofold::bench
