// SPDX-License-Identifier: MIT
// Attributes: everything that a stage-2 leaf says beside its output address; AttributeFormat: how
// this CPU encodes it.
#pragma once

#include <twofold/arch/error.hpp>
#include <twofold/arch/field.hpp>
#include <twofold/arch/granule.hpp>
#include <twofold/arch/memory_type.hpp>
#include <twofold/arch/permissions.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

struct Attributes {
    Permissions permissions = {};
    MemoryType type = MemoryType::normal_wb;
    Shareability shareability = Shareability::inner;
    bool access_flag = true;
    // With VTCR_EL2.HD, hardware may set S2AP[1]: the leaf is writable-clean.
    bool dbm = false;
    bool fnxs = false;         // [11] FnXS: accesses have the XS attribute cleared (FEAT_XS)
    bool nt = false;           // [16] nT, for blocks under FEAT_BBM level 1
    std::uint8_t software = 0; // [58:55], not read by hardware outside Realm state

    constexpr bool operator==(const Attributes&) const = default;
};

namespace leaf {
using mem_attr = Field<5, 2>;
using s2ap = Field<7, 6>;
using s2ap_read = Field<6>;
using s2ap_write = Field<7>;
using sh = Field<9, 8>; // output address bits 51:50 with LPA2
using af = Field<10>;
using fnxs = Field<11>;
using nt = Field<16>; // blocks only
using dbm = Field<51>;
using contiguous = Field<52>;
using xn = Field<54, 53>;
using software = Field<58, 55>;
} // namespace leaf

struct AttributeFormat {
    bool fwb = false;
    bool xnx = false;
    bool lpa2 = false; // SH comes from VTCR_EL2.SH0, which Geometry::vtcr sets to inner shareable

    // The descriptor bits of `a`; an error for what the format cannot express, never a weaker or
    // stronger setting. DBM and FnXS are written as asked: Stage2 knows whether the CPU has them.
    // In line: what a caller says with constants is settled when he is compiled.
    [[gnu::always_inline]] constexpr std::expected<std::uint64_t, Error>
    encode(const Attributes& a) const {
        const auto xn = a.permissions.xn(xnx);
        if (!xn) {
            return std::unexpected(xn.error());
        }
        const auto attr = encode_memory_type(a.type, fwb);
        if (!attr) {
            return std::unexpected(attr.error());
        }
        if (lpa2 && a.shareability != Shareability::inner) {
            return std::unexpected(Error::shareability_fixed_by_lpa2);
        }
        if (a.software > leaf::software::max) {
            return std::unexpected(Error::software_bits_out_of_range);
        }
        std::uint64_t bits = leaf::mem_attr::of(*attr) | leaf::s2ap::of(a.permissions.s2ap()) |
                             leaf::xn::of(*xn) | leaf::software::of(a.software);
        if (!lpa2) {
            bits |= leaf::sh::of(static_cast<std::uint64_t>(a.shareability));
        }
        bits |= leaf::af::of(a.access_flag ? 1 : 0) | leaf::dbm::of(a.dbm ? 1 : 0) |
                leaf::fnxs::of(a.fnxs ? 1 : 0) | leaf::nt::of(a.nt ? 1 : 0);
        return bits;
    }

    // What a leaf of `level` says. SH = 01 is reserved and acts as outer shareable; bit 16 of a
    // page is part of its address, not nT.
    constexpr Attributes decode(std::uint64_t descriptor, Level level) const {
        const std::uint64_t sh = leaf::sh::get(descriptor);
        return {
            .permissions =
                Permissions::decode(leaf::s2ap::get(descriptor), leaf::xn::get(descriptor), xnx),
            .type = decode_memory_type(leaf::mem_attr::get(descriptor), fwb),
            .shareability = lpa2         ? Shareability::inner
                            : sh == 0b01 ? Shareability::outer
                                         : static_cast<Shareability>(sh),
            .access_flag = leaf::af::is_set(descriptor),
            .dbm = leaf::dbm::is_set(descriptor),
            .fnxs = leaf::fnxs::is_set(descriptor),
            .nt = level != page_level && leaf::nt::is_set(descriptor),
            .software = static_cast<std::uint8_t>(leaf::software::get(descriptor)),
        };
    }
};

} // namespace twofold
