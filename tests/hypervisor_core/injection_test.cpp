// SPDX-License-Identifier: MIT
// Exceptions to EL1. Vector offsets, syndromes and PSTATE bits are written as in the Arm manual,
// D1.3 and D24.2.
#include "exceptions/injection.hpp"

#include <gtest/gtest.h>

namespace twofold::hyp {
namespace {

constexpr std::uint64_t vbar = 0xffff'8000'0001'0800;
constexpr std::uint64_t span = std::uint64_t{1} << 23; // SCTLR_EL1.SPAN
constexpr std::uint64_t el0 = 0x0;
constexpr std::uint64_t el1t = 0x4;
constexpr std::uint64_t el1h = 0x5;
constexpr std::uint64_t aarch32_user = 0x10;

InjectedState taken_from(std::uint64_t spsr, std::uint64_t sctlr = span) {
    return enter_el1_exception({.vbar = vbar, .sctlr = sctlr}, spsr);
}

TEST(Injection, GoesToTheVectorOfItsOrigin) {
    EXPECT_EQ(taken_from(el1t).pc, vbar + 0x000);
    EXPECT_EQ(taken_from(el1h).pc, vbar + 0x200);
    EXPECT_EQ(taken_from(el0).pc, vbar + 0x400);
    EXPECT_EQ(taken_from(aarch32_user).pc, vbar + 0x600);
}

TEST(Injection, IgnoresTheLowBitsOfVbar) {
    EXPECT_EQ(enter_el1_exception({.vbar = 0x4000'07ff, .sctlr = 0}, el1h).pc, 0x4000'0200U);
}

TEST(Injection, EntersEl1hWithEverythingMasked) { EXPECT_EQ(taken_from(el0).pstate, 0x3c5U); }

TEST(Injection, KeepsFlagsAndDropsTheRest) {
    const std::uint64_t nzcv = 0xa000'0000;
    EXPECT_EQ(taken_from(el0 | nzcv).pstate, 0x3c5 | nzcv);
    // SS, IL, UAO, BTYPE and SSBS are cleared; PAN, DIT and TCO stay.
    EXPECT_EQ(taken_from(el1h | 1U << 21 | 1U << 20 | 1U << 23 | 3U << 10 | 1U << 12).pstate,
              0x3c5U);
    const std::uint64_t kept = 1U << 22 | 1U << 24 | 1U << 25;
    EXPECT_EQ(taken_from(el1h | kept).pstate, 0x3c5 | kept);
    // In AArch32 [26:25] is a part of IT.
    EXPECT_EQ(taken_from(aarch32_user | nzcv | 3U << 25).pstate, 0x3c5 | nzcv);
}

TEST(Injection, SetsPanAndSsbsAsSctlrSays) {
    EXPECT_EQ(taken_from(el0, 0).pstate, 0x3c5U | 1U << 22);
    EXPECT_EQ(taken_from(el0, span | std::uint64_t{1} << 44).pstate, 0x3c5U | 1U << 12);
}

constexpr std::uint64_t esr_of(std::uint64_t ec, std::uint64_t iss) {
    return ec << 26 | 1U << 25 | iss;
}

TEST(Injection, NamesTheExceptionLevelInTheClass) {
    EXPECT_EQ(abort_syndrome(esr_of(0x24, 0x07), el0, 0x10), esr_of(0x24, 0x10));
    EXPECT_EQ(abort_syndrome(esr_of(0x24, 0x07), aarch32_user, 0x10), esr_of(0x24, 0x10));
    EXPECT_EQ(abort_syndrome(esr_of(0x24, 0x07), el1h, 0x10), esr_of(0x25, 0x10));
    EXPECT_EQ(abort_syndrome(esr_of(0x20, 0x07), el0, 0x10), esr_of(0x20, 0x10));
    EXPECT_EQ(abort_syndrome(esr_of(0x20, 0x07), el1t, 0x14), esr_of(0x21, 0x14));
}

TEST(Injection, DropsWhatOnlyStage2Says) {
    // ISV with SAS, SSE, SRT, SF and AR, S1PTW and the stage-2 fault code go; FnV, CM and WnR stay.
    const std::uint64_t trapped = 1U << 24 | 3U << 22 | 1U << 21 | 31U << 16 | 1U << 15 | 1U << 14 |
                                  1U << 10 | 1U << 8 | 1U << 7 | 1U << 6 | 0x07;
    EXPECT_EQ(abort_syndrome(esr_of(0x24, trapped), el1h, 0x10),
              esr_of(0x25, 1U << 10 | 1U << 8 | 1U << 6 | 0x10));
    EXPECT_EQ(abort_syndrome(esr_of(0x20, 1U << 10 | 1U << 7 | 0x07), el1h, 0x16),
              esr_of(0x21, 1U << 10 | 0x16));
}

TEST(Injection, SkipsByTheLengthOfTheInstruction) {
    TrapFrame frame{};
    frame.elr = 0x1000;
    frame.esr = 1U << 25;
    frame.spsr = el1h | 1U << 21 | 3U << 10;
    skip_instruction(frame);
    EXPECT_EQ(frame.elr, 0x1004U);
    EXPECT_EQ(frame.spsr, el1h); // SS and BTYPE are gone
    // In AArch32 [15:10] is a part of IT.
    const std::uint64_t rest = 0xa000'0000 | 1U << 22 | 3U << 10 | aarch32_user;
    frame.esr = 0;
    frame.spsr = rest | 1U << 21;
    skip_instruction(frame);
    EXPECT_EQ(frame.elr, 0x1006U);
    EXPECT_EQ(frame.spsr, rest);
}

TEST(TrapFrame, HasAZeroRegister) {
    TrapFrame frame{};
    frame.set(30, 30);
    frame.set(31, 31);
    EXPECT_EQ(frame.get(30), 30U);
    EXPECT_EQ(frame.get(31), 0U);
    EXPECT_EQ(frame.elr, 0U);
}

} // namespace
} // namespace twofold::hyp
