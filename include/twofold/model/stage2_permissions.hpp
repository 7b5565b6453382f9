// SPDX-License-Identifier: MIT
// What a stage-2 leaf permits, and whether an access is among it.
#pragma once

#include <twofold/model/access.hpp>
#include <twofold/model/walk_config.hpp>
#include <twofold/model/walk_parameters.hpp>
#include <twofold/model/walk_result.hpp>

#include <cstdint>

namespace twofold::model {

// AArch64.S2ComputePermissions: direct (S2AP, XN) or indirect (S2PIR_EL2).
[[nodiscard]] WalkPermissions compute_permissions(const WalkConfig& config,
                                                  const WalkParameters& parameters,
                                                  std::uint64_t descriptor);

struct PermissionCheck {
    bool permitted = true;
    bool write = false;     // what failed was the write; ESR_EL2 WnR
    bool dirty_bit = false; // permitted, but the page is not dirty and hardware may not make it so
};

// AArch64.S2CheckPermissions
[[nodiscard]] PermissionCheck check_permissions(const WalkConfig& config,
                                                const WalkParameters& parameters,
                                                const WalkPermissions& permissions,
                                                std::uint64_t descriptor, MemoryType type,
                                                const Access& access);

} // namespace twofold::model
