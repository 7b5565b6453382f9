// SPDX-License-Identifier: MIT
// Stage-2 translation as the manual's pseudocode has it (AArch64.S2Translate), independent of the
// engine that builds the tables: it is the judge of what they mean.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/model/access.hpp>
#include <twofold/model/memory.hpp>
#include <twofold/model/walk_config.hpp>
#include <twofold/model/walk_result.hpp>

namespace twofold::model {

// Translates one access. Updates AF and dirty state in memory where the configuration has the
// hardware do so. Allocates nothing.
[[nodiscard]] WalkResult walk(const WalkConfig& config, MemoryRef memory, Ipa ipa,
                              const Access& access);

} // namespace twofold::model
