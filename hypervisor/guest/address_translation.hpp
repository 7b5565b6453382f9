// SPDX-License-Identifier: MIT
// Stage 1 of the guest that is on this CPU, asked of the hardware: AT S1E1R and PAR_EL1.
#pragma once

#include "cpu/sysreg.hpp"

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <optional>

namespace twofold::hyp {

// The IPA of a virtual address for reading at EL1; empty where stage 1 has none. PAR_EL1 is the
// guest's and keeps its value.
inline std::optional<Ipa> translate_stage1(std::uint64_t address) {
    const std::uint64_t saved = TWOFOLD_READ_SYSREG(PAR_EL1);
    asm volatile("at s1e1r, %0" ::"r"(address) : "memory");
    isb();
    const std::uint64_t par = TWOFOLD_READ_SYSREG(PAR_EL1);
    TWOFOLD_WRITE_SYSREG(PAR_EL1, saved);
    if ((par & 1) != 0) // F
        return std::nullopt;
    // [51:12] PA
    return Ipa{(par & bit_mask(51, 12)) | (address & bit_mask(11, 0))};
}

} // namespace twofold::hyp
