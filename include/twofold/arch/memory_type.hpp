// SPDX-License-Identifier: MIT
// MemoryType and Shareability of a stage-2 leaf (MemAttr and SH).
#pragma once

#include <twofold/arch/error.hpp>

#include <cstdint>
#include <expected>
#include <string_view>

namespace twofold {

enum class MemoryType : std::uint8_t {
    device_nGnRnE,
    device_nGnRE,
    device_nGRE,
    device_GRE,
    normal_nc,
    normal_wt, // only without FEAT_S2FWB
    // Write-Back. With FEAT_S2FWB forced whatever stage 1 says; without it stage 1 may weaken it.
    normal_wb,
    // With FEAT_S2FWB stage 1 decides alone. Without it that is what normal_wb means already.
    stage1_decides,
};

// [9:8] SH
enum class Shareability : std::uint8_t { none = 0b00, outer = 0b10, inner = 0b11 };

constexpr bool is_device(MemoryType type) { return type <= MemoryType::device_GRE; }
// Whether a guest's accesses may hit a data cache, so that cache maintenance has an effect.
constexpr bool is_cacheable(MemoryType type) { return type >= MemoryType::normal_wt; }

constexpr std::string_view to_string(MemoryType type) {
    switch (type) {
    case MemoryType::device_nGnRnE:
        return "Device-nGnRnE";
    case MemoryType::device_nGnRE:
        return "Device-nGnRE";
    case MemoryType::device_nGRE:
        return "Device-nGRE";
    case MemoryType::device_GRE:
        return "Device-GRE";
    case MemoryType::normal_nc:
        return "Normal-NC";
    case MemoryType::normal_wt:
        return "Normal-WT";
    case MemoryType::normal_wb:
        return "Normal-WB";
    case MemoryType::stage1_decides:
        return "Normal-as-stage-1";
    }
    return "unknown";
}

constexpr std::string_view to_string(Shareability shareability) {
    switch (shareability) {
    case Shareability::none:
        return "non-shareable";
    case Shareability::outer:
        return "outer-shareable";
    case Shareability::inner:
        return "inner-shareable";
    }
    return "reserved";
}

// [5:2] MemAttr. Without FWB (S2DecodeMemAttrs): Device 00tt, Normal outer[3:2] inner[1:0].
// With FWB (AArch64.S2ApplyFWBMemAttrs): Device x0tt, 101 NC, 110 WB, 111 as stage 1.
namespace memory_attributes {
inline constexpr std::uint8_t none = 0xff;
inline constexpr std::uint8_t values[2][8] = {
    {0b0000, 0b0001, 0b0010, 0b0011, 0b0101, 0b1010, 0b1111, none},
    {0b0000, 0b0001, 0b0010, 0b0011, 0b0101, none, 0b0110, 0b0111},
};
} // namespace memory_attributes
constexpr std::expected<std::uint64_t, Error> encode_memory_type(MemoryType type, bool fwb) {
    const std::uint8_t value =
        memory_attributes::values[fwb ? 1 : 0][static_cast<unsigned>(type) & 7];
    if (value == memory_attributes::none) [[unlikely]] {
        return std::unexpected(fwb ? Error::memory_type_not_with_fwb
                                   : Error::memory_type_needs_fwb);
    }
    return value;
}

// The type that a MemAttr value means; for Normal memory with different inner and outer
// cacheability the weaker one, for a reserved cacheability the type that denies most
// (Device-nGnRnE).
constexpr MemoryType decode_memory_type(std::uint64_t attr, bool fwb) {
    if (fwb) {
        switch (attr & 0b111) {
        case 0b111:
            return MemoryType::stage1_decides;
        case 0b110:
            return MemoryType::normal_wb;
        case 0b101:
        case 0b100:
            return MemoryType::normal_nc;
        default:
            return static_cast<MemoryType>(attr & 0b11);
        }
    }
    const std::uint64_t outer = (attr >> 2) & 0b11;
    const std::uint64_t inner = attr & 0b11;
    if (outer == 0) {
        return static_cast<MemoryType>(inner);
    }
    if (inner == 0) {
        return MemoryType::device_nGnRnE;
    }
    switch (outer < inner ? outer : inner) {
    case 0b01:
        return MemoryType::normal_nc;
    case 0b10:
        return MemoryType::normal_wt;
    default:
        return MemoryType::normal_wb;
    }
}

// Values that mean no type of their own, without FEAT_MTE_PERM: a cacheability of 00, and with FWB
// bit 3 and 100. The CPU takes them for something.
constexpr bool is_reserved_memory_type(std::uint64_t attr, bool fwb) {
    return fwb ? attr > 0b0111 || attr == 0b0100 : attr >= 0b0100 && (attr & 0b11) == 0;
}

} // namespace twofold
