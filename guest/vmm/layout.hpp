// SPDX-License-Identifier: MIT
// Where the guest's devices are: below 1 GiB, as on QEMU's machine "virt".
#pragma once

#include <cstdint>

namespace twofold::vmm {

struct DeviceRange {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
};

inline constexpr DeviceRange distributor{0x08000000, 0x10000};
inline constexpr DeviceRange redistributors{0x080a0000, 0x20000}; // of one CPU
inline constexpr DeviceRange uart{0x09000000, 0x1000};

} // namespace twofold::vmm
