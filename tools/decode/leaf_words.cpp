// SPDX-License-Identifier: MIT
// Permissions, memory types and levels in words.
#include "tools/decode/leaf_words.hpp"

#include "tools/text/size.hpp"

#include <twofold/arch/memory_type.hpp>

#include <fmt/format.h>

namespace twofold::tool {

std::string permission_letters(const Permissions& p) {
    const char execute = p.execute_el1 && p.execute_el0 ? 'x'
                         : p.execute_el1                ? '1'
                         : p.execute_el0                ? '0'
                                                        : '-';
    return {p.read ? 'r' : '-', p.write ? 'w' : '-', execute};
}

std::string access_words(const Permissions& p) {
    return p.read && p.write ? "read and write"
           : p.read          ? "read only"
           : p.write         ? "write only"
                             : "no data access";
}

std::string execute_words(const Permissions& p) {
    return p.execute_el1 && p.execute_el0 ? "EL1 and EL0 execute"
           : p.execute_el1                ? "EL1 executes"
           : p.execute_el0                ? "EL0 executes"
                                          : "nobody executes";
}

std::string memory_type_words(std::uint64_t attr, std::optional<bool> fwb) {
    const auto words = [attr](bool forced) {
        return is_reserved_memory_type(attr, forced)
                   ? std::string{"reserved"}
                   : std::string{to_string(decode_memory_type(attr, forced))};
    };
    if (fwb) {
        return words(*fwb);
    }
    const std::string without = words(false);
    const std::string with = words(true);
    return without == with ? without : fmt::format("{} ({} with HCR_EL2.FWB)", without, with);
}

std::string no_block_words(const Geometry& geometry, Level level) {
    const bool ever =
        level == (geometry.granule() == Granule::k4 ? 0 : 1); // the lowest that may have one
    if (!ever) {
        return fmt::format("with the {} granule", granule_words(geometry.granule()));
    }
    return geometry.granule() == Granule::k64 ? "without 52-bit addresses (FEAT_LPA)"
                                              : "without LPA2 (VTCR_EL2.DS)";
}

} // namespace twofold::tool
