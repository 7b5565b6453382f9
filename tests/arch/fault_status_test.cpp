// SPDX-License-Identifier: MIT
// All 64 fault status codes against the manual's list (EncodeLDFSC).
#include <twofold/arch.hpp>

#include <gtest/gtest.h>

#include <set>

namespace {

using namespace twofold;
using enum FaultKind;

struct Row {
    unsigned code = 0;
    FaultKind kind = unknown;
    std::optional<Level> level = {};
};

constexpr std::optional<Level> no_level = std::nullopt;

constexpr Row rows[] = {
    {0x00, address_size, 0},
    {0x01, address_size, 1},
    {0x02, address_size, 2},
    {0x03, address_size, 3},
    {0x04, translation, 0},
    {0x05, translation, 1},
    {0x06, translation, 2},
    {0x07, translation, 3},
    {0x08, access_flag, 0},
    {0x09, access_flag, 1},
    {0x0a, access_flag, 2},
    {0x0b, access_flag, 3},
    {0x0c, permission, 0},
    {0x0d, permission, 1},
    {0x0e, permission, 2},
    {0x0f, permission, 3},
    {0x10, sync_external, no_level},
    {0x11, sync_tag_check, no_level},
    {0x12, sync_external_on_walk, -2},
    {0x13, sync_external_on_walk, -1},
    {0x14, sync_external_on_walk, 0},
    {0x15, sync_external_on_walk, 1},
    {0x16, sync_external_on_walk, 2},
    {0x17, sync_external_on_walk, 3},
    {0x18, parity, no_level},
    {0x19, unknown, no_level},
    {0x1b, parity_on_walk, -1},
    {0x1c, parity_on_walk, 0},
    {0x1d, parity_on_walk, 1},
    {0x1e, parity_on_walk, 2},
    {0x1f, parity_on_walk, 3},
    {0x20, unknown, no_level},
    {0x21, alignment, no_level},
    {0x22, granule_protection_on_walk, -2},
    {0x23, granule_protection_on_walk, -1},
    {0x24, granule_protection_on_walk, 0},
    {0x25, granule_protection_on_walk, 1},
    {0x26, granule_protection_on_walk, 2},
    {0x27, granule_protection_on_walk, 3},
    {0x28, granule_protection, no_level},
    {0x29, address_size, -1},
    {0x2a, translation, -2},
    {0x2b, translation, -1},
    {0x2c, address_size, -2},
    {0x2d, unknown, no_level},
    {0x2e, unknown, no_level},
    {0x2f, unknown, no_level},
    {0x30, tlb_conflict, no_level},
    {0x31, unsupported_hardware_update, no_level},
    {0x32, unknown, no_level},
    {0x33, unknown, no_level},
    {0x34, lockdown, no_level},
    {0x35, unsupported_atomic, no_level},
    {0x36, unknown, no_level},
    {0x37, unknown, no_level},
    {0x38, unknown, no_level},
    {0x39, unknown, no_level},
    {0x3a, unknown, no_level},
    {0x3b, unknown, no_level},
    {0x3c, unknown, no_level},
    {0x3d, unknown, no_level}, // section and page domain faults, of AArch32 only
    {0x3e, unknown, no_level},
    {0x3f, unknown, no_level},
};

TEST(FaultStatus, EveryCode) {
    for (const auto& row : rows) {
        const auto status = FaultStatus::decode(row.code);
        EXPECT_EQ(status.kind, row.kind) << std::hex << row.code << ' ' << to_string(status.kind);
        EXPECT_EQ(status.level, row.level) << std::hex << row.code;
    }
    // 0x1a is a parity error on a walk at level -2: only with D128 and without RAS, which no CPU
    // can have together. Whatever it reads as, it is neither a kind nor a level of another code.
    EXPECT_FALSE(FaultStatus::decode(0x1a).kind != parity_on_walk &&
                 FaultStatus::decode(0x1a).kind != unknown);
}

TEST(FaultStatus, EveryKindAndLevelHasItsCodeOrNone) {
    for (unsigned kind = 0; kind <= static_cast<unsigned>(unknown); ++kind) {
        for (int level = -4; level <= 5; ++level) {
            // -4 stands for "no level".
            const FaultStatus status{static_cast<FaultKind>(kind),
                                     level == -4 ? no_level : std::optional<Level>{level}};
            if (status.kind == unknown || (status.kind == parity_on_walk && level == -2)) {
                continue;
            }
            std::optional<std::uint64_t> expected;
            for (const auto& row : rows) {
                if (row.kind == status.kind && row.level == status.level) {
                    expected = row.code;
                }
            }
            EXPECT_EQ(status.encode(), expected) << to_string(status.kind) << ' ' << level;
        }
    }
    EXPECT_EQ(FaultStatus{}.encode(), std::nullopt);
}

TEST(FaultStatus, ACodeWiderThanSixBitsIsUnknown) {
    EXPECT_EQ(FaultStatus::decode(0x47), FaultStatus{});
    EXPECT_EQ(FaultStatus::decode(0x1'0000'0007), FaultStatus{});
}

TEST(FaultStatus, NamesDiffer) {
    std::set<std::string_view> names;
    for (unsigned kind = 0; kind <= static_cast<unsigned>(unknown); ++kind) {
        names.insert(to_string(static_cast<FaultKind>(kind)));
    }
    EXPECT_EQ(names.size(), static_cast<unsigned>(unknown) + 1U);
}

} // namespace
