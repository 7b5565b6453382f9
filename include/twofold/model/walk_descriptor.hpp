// SPDX-License-Identifier: MIT
// The 64-bit stage-2 descriptor as a walk reads it: its kind, where it points, and how far a
// contiguous group reaches.
#pragma once

#include <twofold/model/walk_config.hpp>
#include <twofold/model/walk_parameters.hpp>

#include <cstdint>

namespace twofold::model {

enum class DescriptorKind : std::uint8_t { invalid, table, block, page };

// AArch64.DecodeDescriptorType
[[nodiscard]] DescriptorKind descriptor_kind(const WalkConfig& config,
                                             const WalkParameters& parameters,
                                             std::uint64_t descriptor, int level);

// AArch64.BlockDescSupported
[[nodiscard]] bool block_supported(const WalkConfig& config, const WalkParameters& parameters,
                                   int level);

// AArch64.NextTableBase
[[nodiscard]] std::uint64_t next_table_base(const WalkConfig& config,
                                            const WalkParameters& parameters,
                                            std::uint64_t descriptor);

// AArch64.LeafBase
[[nodiscard]] std::uint64_t leaf_base(const WalkConfig& config, const WalkParameters& parameters,
                                      std::uint64_t descriptor, int level);

// ContiguousSize: log2 of the descriptors in a contiguous group; 0 where the bit is ignored.
[[nodiscard]] unsigned contiguous_bits(const WalkParameters& parameters, int level);

} // namespace twofold::model
