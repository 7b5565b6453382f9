// SPDX-License-Identifier: MIT
// A stage-2 fault with the syndrome that the CPU reports for it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/model/access.hpp>

#include <cstdint>

namespace twofold::model {

enum class FaultKind : std::uint8_t {
    address_size,
    translation,
    access_flag,
    permission,
    alignment,
    external_on_walk, // synchronous external abort on a load or an update of a descriptor
};

struct WalkFault {
    FaultKind kind = FaultKind::translation;
    int level = 0;
    bool dirty_bit = false; // the write found a descriptor that is not dirty (FEAT_S2PIE)

    std::uint32_t dfsc = 0; // ESR_EL2 ISS [5:0]; IFSC for a fetch
    std::uint32_t iss = 0;  // ESR_EL2 [24:0]; ISV and what it makes valid are 0
    std::uint32_t iss2 = 0; // ESR_EL2 [55:32]
    bool hpfar_valid = false;
    std::uint64_t hpfar = 0; // HPFAR_EL2; UNKNOWN unless hpfar_valid
};

// A fault with its syndrome filled in. `write` says whether the write half of the access faulted.
[[nodiscard]] WalkFault make_fault(FaultKind kind, int level, Ipa ipa, const Access& access,
                                   bool write, bool dirty_bit = false);

} // namespace twofold::model
