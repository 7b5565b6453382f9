// SPDX-License-Identifier: MIT
// Aborts decoded from whole ESR_EL2, HPFAR_EL2 and FAR_EL2 values.
#include <twofold/arch.hpp>

#include <gtest/gtest.h>

namespace {

using namespace twofold;

// ESR_EL2: EC [31:26], IL [25]; 0x9200'0000 is a data abort, 0x8200'0000 an instruction abort.
constexpr std::uint64_t data_abort = 0x9200'0000;
constexpr std::uint64_t instruction_abort = 0x8200'0000;
constexpr std::uint64_t s1ptw = 0x80;
constexpr std::uint64_t wnr = 0x40;
constexpr std::uint64_t cm = 0x100;

TEST(Abort, AStoreToAHole) {
    // STR W5, [..] to IPA 0x0900'0018: ISV, SAS 10, SRT 5, WnR, translation level 2.
    const auto a = Abort::decode(0x9385'0046, 0x0009'0000, 0xffff'8000'0801'0018);
    ASSERT_TRUE(a);
    EXPECT_EQ(a->esr, 0x9385'0046U);
    EXPECT_EQ(a->status, (FaultStatus{FaultKind::translation, 2}));
    EXPECT_FALSE(a->instruction || a->s1ptw || a->cache_maintenance || a->external || a->vncr);
    EXPECT_TRUE(a->wnr);
    EXPECT_EQ(a->access(), AccessKind::write);
    EXPECT_EQ(a->far, 0xffff'8000'0801'0018U);
    EXPECT_EQ(a->ipa, Ipa{0x0900'0018});
    EXPECT_FALSE(a->ipa_nonsecure);
    ASSERT_TRUE(a->syndrome);
    EXPECT_EQ(*a->syndrome, (AccessSyndrome{.bytes = 4, .reg = 5, .reg_is_64 = false}));
}

TEST(Abort, LoadsWithASyndrome) {
    // ISV [24], SAS [23:22], SSE [21], SRT [20:16], SF [15], AR [14].
    const auto syndrome = [](std::uint64_t esr) {
        return Abort::decode(esr, 0x0009'0000, 0)->syndrome;
    };
    EXPECT_EQ(syndrome(0x9300'0005), (AccessSyndrome{.bytes = 1, .reg = 0, .reg_is_64 = false}));
    EXPECT_EQ(syndrome(0x9340'0005), (AccessSyndrome{.bytes = 2, .reg = 0, .reg_is_64 = false}));
    EXPECT_EQ(syndrome(0x93c1'8005), (AccessSyndrome{.bytes = 8, .reg = 1, .reg_is_64 = true}));
    EXPECT_EQ(syndrome(0x93bf'8005),
              (AccessSyndrome{.bytes = 4, .sign_extend = true, .reg = 31, .reg_is_64 = true}));
    EXPECT_EQ(syndrome(0x9382'4005),
              (AccessSyndrome{.bytes = 4, .reg = 2, .reg_is_64 = false, .acquire_release = true}));
    EXPECT_EQ(Abort::decode(0x9382'4005, 0, 0)->access(), AccessKind::read);
    // Without ISV the bits say nothing.
    EXPECT_FALSE(syndrome(0x92ff'c005));
    // For the walk of stage 1 there is no instruction to carry out.
    EXPECT_FALSE(syndrome(0x9385'0005 | s1ptw));
}

TEST(Abort, AFetch) {
    const auto a = Abort::decode(instruction_abort | 0x07, 0x0040'2000, 0x1234);
    ASSERT_TRUE(a);
    EXPECT_TRUE(a->instruction);
    EXPECT_EQ(a->status, (FaultStatus{FaultKind::translation, 3}));
    EXPECT_EQ(a->access(), AccessKind::fetch);
    EXPECT_EQ(a->ipa, Ipa{0x4020'0234});
    EXPECT_FALSE(a->syndrome);
    // Bits that an instruction abort does not have are not read as a data abort's.
    const auto b = Abort::decode(instruction_abort | 0x01c0'2000 | cm | wnr | 0x07, 0, 0);
    EXPECT_FALSE(b->wnr || b->cache_maintenance || b->vncr || b->syndrome);
    EXPECT_EQ(b->access(), AccessKind::fetch);
}

TEST(Abort, CacheMaintenanceIsNoWrite) {
    // WnR is always 1 for it.
    const auto a = Abort::decode(data_abort | cm | wnr | 0x06, 0x0040'2000, 0);
    ASSERT_TRUE(a);
    EXPECT_TRUE(a->cache_maintenance && a->wnr);
    EXPECT_EQ(a->access(), AccessKind::read);
}

TEST(Abort, TheWalkOfStage1) {
    // FAR_EL2 is the address that was being translated; the offset of the descriptor is not known.
    const auto a =
        Abort::decode(data_abort | s1ptw | wnr | 0x07, 0x0040'2000, 0xffff'0000'0000'0abc);
    ASSERT_TRUE(a);
    EXPECT_TRUE(a->s1ptw);
    EXPECT_EQ(a->far, 0xffff'0000'0000'0abcU);
    EXPECT_EQ(a->ipa, Ipa{0x4020'0000});
    // A walk reads, whatever the access that it is for.
    EXPECT_EQ(a->access(), AccessKind::read);
    EXPECT_EQ(Abort::decode(instruction_abort | s1ptw | 0x07, 0, 0)->access(), AccessKind::read);
    EXPECT_EQ(Abort::decode(data_abort | s1ptw | 0x0a, 0, 0)->access(), AccessKind::read);
}

// Where a walk may read but not write, it was setting an access flag or dirty state. WnR tells of
// the access that the walk was for, if it is there at all: a fetch has none.
TEST(Abort, APermissionFaultOfAWalkIsAWrite) {
    for (const std::uint64_t esr : {data_abort | s1ptw | wnr | 0x0f, data_abort | s1ptw | 0x0f,
                                    instruction_abort | s1ptw | 0x0f}) {
        const auto a = Abort::decode(esr, 0x0040'2000, 0);
        ASSERT_TRUE(a);
        EXPECT_EQ(a->access(), AccessKind::write) << std::hex << esr;
        EXPECT_EQ(a->ipa, Ipa{0x4020'0000});
    }
}

TEST(Abort, WhichFaultsGiveAnIpa) {
    struct Row {
        unsigned code;
        bool direct, walk;
    };
    const Row rows[] = {
        {0x00, true, true},   // address size, level 0
        {0x29, true, true},   // address size, level -1
        {0x04, true, true},   // translation
        {0x2b, true, true},   // translation, level -1
        {0x0b, true, true},   // access flag
        {0x0f, false, true},  // permission
        {0x10, false, false}, // external
        {0x15, false, false}, // external on a walk
        {0x21, false, false}, // alignment
        {0x28, false, false}, // granule protection
        {0x30, false, false}, // TLB conflict
        {0x31, false, false}, // hardware update
        {0x35, false, false}, // exclusive
        {0x3f, false, false},
    };
    for (const std::uint64_t kind : {data_abort, instruction_abort}) {
        for (const auto& row : rows) {
            EXPECT_EQ(Abort::decode(kind | row.code, 0x10, 0)->ipa.has_value(), row.direct)
                << std::hex << row.code;
            EXPECT_EQ(Abort::decode(kind | s1ptw | row.code, 0x10, 0)->ipa.has_value(), row.walk)
                << std::hex << row.code;
        }
    }
}

TEST(Abort, HpfarHasTheUpperBits) {
    const auto ipa = [](std::uint64_t hpfar) {
        return Abort::decode(data_abort | 0x04, hpfar, 0xfff)->ipa->value;
    };
    EXPECT_EQ(ipa(0x10), 0x1fffU);
    EXPECT_EQ(ipa(0xff'ffff'fff0), 0xffff'ffff'ffffU);      // 48 bits
    EXPECT_EQ(ipa(0xfff'ffff'fff0), 0xf'ffff'ffff'ffffU);   // 52 bits: [43:40]
    EXPECT_EQ(ipa(0xffff'ffff'fff0), 0xff'ffff'ffff'ffffU); // 56 bits: [47:44]
    EXPECT_EQ(ipa(0x7fff'0000'0000'000f), 0xfffU);          // not of FIPA
    EXPECT_EQ(ipa(0x8000'0000'0000'0010), 0x1fffU);
    EXPECT_TRUE(Abort::decode(data_abort | 0x04, 0x8000'0000'0000'0010, 0)->ipa_nonsecure);
    EXPECT_FALSE(Abort::decode(data_abort | 0x04, 0x7fff'ffff'ffff'ffff, 0)->ipa_nonsecure);
}

TEST(Abort, FarThatIsNotValid) {
    // FnV [10]: the page is still known from HPFAR_EL2, the byte is not.
    const auto a = Abort::decode(data_abort | 0x400 | 0x04, 0x0040'2000, 0xabc);
    EXPECT_FALSE(a->far);
    EXPECT_EQ(a->ipa, Ipa{0x4020'0000});
}

TEST(Abort, OtherFlags) {
    EXPECT_TRUE(Abort::decode(data_abort | 0x200 | 0x10, 0, 0)->external);
    EXPECT_TRUE(Abort::decode(instruction_abort | 0x200 | 0x10, 0, 0)->external);
    EXPECT_TRUE(Abort::decode(data_abort | 0x2000 | 0x04, 0, 0)->vncr);
    EXPECT_FALSE(Abort::decode(data_abort | 0x04, 0, 0)->vncr);
}

TEST(Abort, OnlyAbortsFromALowerLevel) {
    for (std::uint64_t ec = 0; ec < 64; ++ec) {
        EXPECT_EQ(Abort::decode(ec << 26 | 0x0200'0004, 0, 0).has_value(), ec == 0x20 || ec == 0x24)
            << std::hex << ec;
    }
    // ISS2 above bit 31 does not disturb.
    EXPECT_TRUE(Abort::decode(0x1f'9200'0004, 0, 0));
}

} // namespace
