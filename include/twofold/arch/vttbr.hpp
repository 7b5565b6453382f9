// SPDX-License-Identifier: MIT
// Vttbr: VTTBR_EL2, the root of a stage-2 table and the VMID that tags its TLB entries.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/field.hpp>
#include <twofold/arch/geometry.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

struct Vttbr {
    std::uint64_t value = 0;

    using cnp = Field<0>;
    using baddr = Field<47, 1>;
    using baddr_51_48 = Field<5, 2>; // with 52-bit addresses
    using vmid = Field<63, 48>;

    // `root` is aligned to geometry.root_bytes() (AArch64.S2TTBaseAddress ignores lower bits) and
    // fits the output size. VMIDs are 8 or 16 bits wide (VTCR_EL2.VS); 0 is left to the host.
    static constexpr std::expected<Vttbr, Error> make(const Geometry& geometry, Pa root,
                                                      unsigned vmid, bool vmid16,
                                                      bool common_not_private = false) {
        if (!root.is_aligned(geometry.root_bytes())) {
            return std::unexpected(Error::table_misaligned);
        }
        if (!geometry.fits(root, geometry.root_bytes())) {
            return std::unexpected(Error::pa_out_of_range);
        }
        if (vmid == 0 || vmid > (vmid16 ? 0xffffU : 0xffU)) {
            return std::unexpected(Error::vmid_out_of_range);
        }
        return Vttbr{vmid::of(vmid) | (root.value & bit_mask(47, 6)) |
                     (wide(geometry) ? baddr_51_48::of(root.value >> 48) : 0) |
                     cnp::of(common_not_private ? 1 : 0)};
    }

    constexpr Pa root(const Geometry& geometry) const {
        if (wide(geometry)) {
            return Pa{(value & bit_mask(47, 6)) | (baddr_51_48::get(value) << 48)};
        }
        return Pa{value & baddr::mask};
    }

    // Bits 5:2 are address bits 51:48: with LPA2, and with the 64K granule if PS says 52 bits.
    static constexpr bool wide(const Geometry& geometry) {
        return geometry.lpa2() || (geometry.wide_64k() && geometry.pa_bits() == 52);
    }
    constexpr bool operator==(const Vttbr&) const = default;
};

} // namespace twofold
