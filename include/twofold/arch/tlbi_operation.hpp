// SPDX-License-Identifier: MIT
// TlbiOperation and Barrier: the instructions that take translations out of TLBs, as a Port
// executes them.
#pragma once

#include <cstdint>

namespace twofold {

// How far a TLBI must reach. An upgrade of permissions needs to be seen only by the CPU that
// faulted; another that still holds the old entry takes a fault of its own.
enum class InvalidationScope : std::uint8_t { local, inner_shareable };

enum class TlbiKind : std::uint8_t {
    ipas2,    // IPAS2(L)E1(IS): by IPA; the operand is TlbiByIpa
    ripas2,   // RIPAS2(L)E1(IS): by range; the operand is TlbiByRange
    vmalle1,  // VMALLE1(IS): stage 1 of the VMID, and combined entries; no operand
    vmalls12, // VMALLS12E1(IS): stages 1 and 2 of the VMID; no operand, no VMALLE1 after it
};

struct TlbiOperation {
    TlbiKind kind = TlbiKind::vmalls12;
    InvalidationScope scope = InvalidationScope::inner_shareable; // the IS form
    bool last_level = false;                                      // the ..LE1 form
    bool nxs = false;          // the nXS form (FEAT_XS), before a DSB nXS
    std::uint64_t operand = 0; // of IPAS2 and RIPAS2

    constexpr bool operator==(const TlbiOperation&) const = default;
};

enum class Barrier : std::uint8_t {
    dsb_ishst,   // stores are visible to every walker of the domain
    dsb_nshst,   // the same, for the walker of this CPU
    dsb_ish,     // TLBIs of this CPU are complete on every CPU of the domain
    dsb_nsh,     // the same, on this CPU
    dsb_ish_nxs, // the same without waiting for accesses with the XS attribute (FEAT_XS)
    dsb_nsh_nxs,
    isb,
};

} // namespace twofold
