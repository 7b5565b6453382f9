// SPDX-License-Identifier: MIT
// Which T0SZ each start level accepts: every combination, against the manual's table.
#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

#include <algorithm>

namespace twofold::model::testing {
namespace {

constexpr std::uint64_t root = 0x8000'0000;

struct Row {
    std::uint64_t tg0;
    bool ds;
    unsigned code; // SL2:SL0
    int start;
    unsigned t0sz_low; // both included; an empty range is an invalid start level
    unsigned t0sz_high;
};

constexpr Row invalid(std::uint64_t tg0, bool ds, unsigned code) {
    return {tg0, ds, code, 0, 1, 0};
}

// PAMax 52 with FEAT_LPA, FEAT_LPA2 and FEAT_TTST.
constexpr Row rows[] = {
    {tg_4k, false, 0b000, 2, 30, 42},  {tg_4k, false, 0b001, 1, 21, 33},
    {tg_4k, false, 0b010, 0, 16, 24},  {tg_4k, false, 0b011, 3, 39, 48},
    {tg_4k, true, 0b000, 2, 30, 42},   {tg_4k, true, 0b001, 1, 21, 33},
    {tg_4k, true, 0b010, 0, 12, 24},   {tg_4k, true, 0b011, 3, 39, 48},
    {tg_4k, true, 0b100, -1, 12, 15},  invalid(tg_4k, true, 0b101),
    invalid(tg_4k, true, 0b110),       invalid(tg_4k, true, 0b111),
    {tg_16k, false, 0b000, 3, 35, 48}, {tg_16k, false, 0b001, 2, 24, 38},
    {tg_16k, false, 0b010, 1, 16, 27}, invalid(tg_16k, false, 0b011),
    {tg_16k, true, 0b000, 3, 35, 48},  {tg_16k, true, 0b001, 2, 24, 38},
    {tg_16k, true, 0b010, 1, 13, 27},  {tg_16k, true, 0b011, 0, 12, 16},
    {tg_64k, false, 0b000, 3, 31, 47}, {tg_64k, false, 0b001, 2, 18, 34},
    {tg_64k, false, 0b010, 1, 12, 21}, invalid(tg_64k, false, 0b011),
};

WalkConfig config_of(const Row& row, unsigned t0sz) {
    return full_cpu({.t0sz = t0sz,
                     .sl0 = row.code & 3U,
                     .tg0 = row.tg0,
                     .ps = ps_52,
                     .ds = row.ds,
                     .sl2 = row.code > 3},
                    root);
}

// On empty memory a legal regime reads one descriptor, of the start level, and an illegal one none.
void expect(const WalkConfig& config, bool legal, int start) {
    SparseMemory memory;
    const WalkResult result = walk(config, memory, Ipa{0}, load_el1);
    ASSERT_TRUE(result.faulted());
    EXPECT_EQ(result.fault.kind, FaultKind::translation);
    EXPECT_EQ(result.visits.size(), legal ? 1U : 0U);
    EXPECT_EQ(result.fault.level, legal ? start : 0);
    if (legal && !result.visits.empty()) {
        EXPECT_EQ(result.visits[0].level, start);
        EXPECT_EQ(result.visits[0].address.value, root);
    }
}

TEST(StartLevel, EveryT0szOfEveryRow) {
    for (const Row& row : rows) {
        for (unsigned t0sz = 0; t0sz < 64; ++t0sz) {
            SCOPED_TRACE(::testing::Message() << "TG0 " << row.tg0 << " DS " << row.ds << " SL "
                                              << row.code << " T0SZ " << t0sz);
            expect(config_of(row, t0sz), row.t0sz_low <= t0sz && t0sz <= row.t0sz_high, row.start);
        }
    }
}

TEST(StartLevel, Sl2IsIgnoredWithoutDs) {
    for (const Row& row : rows) {
        if (row.ds || row.t0sz_low > row.t0sz_high) {
            continue;
        }
        WalkConfig config = config_of(row, row.t0sz_low);
        config.vtcr |= std::uint64_t{1} << 33;
        expect(config, true, row.start);
    }
}

TEST(StartLevel, WithoutSmallTablesT0szEndsAt39) {
    for (const Row& row : rows) {
        for (unsigned t0sz = 0; t0sz < 64; ++t0sz) {
            SCOPED_TRACE(::testing::Message()
                         << "TG0 " << row.tg0 << " SL " << row.code << " T0SZ " << t0sz);
            WalkConfig config = config_of(row, t0sz);
            config.ttst = false;
            const bool needs_ttst = row.tg0 == tg_4k && row.code == 0b011;
            const bool legal =
                !needs_ttst && row.t0sz_low <= t0sz && t0sz <= std::min(row.t0sz_high, 39U);
            expect(config, legal, row.start);
        }
    }
}

// The IPA may not be wider than the implemented PA, and a start level that could never be needed
// is invalid.
TEST(StartLevel, SmallerPhysicalAddresses) {
    struct Limit {
        std::uint64_t tg0;
        unsigned code;
        unsigned pa_max;
        unsigned t0sz_low;
        unsigned t0sz_high;
    };
    constexpr Limit limits[] = {
        {tg_4k, 0b010, 40, 1, 0},    {tg_4k, 0b010, 42, 1, 0},    {tg_4k, 0b010, 44, 20, 24},
        {tg_4k, 0b010, 48, 16, 24},  {tg_4k, 0b001, 36, 28, 33},  {tg_4k, 0b001, 40, 24, 33},
        {tg_4k, 0b001, 42, 22, 33},  {tg_4k, 0b001, 44, 21, 33},  {tg_4k, 0b000, 32, 32, 42},
        {tg_16k, 0b010, 40, 1, 0},   {tg_16k, 0b010, 42, 22, 27}, {tg_16k, 0b001, 36, 28, 38},
        {tg_16k, 0b001, 40, 24, 38}, {tg_64k, 0b010, 42, 1, 0},   {tg_64k, 0b010, 44, 20, 21},
        {tg_64k, 0b010, 48, 16, 21}, {tg_64k, 0b001, 40, 24, 34},
    };
    for (const Limit& limit : limits) {
        for (unsigned t0sz = 0; t0sz < 64; ++t0sz) {
            SCOPED_TRACE(::testing::Message() << "TG0 " << limit.tg0 << " SL " << limit.code
                                              << " PAMax " << limit.pa_max << " T0SZ " << t0sz);
            WalkConfig config = plain_cpu(
                {.t0sz = t0sz, .sl0 = limit.code, .tg0 = limit.tg0, .ps = ps_48}, 0x4000'0000);
            config.pa_max = limit.pa_max;
            config.ttst = true;
            SparseMemory memory;
            const WalkResult result = walk(config, memory, Ipa{0}, load_el1);
            const bool legal = limit.t0sz_low <= t0sz && t0sz <= limit.t0sz_high;
            EXPECT_EQ(result.visits.size(), legal ? 1U : 0U);
        }
    }
}

TEST(StartLevel, OutOfRangeT0szIsClampedWhereItDoesNotFault) {
    // T0SZ 10 on a CPU of 40 bits: taken as 24, so that IPA bit 39 is the last one.
    WalkConfig config = plain_cpu({.t0sz = 10, .sl0 = 1}, 0x4000'0000);
    config.pa_max = 40;
    config.choices.txsz_low_faults = false;
    SparseMemory memory;
    EXPECT_EQ(walk(config, memory, Ipa{0xff'ffff'ffff}, load_el1).visits.size(), 1U);
    EXPECT_EQ(walk(config, memory, Ipa{0x100'0000'0000}, load_el1).visits.size(), 0U);

    // T0SZ 45 with a maximum of 39: 25 bits of IPA.
    config = plain_cpu({.t0sz = 45, .sl0 = 0}, 0x4000'0000);
    config.choices.txsz_high_faults = false;
    EXPECT_EQ(walk(config, memory, Ipa{0x1ff'ffff}, load_el1).visits.size(), 1U);
    EXPECT_EQ(walk(config, memory, Ipa{0x200'0000}, load_el1).visits.size(), 0U);

    // With FEAT_TTST the maximum is 48, but 47 for 64K: 16 and 17 bits.
    config = plain_cpu({.t0sz = 60, .sl0 = 3}, 0x4000'0000);
    config.choices.txsz_high_faults = false;
    config.ttst = true;
    EXPECT_EQ(walk(config, memory, Ipa{0xffff}, load_el1).visits.size(), 1U);
    EXPECT_EQ(walk(config, memory, Ipa{0x1'0000}, load_el1).visits.size(), 0U);
    config.vtcr = encode({.t0sz = 60, .sl0 = 0, .tg0 = tg_64k});
    EXPECT_EQ(walk(config, memory, Ipa{0x1'ffff}, load_el1).visits.size(), 1U);
    EXPECT_EQ(walk(config, memory, Ipa{0x2'0000}, load_el1).visits.size(), 0U);
}

} // namespace
} // namespace twofold::model::testing
