// SPDX-License-Identifier: MIT
// RegisterField: one field of a register with its bits, value and meaning.
#pragma once

#include <twofold/arch/vtcr.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

// The fields of VTCR_EL2 from bit 0 up. Fields of extensions that are all zero are left out.
std::vector<RegisterField> vtcr_words(Vtcr vtcr);

// The most important of it, in short.
std::vector<std::string> vtcr_summary(Vtcr vtcr);

} // namespace twofold::tool
