// SPDX-License-Identifier: MIT
// How a stage-2 descriptor and stage 1 together make the memory type of an access.
#pragma once

#include <twofold/model/access.hpp>
#include <twofold/model/memory_attributes.hpp>
#include <twofold/model/walk_config.hpp>
#include <twofold/model/walk_parameters.hpp>

#include <cstdint>

namespace twofold::model {

// The stage-2 type of a leaf: S2DecodeMemAttrs, or AArch64.S2ApplyFWBMemAttrs, which has combined
// stage 1 already.
[[nodiscard]] MemoryAttributes stage2_attributes(const WalkConfig& config,
                                                 const WalkParameters& parameters,
                                                 std::uint64_t descriptor,
                                                 const MemoryAttributes& stage1);

// The end of AArch64.S2Translate: cache disables, then S2CombineS1MemAttrs.
[[nodiscard]] MemoryAttributes combined_attributes(const WalkParameters& parameters,
                                                   const Access& access,
                                                   const MemoryAttributes& stage2);

} // namespace twofold::model
