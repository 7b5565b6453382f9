// SPDX-License-Identifier: MIT
// FaultStatus: DFSC and IFSC, the six bits of ESR_EL2 that say what kind of fault and at which
// level (EncodeLDFSC).
#pragma once

#include <twofold/arch/granule.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold {

enum class FaultKind : std::uint8_t {
    address_size,
    translation,
    access_flag,
    permission,
    sync_external,
    sync_external_on_walk,
    sync_tag_check,
    parity,
    parity_on_walk,
    alignment,
    granule_protection,
    granule_protection_on_walk,
    tlb_conflict,
    unsupported_hardware_update,
    lockdown,
    unsupported_atomic,
    unknown,
};

constexpr std::string_view to_string(FaultKind kind) {
    switch (kind) {
    case FaultKind::address_size:
        return "address size";
    case FaultKind::translation:
        return "translation";
    case FaultKind::access_flag:
        return "access flag";
    case FaultKind::permission:
        return "permission";
    case FaultKind::sync_external:
        return "synchronous external abort";
    case FaultKind::sync_external_on_walk:
        return "synchronous external abort on a table walk";
    case FaultKind::sync_tag_check:
        return "tag check";
    case FaultKind::parity:
        return "parity or ECC";
    case FaultKind::parity_on_walk:
        return "parity or ECC on a table walk";
    case FaultKind::alignment:
        return "alignment";
    case FaultKind::granule_protection:
        return "granule protection";
    case FaultKind::granule_protection_on_walk:
        return "granule protection on a table walk";
    case FaultKind::tlb_conflict:
        return "TLB conflict";
    case FaultKind::unsupported_hardware_update:
        return "unsupported atomic hardware update";
    case FaultKind::lockdown:
        return "lockdown";
    case FaultKind::unsupported_atomic:
        return "unsupported exclusive or atomic access";
    case FaultKind::unknown:
        return "unknown";
    }
    return "unknown";
}

struct FaultStatus {
    FaultKind kind = FaultKind::unknown;
    // Of the entry that faulted, -2..3; only for kinds that have one (-2 exists with D128 only).
    std::optional<Level> level = {};

    constexpr bool operator==(const FaultStatus&) const = default;

    static constexpr FaultStatus decode(std::uint64_t code);
    // The code, where the architecture has one for this kind and level.
    constexpr std::optional<std::uint64_t> encode() const;
};

namespace fault_status {
struct Row {
    std::uint8_t code;
    FaultKind kind;
    std::int8_t level; // 127: none
};
inline constexpr std::int8_t none = 127;
// Codes that are not base + level.
inline constexpr Row rows[] = {
    {0x10, FaultKind::sync_external, none},
    {0x11, FaultKind::sync_tag_check, none},
    {0x12, FaultKind::sync_external_on_walk, -2},
    {0x13, FaultKind::sync_external_on_walk, -1},
    {0x18, FaultKind::parity, none},
    {0x1b, FaultKind::parity_on_walk, -1},
    {0x21, FaultKind::alignment, none},
    {0x22, FaultKind::granule_protection_on_walk, -2},
    {0x23, FaultKind::granule_protection_on_walk, -1},
    {0x28, FaultKind::granule_protection, none},
    {0x29, FaultKind::address_size, -1},
    {0x2a, FaultKind::translation, -2},
    {0x2b, FaultKind::translation, -1},
    {0x2c, FaultKind::address_size, -2},
    {0x30, FaultKind::tlb_conflict, none},
    {0x31, FaultKind::unsupported_hardware_update, none},
    {0x34, FaultKind::lockdown, none},
    {0x35, FaultKind::unsupported_atomic, none},
};
// base + level for levels 0..3.
inline constexpr Row bases[] = {
    {0x00, FaultKind::address_size, 0},
    {0x04, FaultKind::translation, 0},
    {0x08, FaultKind::access_flag, 0},
    {0x0c, FaultKind::permission, 0},
    {0x14, FaultKind::sync_external_on_walk, 0},
    {0x1c, FaultKind::parity_on_walk, 0},
    {0x24, FaultKind::granule_protection_on_walk, 0},
};
} // namespace fault_status

namespace fault_status {
constexpr FaultStatus look_up(std::uint64_t code) {
    for (const auto& base : bases) {
        if ((code & ~std::uint64_t{3}) == base.code) {
            return {base.kind, static_cast<Level>(code & 3)};
        }
    }
    for (const auto& row : rows) {
        if (code == row.code) {
            return {row.kind, row.level == none ? std::nullopt : std::optional<Level>{row.level}};
        }
    }
    return {};
}
// By code, because every abort is decoded.
inline constexpr auto by_code = [] {
    std::array<FaultStatus, 64> result;
    for (std::uint64_t code = 0; code < result.size(); ++code) {
        result[code] = look_up(code);
    }
    return result;
}();
} // namespace fault_status

constexpr FaultStatus FaultStatus::decode(std::uint64_t code) {
    return code < fault_status::by_code.size() ? fault_status::by_code[code] : FaultStatus{};
}

constexpr std::optional<std::uint64_t> FaultStatus::encode() const {
    if (level && *level >= 0 && *level <= page_level) {
        for (const auto& base : fault_status::bases) {
            if (base.kind == kind) {
                return base.code + static_cast<std::uint64_t>(*level);
            }
        }
        return std::nullopt;
    }
    for (const auto& row : fault_status::rows) {
        if (row.kind == kind && row.level == (level ? *level : fault_status::none)) {
            return row.code;
        }
    }
    return std::nullopt;
}

} // namespace twofold
