// SPDX-License-Identifier: MIT
// The identification registers at the end of the emulated GICD and GICR frames.
#pragma once

#include "gic/gic_registers.hpp"

#include <array>
#include <cstdint>

namespace twofold::hyp {

// GICD_IIDR and GICR_IIDR: product 'T', implementer Arm.
inline constexpr std::uint32_t implementer_value = 0x5400043b;

// PIDR0 of each frame.
inline constexpr std::uint8_t distributor_part = 0x92;
inline constexpr std::uint8_t redistributor_part = 0x93;

// `offset` is gicd::identification or above. PIDR4 to 7, PIDR0 to 3, CIDR0 to 3; GICv3.
constexpr std::uint32_t identification_value(unsigned offset, std::uint8_t part) {
    constexpr std::array<std::uint8_t, 12> values{0x44, 0x00, 0x00, 0x00, 0x00, 0xb4,
                                                  0x3b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    const unsigned index = (offset - gicd::identification) / 4;
    return index == 4 ? part : values[index % values.size()];
}

} // namespace twofold::hyp
