// SPDX-License-Identifier: MIT
// Vtcr: VTCR_EL2, the control register of stage 2, as a value.
#pragma once

#include <twofold/arch/field.hpp>
#include <twofold/arch/granule.hpp>

#include <cstdint>

namespace twofold {

struct Vtcr {
    std::uint64_t value = 0;

    using t0sz = Field<5, 0>;
    using sl0 = Field<7, 6>;
    using irgn0 = Field<9, 8>;
    using orgn0 = Field<11, 10>;
    using sh0 = Field<13, 12>;
    using tg0 = Field<15, 14>;
    using ps = Field<18, 16>;
    using vs = Field<19>;
    using ha = Field<21>;
    using hd = Field<22>;
    using hwu = Field<28, 25>; // HWU62..HWU59
    using nsw = Field<29>;
    using nsa = Field<30>;
    using res1 = Field<31>;
    using ds = Field<32>;
    using sl2 = Field<33>;
    using assured_only = Field<34>;
    using tl1 = Field<35>;
    using s2pie = Field<36>;
    using s2poe = Field<37>;
    using d128 = Field<38>;
    using gcsh = Field<40>;
    using tl0 = Field<41>;
    using haft = Field<44>;

    constexpr unsigned ipa_bits() const { return 64 - static_cast<unsigned>(t0sz::get(value)); }
    constexpr bool operator==(const Vtcr&) const = default;
};

// [15:14] TG0
constexpr std::uint64_t tg0_of(Granule granule) {
    return granule == Granule::k4 ? 0b00 : granule == Granule::k16 ? 0b10 : 0b01;
}

} // namespace twofold
