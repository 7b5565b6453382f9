// SPDX-License-Identifier: MIT
// Barriers, and TLBI instructions for the VMID in VTTBR_EL2 by their encodings, so that an
// assembler for Armv8.0 takes them: C9 in place of C8 is the nXS form of FEAT_XS.
#pragma once

#include "cpu/sysreg.hpp"

#include <twofold/arch/tlbi_operation.hpp>

#include <cstdint>

namespace twofold::hyp {

// SYS #op1, C8 or C9, Cm, #op2, Xt; an instruction that takes no operand must be given XZR.
#define TWOFOLD_TLBI(op1, cm, op2, operand)                                                        \
    do {                                                                                           \
        const std::uint64_t xt_ = operand;                                                         \
        if (operation.nxs)                                                                         \
            asm volatile("sys #" #op1 ", c9, " #cm ", #" #op2 ", %x0" ::"rZ"(xt_) : "memory");     \
        else                                                                                       \
            asm volatile("sys #" #op1 ", c8, " #cm ", #" #op2 ", %x0" ::"rZ"(xt_) : "memory");     \
        return;                                                                                    \
    } while (false)

[[gnu::always_inline]] inline void execute(Barrier barrier) {
    switch (barrier) {
    case Barrier::dsb_ishst:
        return dsb_ishst();
    case Barrier::dsb_nshst:
        return dsb_nshst();
    case Barrier::dsb_ish:
        return dsb_ish();
    case Barrier::dsb_nsh:
        return dsb_nsh();
    // Only a CPU with FEAT_XS is asked for these.
    case Barrier::dsb_ish_nxs:
        return dsb_ish_nxs();
    case Barrier::dsb_nsh_nxs:
        return dsb_nsh_nxs();
    case Barrier::isb:
        return isb();
    }
}

// On all CPUs of the inner shareable domain, or on this one only.
[[gnu::always_inline]] inline void execute(const TlbiOperation& operation) {
    const bool broadcast = operation.scope == InvalidationScope::inner_shareable;
    switch (operation.kind) {
    case TlbiKind::ipas2:
        if (operation.last_level && broadcast)
            TWOFOLD_TLBI(4, c0, 5, operation.operand); // IPAS2LE1IS
        if (operation.last_level)
            TWOFOLD_TLBI(4, c4, 5, operation.operand); // IPAS2LE1
        if (broadcast)
            TWOFOLD_TLBI(4, c0, 1, operation.operand); // IPAS2E1IS
        TWOFOLD_TLBI(4, c4, 1, operation.operand);     // IPAS2E1
    case TlbiKind::ripas2:
        if (operation.last_level && broadcast)
            TWOFOLD_TLBI(4, c0, 6, operation.operand); // RIPAS2LE1IS
        if (operation.last_level)
            TWOFOLD_TLBI(4, c4, 6, operation.operand); // RIPAS2LE1
        if (broadcast)
            TWOFOLD_TLBI(4, c0, 2, operation.operand); // RIPAS2E1IS
        TWOFOLD_TLBI(4, c4, 2, operation.operand);     // RIPAS2E1
    case TlbiKind::vmalle1:
        if (broadcast)
            TWOFOLD_TLBI(0, c3, 0, 0); // VMALLE1IS
        TWOFOLD_TLBI(0, c7, 0, 0);     // VMALLE1
    case TlbiKind::vmalls12:
        if (broadcast)
            TWOFOLD_TLBI(4, c3, 6, 0); // VMALLS12E1IS
        TWOFOLD_TLBI(4, c7, 6, 0);     // VMALLS12E1
    }
}

#undef TWOFOLD_TLBI

} // namespace twofold::hyp
