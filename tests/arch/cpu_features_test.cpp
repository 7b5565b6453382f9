// SPDX-License-Identifier: MIT
// CpuFeatures from the ID registers of real CPUs and from every encoding that matters.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

namespace {

using namespace twofold;

// Fields by their lowest bit, as in the register descriptions.
constexpr std::uint64_t at(unsigned bit, std::uint64_t value) { return value << bit; }

TEST(CpuFeatures, QemuMax) {
    const auto f = CpuFeatures::from({.mmfr0 = 0x0000'0323'1020'1126,
                                      .mmfr1 = 0x0000'0110'1021'1122,
                                      .mmfr2 = 0x1021'0110'1001'1011});
    EXPECT_EQ(f.pa_bits, 52U);
    EXPECT_TRUE(f.lpa());
    EXPECT_TRUE(f.granule_4k && f.granule_16k && f.granule_64k);
    EXPECT_TRUE(f.lpa2_4k && f.lpa2_16k);
    EXPECT_TRUE(f.ttst);
    EXPECT_TRUE(f.xnx);
    EXPECT_TRUE(f.access_flag && f.dirty_state);
    EXPECT_FALSE(f.haft);
    EXPECT_TRUE(f.vmid16);
    EXPECT_TRUE(f.vhe);
    EXPECT_TRUE(f.fwb);
    EXPECT_TRUE(f.ttl);
    EXPECT_EQ(f.bbm, 2U);
    EXPECT_TRUE(f.cnp);
    EXPECT_FALSE(f.evt);
    EXPECT_FALSE(f.s2pie || f.d128 || f.xs || f.tlbi_os || f.tlbi_range || f.lse);
}

TEST(CpuFeatures, FirstArmv8Cores) {
    // cortex-a53 has 40 bits, cortex-a57 and a72 have 44; none has the 16K granule.
    struct Row {
        const char* name;
        std::uint64_t mmfr0, ctr;
        unsigned pa_bits;
    };
    const Row rows[] = {{"cortex-a53", 0x1122, 0x8444'8004, 40},
                        {"cortex-a57", 0x1124, 0x8444'c004, 44},
                        {"cortex-a72", 0x1124, 0x8444'c004, 44}};
    for (const auto& row : rows) {
        const auto f =
            CpuFeatures::from({.mmfr0 = row.mmfr0, .isar0 = 0x0001'1120, .ctr = row.ctr});
        CpuFeatures expected;
        expected.pa_bits = row.pa_bits;
        expected.granule_4k = true;
        expected.granule_64k = true;
        expected.dcache_line = 64;
        expected.icache_line = 64;
        EXPECT_EQ(f, expected) << row.name;
    }
}

TEST(CpuFeatures, CortexA76AndNeoverseN1) {
    for (const bool n1 : {false, true}) {
        const auto f = CpuFeatures::from({.mmfr0 = n1 ? 0x0010'1125U : 0x0010'1122U,
                                          .mmfr1 = 0x1021'2122,
                                          .mmfr2 = 0x1011,
                                          .isar0 = 0x0000'1000'1021'1120,
                                          .ctr = 0x8444'c004});
        CpuFeatures expected;
        expected.pa_bits = n1 ? 48 : 40;
        expected.granule_4k = expected.granule_16k = expected.granule_64k = true;
        expected.xnx = true;
        expected.access_flag = expected.dirty_state = true;
        expected.vmid16 = true;
        expected.cnp = true;
        expected.vhe = true;
        expected.lse = true;
        expected.dcache_line = expected.icache_line = 64;
        EXPECT_EQ(f, expected) << n1;
    }
}

TEST(CpuFeatures, PaRange) {
    for (const auto& row : reference::pa_rows) {
        const auto f = CpuFeatures::from({.mmfr0 = row.encoding});
        EXPECT_EQ(f.pa_bits, row.bits);
        EXPECT_EQ(f.lpa(), row.bits >= 52);
        EXPECT_EQ(pa_bits_of(row.encoding), row.bits);
    }
    for (unsigned reserved = 8; reserved < 16; ++reserved) {
        EXPECT_EQ(pa_bits_of(reserved), 0U);
        EXPECT_EQ(CpuFeatures::from({.mmfr0 = reserved}).pa_bits, 56U);
    }
}

struct Support {
    bool present, lpa2;
};
constexpr Support none{false, false};
constexpr Support yes{true, false};
constexpr Support with_lpa2{true, true};

struct Encoding {
    unsigned stage1, stage2;
    Support support;
};

// TGran4 [31:28] and TGran4_2 [43:40]. 1 is "yes" for stage 1 and "no" for stage 2: reading a
// stage-1 value of 1 as "none" turns a CPU with LPA2 away.
TEST(CpuFeatures, TGran4) {
    const Encoding
        rows[] =
            {
                {0, 0, yes},       {1, 0, with_lpa2}, {15, 0, none},     {0, 1, none},
                {1, 1, none},      {15, 1, none},     {0, 2, yes},       {1, 2, yes},
                {15, 2, yes},      {0, 3, with_lpa2}, {1, 3, with_lpa2}, {15, 3, with_lpa2},
                {8, 0, none},      {14, 0, none}, // a signed field: below -1 is no more than none,
                {7, 0, with_lpa2},                // and what comes after 1 no less than it
            };
    for (const auto& row : rows) {
        const auto f = CpuFeatures::from({.mmfr0 = at(28, row.stage1) | at(40, row.stage2)});
        EXPECT_EQ(f.granule_4k, row.support.present) << row.stage1 << ' ' << row.stage2;
        EXPECT_EQ(f.lpa2_4k, row.support.lpa2) << row.stage1 << ' ' << row.stage2;
        EXPECT_EQ(f.has(Granule::k4), row.support.present);
        EXPECT_EQ(f.has_lpa2(Granule::k4), row.support.lpa2);
    }
}

// TGran16 [23:20] and TGran16_2 [35:32].
TEST(CpuFeatures, TGran16) {
    const Encoding rows[] = {
        {0, 0, none}, {1, 0, yes},       {2, 0, with_lpa2}, {0, 1, none},
        {1, 1, none}, {2, 1, none},      {0, 2, yes},       {1, 2, yes},
        {2, 2, yes},  {0, 3, with_lpa2}, {1, 3, with_lpa2}, {2, 3, with_lpa2},
    };
    for (const auto& row : rows) {
        const auto f = CpuFeatures::from({.mmfr0 = at(20, row.stage1) | at(32, row.stage2)});
        EXPECT_EQ(f.granule_16k, row.support.present) << row.stage1 << ' ' << row.stage2;
        EXPECT_EQ(f.lpa2_16k, row.support.lpa2) << row.stage1 << ' ' << row.stage2;
        EXPECT_EQ(f.has(Granule::k16), row.support.present);
        EXPECT_EQ(f.has_lpa2(Granule::k16), row.support.lpa2);
    }
}

// TGran64 [27:24] and TGran64_2 [39:36]; LPA2 is not a thing of this granule.
TEST(CpuFeatures, TGran64) {
    const Encoding rows[] = {{0, 0, yes},  {15, 0, none}, {0, 1, none},  {15, 1, none}, {0, 2, yes},
                             {15, 2, yes}, {8, 0, none},  {14, 0, none}, {7, 0, yes}};
    for (const auto& row : rows) {
        const auto f = CpuFeatures::from({.mmfr0 = at(24, row.stage1) | at(36, row.stage2)});
        EXPECT_EQ(f.granule_64k, row.support.present) << row.stage1 << ' ' << row.stage2;
        EXPECT_EQ(f.has(Granule::k64), row.support.present);
        EXPECT_FALSE(f.has_lpa2(Granule::k64));
    }
}

TEST(CpuFeatures, HardwareUpdatesOfFlags) {
    struct Row {
        unsigned hafdbs;
        bool af, dirty, haft;
    };
    for (const auto& row :
         {Row{0, false, false, false}, Row{1, true, false, false}, Row{2, true, true, false},
          Row{3, true, true, true}, Row{4, true, true, true}}) {
        const auto f = CpuFeatures::from({.mmfr1 = row.hafdbs});
        EXPECT_EQ(f.access_flag, row.af) << row.hafdbs;
        EXPECT_EQ(f.dirty_state, row.dirty) << row.hafdbs;
        EXPECT_EQ(f.haft, row.haft) << row.hafdbs;
    }
}

// D128 [35:32] is stage 1's, D128_2 [39:36] stage 2's.
TEST(CpuFeatures, D128OfStage2) {
    EXPECT_FALSE(CpuFeatures::from({.mmfr3 = at(32, 1)}).d128);
    EXPECT_TRUE(CpuFeatures::from({.mmfr3 = at(36, 1)}).d128);
}

// One feature a row: the register with just that field, and the flag that follows from it.
TEST(CpuFeatures, OneFieldOneFlag) {
    struct Row {
        const char* name = "";
        IdRegisters id = {};
        bool CpuFeatures::*flag = nullptr;
    };
    const Row rows[] = {
        {"VMIDBits", {.mmfr1 = at(4, 2)}, &CpuFeatures::vmid16},
        {"VH", {.mmfr1 = at(8, 1)}, &CpuFeatures::vhe},
        {"XNX", {.mmfr1 = at(28, 1)}, &CpuFeatures::xnx},
        {"CnP", {.mmfr2 = at(0, 1)}, &CpuFeatures::cnp},
        {"ST", {.mmfr2 = at(28, 1)}, &CpuFeatures::ttst},
        {"FWB", {.mmfr2 = at(40, 1)}, &CpuFeatures::fwb},
        {"TTL", {.mmfr2 = at(48, 1)}, &CpuFeatures::ttl},
        {"EVT", {.mmfr2 = at(56, 1)}, &CpuFeatures::evt},
        {"EVT 2", {.mmfr2 = at(56, 2)}, &CpuFeatures::evt},
        {"S2PIE", {.mmfr3 = at(12, 1)}, &CpuFeatures::s2pie},
        {"Atomic", {.isar0 = at(20, 2)}, &CpuFeatures::lse},
        {"Atomic 3", {.isar0 = at(20, 3)}, &CpuFeatures::lse},
        {"TLB", {.isar0 = at(56, 1)}, &CpuFeatures::tlbi_os},
        {"XS", {.isar1 = at(56, 1)}, &CpuFeatures::xs},
        {"IDC", {.ctr = at(28, 1)}, &CpuFeatures::idc},
        {"DIC", {.ctr = at(29, 1)}, &CpuFeatures::dic},
    };
    const auto zero = CpuFeatures::from({});
    for (const auto& row : rows) {
        auto f = CpuFeatures::from(row.id);
        EXPECT_FALSE(zero.*row.flag) << row.name;
        EXPECT_TRUE(f.*row.flag) << row.name;
        // Nothing else changed but what the cache line fields of CTR_EL0 say.
        f.*row.flag = false;
        EXPECT_EQ(f, zero) << row.name;
    }
    // Values below the one that means the feature.
    EXPECT_FALSE(CpuFeatures::from({.mmfr1 = at(4, 0)}).vmid16);
    EXPECT_FALSE(CpuFeatures::from({.isar0 = at(20, 1)}).lse);
    EXPECT_FALSE(CpuFeatures::from({.isar0 = at(56, 1)}).tlbi_range);
    const auto range = CpuFeatures::from({.isar0 = at(56, 2)});
    EXPECT_TRUE(range.tlbi_os && range.tlbi_range);
}

TEST(CpuFeatures, BbmLevels) {
    for (unsigned level = 0; level <= 2; ++level) {
        EXPECT_EQ(CpuFeatures::from({.mmfr2 = at(52, level)}).bbm, level);
    }
}

TEST(CpuFeatures, CacheLines) {
    // Words of 4 bytes: log2 in IminLine [3:0] and DminLine [19:16].
    const auto f = CpuFeatures::from({.ctr = at(16, 5) | 3});
    EXPECT_EQ(f.dcache_line, 128U);
    EXPECT_EQ(f.icache_line, 32U);
}

TEST(CpuFeatures, CommonTakesTheLeastOfEach) {
    const auto big = CpuFeatures::from({.mmfr0 = 0x0000'0323'1020'1126,
                                        .mmfr1 = 0x0000'0110'1021'1122,
                                        .mmfr2 = 0x1021'0110'1001'1011,
                                        .ctr = at(29, 1) | at(28, 1) | at(16, 5) | 5});
    const auto little = CpuFeatures::from({.mmfr0 = 0x1122, .ctr = 0x8444'8004});
    const auto both = CpuFeatures::common(big, little);
    CpuFeatures expected;
    expected.pa_bits = 40;
    expected.granule_4k = expected.granule_64k = true;
    expected.dcache_line = expected.icache_line = 64;
    EXPECT_EQ(both, expected);
    EXPECT_EQ(CpuFeatures::common(little, big), expected);
    EXPECT_EQ(CpuFeatures::common(big, big), big);
    EXPECT_EQ(CpuFeatures::common(little, little), little);
}

// No flag is lost or invented on the way: for each, the common value is "both".
TEST(CpuFeatures, CommonIsAndForEveryFlag) {
    bool CpuFeatures::*const flags[] = {
        &CpuFeatures::granule_4k, &CpuFeatures::granule_16k, &CpuFeatures::granule_64k,
        &CpuFeatures::lpa2_4k,    &CpuFeatures::lpa2_16k,    &CpuFeatures::ttst,
        &CpuFeatures::xnx,        &CpuFeatures::access_flag, &CpuFeatures::dirty_state,
        &CpuFeatures::haft,       &CpuFeatures::vmid16,      &CpuFeatures::fwb,
        &CpuFeatures::ttl,        &CpuFeatures::cnp,         &CpuFeatures::evt,
        &CpuFeatures::tlbi_os,    &CpuFeatures::tlbi_range,  &CpuFeatures::xs,
        &CpuFeatures::s2pie,      &CpuFeatures::d128,        &CpuFeatures::vhe,
        &CpuFeatures::lse,        &CpuFeatures::dic,         &CpuFeatures::idc,
    };
    for (const auto flag : flags) {
        CpuFeatures with;
        with.*flag = true;
        const CpuFeatures without;
        EXPECT_EQ(CpuFeatures::common(with, with), with);
        EXPECT_EQ(CpuFeatures::common(with, without), without);
        EXPECT_EQ(CpuFeatures::common(without, with), without);
    }
    CpuFeatures one, two;
    one.bbm = 1;
    two.bbm = 2;
    EXPECT_EQ(CpuFeatures::common(one, two).bbm, 1U);
}

} // namespace
