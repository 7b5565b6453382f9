// SPDX-License-Identifier: MIT
// TLBI instructions for the VMID in VTTBR_EL2. The range forms are written by their
// encoding, so that an assembler for Armv8.0 takes them.
#pragma once

#include <twofold/arch/tlbi_operation.hpp>

#include <cstdint>

namespace twofold::hyp {

#define TWOFOLD_TLBI(instruction, operand)                                                         \
    asm volatile(instruction ", %0" ::"r"(operand) : "memory")

// On all CPUs of the inner shareable domain, or on this one only.
inline void execute(const TlbiOperation& operation) {
    const bool broadcast = operation.scope == InvalidationScope::inner_shareable;
    const std::uint64_t operand = operation.operand;
    switch (operation.kind) {
    case TlbiKind::ipas2:
        if (operation.last_level && broadcast)
            TWOFOLD_TLBI("tlbi ipas2le1is", operand);
        else if (operation.last_level)
            TWOFOLD_TLBI("tlbi ipas2le1", operand);
        else if (broadcast)
            TWOFOLD_TLBI("tlbi ipas2e1is", operand);
        else
            TWOFOLD_TLBI("tlbi ipas2e1", operand);
        return;
    case TlbiKind::ripas2:
        if (operation.last_level && broadcast)
            TWOFOLD_TLBI("sys #4, c8, c0, #6", operand); // TLBI RIPAS2LE1IS
        else if (operation.last_level)
            TWOFOLD_TLBI("sys #4, c8, c4, #6", operand); // TLBI RIPAS2LE1
        else if (broadcast)
            TWOFOLD_TLBI("sys #4, c8, c0, #2", operand); // TLBI RIPAS2E1IS
        else
            TWOFOLD_TLBI("sys #4, c8, c4, #2", operand); // TLBI RIPAS2E1
        return;
    case TlbiKind::vmalle1:
        if (broadcast)
            asm volatile("tlbi vmalle1is" ::: "memory");
        else
            asm volatile("tlbi vmalle1" ::: "memory");
        return;
    case TlbiKind::vmalls12:
        if (broadcast)
            asm volatile("tlbi vmalls12e1is" ::: "memory");
        else
            asm volatile("tlbi vmalls12e1" ::: "memory");
        return;
    }
}

#undef TWOFOLD_TLBI

} // namespace twofold::hyp
