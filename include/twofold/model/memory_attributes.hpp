// SPDX-License-Identifier: MIT
// The memory type of a translation: what stage 1 said, what stage 2 says, or both combined.
#pragma once

#include <cstdint>

namespace twofold::model {

enum class MemoryType : std::uint8_t { device, normal };

// In the order of strength: the smaller is the stronger.
enum class DeviceType : std::uint8_t { nGnRnE, nGnRE, nGRE, GRE };

// Values of the architecture; 0b01 is reserved.
enum class Cacheability : std::uint8_t { non_cacheable = 0, write_through = 2, write_back = 3 };

// Values of the architecture; 0b01 is reserved.
enum class Shareability : std::uint8_t { non_shareable = 0, outer = 2, inner = 3 };

struct MemoryAttributes {
    MemoryType type = MemoryType::normal;
    DeviceType device = DeviceType::nGnRnE;        // where type is device
    Cacheability inner = Cacheability::write_back; // where type is normal
    Cacheability outer = Cacheability::write_back; // where type is normal
    Shareability shareability = Shareability::inner;
    bool xs = false;            // FEAT_XS; stage 1 gives false for write-back
    bool no_tag_access = false; // FEAT_MTE_PERM

    friend constexpr bool operator==(const MemoryAttributes&, const MemoryAttributes&) = default;
};

constexpr MemoryAttributes normal_write_back{};
constexpr MemoryAttributes normal_non_cacheable{.inner = Cacheability::non_cacheable,
                                                .outer = Cacheability::non_cacheable,
                                                .shareability = Shareability::outer,
                                                .xs = true};

constexpr MemoryAttributes device_memory(DeviceType device) {
    return {.type = MemoryType::device,
            .device = device,
            .shareability = Shareability::outer,
            .xs = true};
}

} // namespace twofold::model
