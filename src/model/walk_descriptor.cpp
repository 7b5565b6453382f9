// SPDX-License-Identifier: MIT
// Kinds, addresses and contiguous groups of the 64-bit descriptor.
#include <twofold/model/bits.hpp>
#include <twofold/model/walk_descriptor.hpp>

namespace twofold::model {

namespace {

// The output address down to `low`, in the three formats of a 64-bit descriptor.
std::uint64_t output_address(const WalkConfig& config, const WalkParameters& parameters,
                             std::uint64_t descriptor, unsigned low) {
    if (parameters.ds) {
        // [49:low] in place, [9:8] OA[51:50]
        return (field(descriptor, 9, 8) << 50) | (field(descriptor, 49, low) << low);
    }
    std::uint64_t address = field(descriptor, 47, low) << low;
    if (parameters.granule == WalkGranule::k64 && config.lpa) {
        address |= field(descriptor, 15, 12) << 48; // [15:12] OA[51:48]
    }
    return address;
}

} // namespace

bool block_supported(const WalkConfig& config, const WalkParameters& parameters, int level) {
    switch (parameters.granule) {
    case WalkGranule::k4:
        return level == 2 || level == 1 || (level == 0 && parameters.ds);
    case WalkGranule::k16:
        return level == 2 || (level == 1 && parameters.ds);
    case WalkGranule::k64:
        return level == 2 || (level == 1 && config.pa_max >= 52);
    }
    return false;
}

DescriptorKind descriptor_kind(const WalkConfig& config, const WalkParameters& parameters,
                               std::uint64_t descriptor, int level) {
    switch (field(descriptor, 1, 0)) {
    case 3:
        return level == 3 ? DescriptorKind::page : DescriptorKind::table;
    case 1:
        return block_supported(config, parameters, level) ? DescriptorKind::block
                                                          : DescriptorKind::invalid;
    default:
        return DescriptorKind::invalid;
    }
}

std::uint64_t next_table_base(const WalkConfig& config, const WalkParameters& parameters,
                              std::uint64_t descriptor) {
    return output_address(config, parameters, descriptor, parameters.granule_bits);
}

std::uint64_t leaf_base(const WalkConfig& config, const WalkParameters& parameters,
                        std::uint64_t descriptor, int level) {
    return output_address(config, parameters, descriptor, leaf_bits(parameters, level));
}

unsigned contiguous_bits(const WalkParameters& parameters, int level) {
    switch (parameters.granule) {
    case WalkGranule::k4:
        return level >= 1 ? 4 : 0;
    case WalkGranule::k16:
        return level == 3 ? 7 : level == 2 ? 5 : 0;
    case WalkGranule::k64:
        return level >= 2 ? 5 : 0;
    }
    return 0;
}

} // namespace twofold::model
