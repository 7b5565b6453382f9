// SPDX-License-Identifier: MIT
// Bits of registers, as the manual writes them.
#include "tools/text/register_field.hpp"

#include <fmt/format.h>

namespace twofold::tool {

std::string bit_range(unsigned high, unsigned low) {
    return high == low ? fmt::format("[{}]", low) : fmt::format("[{}:{}]", high, low);
}

std::string RegisterField::bits() const { return bit_range(high, low); }

std::string bit_ranges(std::uint64_t mask) {
    std::string text;
    while (mask != 0) {
        const unsigned high = 63 - static_cast<unsigned>(std::countl_zero(mask));
        unsigned low = high;
        while (low > 0 && (mask >> (low - 1) & 1) != 0) {
            --low;
        }
        text += (text.empty() ? "" : ", ") + bit_range(high, low);
        mask &= ~bit_mask(high, low);
    }
    return text;
}

} // namespace twofold::tool
