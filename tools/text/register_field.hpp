// SPDX-License-Identifier: MIT
// RegisterField: one field of a register or descriptor with its bits, value and meaning.
#pragma once

#include <twofold/arch/address.hpp>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace twofold::tool {

struct RegisterField {
    std::string_view name;
    unsigned high = 0;
    unsigned low = 0;
    std::uint64_t value = 0;
    std::string meaning;

    // As the manual writes it: "[7:6]" or "[19]".
    std::string bits() const;
};

// `Field` is one of arch/field.hpp; `word` is the whole register.
template <class Field>
RegisterField register_field(std::string_view name, std::uint64_t word,
                             const std::string& meaning) {
    const unsigned low = log2_of(Field::mask);
    return {.name = name,
            .high = low + static_cast<unsigned>(std::popcount(Field::mask)) - 1,
            .low = low,
            .value = Field::get(word),
            .meaning = meaning};
}

// "[7:6]" or "[19]"
std::string bit_range(unsigned high, unsigned low);

// The bits of a mask as the manual writes them, high first: "[50:48], [16]".
std::string bit_ranges(std::uint64_t mask);

} // namespace twofold::tool
