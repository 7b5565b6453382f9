// SPDX-License-Identifier: MIT
// Each kind of fault at each level it can have, with the syndrome that the CPU reports.
#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

namespace twofold::model::testing {
namespace {

constexpr std::uint64_t root = 0x8000'0000;
constexpr std::uint64_t ipa = 0x0000'0012'3456'7890;
// HPFAR_EL2 [47:4] is IPA[55:12].
constexpr std::uint64_t hpfar = 0x1234'5670;

// 4K with DS and level -1, so that every level exists; 49 bits of IPA.
class Faults : public ::testing::Test {
protected:
    WalkResult run(int level, std::uint64_t descriptor, const Access& access = load_el1) {
        chain.put(ipa, level, descriptor);
        return walk(config, words, Ipa{ipa}, access);
    }

    WalkConfig config =
        full_cpu({.t0sz = 15, .sl0 = 0, .ps = ps_48, .ds = true, .sl2 = true}, root);
    SparseMemory words{};
    Chain chain{words, root, 12, -1, 49};
};

std::uint64_t leaf_at(int level) { return 0x0fc | (level == 3 ? 3U : 1U); }

TEST_F(Faults, Translation) {
    constexpr std::uint32_t codes[] = {0x2b, 0x04, 0x05, 0x06, 0x07};
    for (int level = -1; level <= 3; ++level) {
        const WalkResult result = run(level, 0);
        ASSERT_TRUE(result.faulted(FaultKind::translation, level));
        EXPECT_EQ(result.fault.dfsc, codes[level + 1]);
        EXPECT_EQ(result.fault.iss, codes[level + 1]);
        EXPECT_TRUE(result.fault.hpfar_valid);
        EXPECT_EQ(result.fault.hpfar, hpfar);
        EXPECT_EQ(result.visits.size(), static_cast<std::size_t>(level + 2));
    }
}

TEST_F(Faults, AddressSize) {
    constexpr std::uint32_t codes[] = {0x29, 0x00, 0x01, 0x02, 0x03};
    for (int level = -1; level <= 3; ++level) {
        // OA[48] is in place with DS; the output size is 48 bits.
        const std::uint64_t kind = level < 0 ? table : leaf_at(level) | 1 << 10;
        const WalkResult result = run(level, std::uint64_t{1} << 48 | kind);
        ASSERT_TRUE(result.faulted(FaultKind::address_size, level));
        EXPECT_EQ(result.fault.dfsc, codes[level + 1]);
        EXPECT_TRUE(result.fault.hpfar_valid);
        EXPECT_EQ(result.fault.hpfar, hpfar);
    }
}

TEST_F(Faults, AccessFlag) {
    constexpr std::uint32_t codes[] = {0x08, 0x09, 0x0a, 0x0b};
    for (int level = 0; level <= 3; ++level) {
        const WalkResult result = run(level, leaf_at(level));
        ASSERT_TRUE(result.faulted(FaultKind::access_flag, level));
        EXPECT_EQ(result.fault.dfsc, codes[level]);
        EXPECT_TRUE(result.fault.hpfar_valid);
        EXPECT_TRUE(result.updates.empty());
    }
}

TEST_F(Faults, Permission) {
    constexpr std::uint32_t codes[] = {0x0c, 0x0d, 0x0e, 0x0f};
    for (int level = 0; level <= 3; ++level) {
        // S2AP 01: read only.
        const std::uint64_t read_only = (leaf_at(level) & ~std::uint64_t{0x80}) | 1 << 10;
        const WalkResult result = run(level, read_only, store_el1);
        ASSERT_TRUE(result.faulted(FaultKind::permission, level));
        EXPECT_EQ(result.fault.dfsc, codes[level]);
        EXPECT_EQ(result.fault.iss, codes[level] | 0x40); // WnR
        // The IPA of a permission fault is not reported unless a stage-1 walk took it.
        EXPECT_FALSE(result.fault.hpfar_valid);
    }
}

TEST_F(Faults, ExternalAbortOnTheWalk) {
    constexpr std::uint32_t codes[] = {0x13, 0x14, 0x15, 0x16, 0x17};
    for (int level = 3; level >= -1; --level) {
        words.punch(chain.lead(ipa, level));
        const WalkResult result = walk(config, words, Ipa{ipa}, load_el1);
        ASSERT_TRUE(result.faulted(FaultKind::external_on_walk, level));
        EXPECT_EQ(result.fault.dfsc, codes[level + 1]);
        EXPECT_FALSE(result.fault.hpfar_valid);
    }
}

TEST_F(Faults, Alignment) {
    // MemAttr 0001: Device-nGnRE.
    const std::uint64_t device = 0x4c7;
    const WalkResult result = run(3, device, {.kind = AccessKind::store, .aligned = false});
    ASSERT_TRUE(result.faulted(FaultKind::alignment, 3));
    EXPECT_EQ(result.fault.dfsc, 0x21U);
    EXPECT_EQ(result.fault.iss, 0x61U);
    EXPECT_FALSE(result.fault.hpfar_valid);
    EXPECT_TRUE(run(3, device, {.kind = AccessKind::store}).translated());
    // DC ZVA is never aligned enough for Device memory.
    EXPECT_TRUE(run(3, device, {.kind = AccessKind::dc_zva}).faulted(FaultKind::alignment, 3));
    // Normal memory takes any alignment.
    EXPECT_TRUE(run(3, 0x4ff, {.kind = AccessKind::store, .aligned = false}).translated());
}

TEST_F(Faults, AlignmentComesBeforePermission) {
    const std::uint64_t device_no_access = 0x407;
    EXPECT_TRUE(run(3, device_no_access, {.kind = AccessKind::store, .aligned = false})
                    .faulted(FaultKind::alignment, 3));
}

TEST_F(Faults, SyndromeOfEachKindOfAccess) {
    struct Case {
        AccessKind kind;
        std::uint32_t iss; // of a translation fault at level 3
    };
    constexpr Case cases[] = {
        {AccessKind::load, 0x007},        {AccessKind::store, 0x047},
        {AccessKind::fetch, 0x007},       {AccessKind::atomic, 0x047},
        {AccessKind::rcw, 0x047},         {AccessKind::dc_zva, 0x047},
        {AccessKind::stage1_walk, 0x087}, {AccessKind::stage1_update, 0x0c7},
        {AccessKind::at_read, 0x147},     {AccessKind::at_write, 0x147},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(run(3, 0, {.kind = c.kind}).fault.iss, c.iss);
    }
}

TEST_F(Faults, StageOneWalkReportsTheIpaOfAPermissionFault) {
    const WalkResult result = run(3, 0x43f, {.kind = AccessKind::stage1_walk});
    ASSERT_TRUE(result.faulted(FaultKind::permission, 3));
    EXPECT_EQ(result.fault.iss, 0x8fU);
    EXPECT_TRUE(result.fault.hpfar_valid);
    EXPECT_EQ(result.fault.hpfar, hpfar);
}

TEST_F(Faults, AtomicReportsTheHalfThatFaulted) {
    // S2AP 01 lacks the write, 10 lacks the read.
    EXPECT_EQ(run(3, 0x47f, {.kind = AccessKind::atomic}).fault.iss, 0x4fU);
    EXPECT_EQ(run(3, 0x4bf, {.kind = AccessKind::atomic}).fault.iss, 0x0fU);
}

TEST_F(Faults, HpfarHoldsTheUpperBitsOfTheIpa) {
    const WalkResult result = walk(config, words, Ipa{0x1'fedc'ba98'7654}, load_el1);
    EXPECT_EQ(result.fault.hpfar, 0x1fe'dcba'9870U);
}

TEST(Refused, WhatTheModelDoesNotSpeakFor) {
    SparseMemory memory;
    WalkConfig d128 = plain_cpu({}, root);
    d128.d128 = true;
    d128.vtcr |= std::uint64_t{1} << 38;
    EXPECT_EQ(walk(d128, memory, Ipa{0}, load_el1).outcome, WalkOutcome::refused);
    EXPECT_EQ(walk(d128, memory, Ipa{0}, load_el1).refusal, WalkRefusal::d128);
    d128.d128 = false; // without the feature the bit means nothing
    EXPECT_TRUE(walk(d128, memory, Ipa{0}, load_el1).faulted(FaultKind::translation, 1));

    const WalkConfig granule = plain_cpu({.tg0 = 3}, root);
    EXPECT_EQ(walk(granule, memory, Ipa{0}, load_el1).refusal, WalkRefusal::reserved_granule);

    WalkConfig indirect = full_cpu({.s2pie = true}, root);
    indirect.the = false;
    EXPECT_EQ(walk(indirect, memory, Ipa{0}, load_el1).refusal, WalkRefusal::indirect_without_the);
}

TEST(StageTwoOff, GivesTheIpaBack) {
    SparseMemory memory;
    WalkConfig config = plain_cpu({}, root);
    config.hcr = 0;
    const WalkResult result = walk(config, memory, Ipa{0x1234'5678}, load_el1);
    ASSERT_TRUE(result.translated());
    EXPECT_EQ(result.translation.pa.value, 0x1234'5678U);
    EXPECT_TRUE(result.visits.empty());
    // DC alone turns stage 2 on.
    config.hcr = 1 << 12;
    EXPECT_TRUE(walk(config, memory, Ipa{0}, load_el1).faulted(FaultKind::translation, 1));
}

} // namespace
} // namespace twofold::model::testing
