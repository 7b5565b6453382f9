// SPDX-License-Identifier: MIT
// TlbiCover: what a TLBI reaches, decoded from its operand as the manual lays it out.
#pragma once

#include <twofold/arch/tlbi_operation.hpp>
#include <twofold/model/checker_config.hpp>

#include <cstdint>
#include <optional>

namespace twofold::model {

struct TlbiCover {
    TlbiKind kind = TlbiKind::vmalls12;
    bool local = false;
    bool last_level = false; // leaf entries only
    bool nxs = false;
    bool other_granule = false;    // does nothing here
    bool well_formed = true;       // neither reserved nor UNPREDICTABLE
    std::optional<int> level = {}; // leaf entries of this level only
    // Input addresses; for IPAS2 one.
    std::uint64_t start = 0;
    std::uint64_t end = ~std::uint64_t{0};

    [[nodiscard]] bool overlaps(std::uint64_t from, std::uint64_t to) const {
        return start < to && from < end;
    }
};

[[nodiscard]] TlbiCover decode_tlbi(const CheckerConfig& config, const TlbiOperation& operation);

} // namespace twofold::model
