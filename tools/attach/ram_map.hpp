// SPDX-License-Identifier: MIT
// RamMap: where a machine has memory. Reading of anything else has effects on devices.
#pragma once

#include <twofold/arch/address.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace twofold::tool {

class RamMap {
public:
    // What QEMU's monitor says to "info mtree -f", of the address space "memory". Empty if it says
    // nothing of the kind.
    static std::optional<RamMap> parse(std::string_view text);

    void add(std::uint64_t first, std::uint64_t last);
    bool contains(Pa pa, std::uint64_t bytes) const;

private:
    static constexpr std::size_t most_ranges = 1U << 16;
    std::map<std::uint64_t, std::uint64_t> last_; // by the first address
};

} // namespace twofold::tool
