// SPDX-License-Identifier: MIT
// Where the start table is and which of its descriptors an IPA reads, concatenated tables included.
#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

namespace twofold::model::testing {
namespace {

struct Case {
    const char* name = "";
    Vtcr vtcr{};
    std::uint64_t vttbr = 0;
    std::uint64_t ipa = 0;
    std::uint64_t descriptor = 0; // address of the first that is read
};

// Each address is worked out by hand: base plus 8 times the IPA bits of the start level.
constexpr Case cases[] = {
    {"4K 39 bits, one table", {.t0sz = 25, .sl0 = 1}, 0x8000'1000, 0x7f'c000'0000, 0x8000'1ff8},
    {"4K 40 bits, first of two", {.t0sz = 24, .sl0 = 1}, 0x8000'2000, 0x4000'0000, 0x8000'2008},
    {"4K 40 bits, second of two", {.t0sz = 24, .sl0 = 1}, 0x8000'2000, 0x80'0000'0000, 0x8000'3000},
    {"4K 40 bits, last entry", {.t0sz = 24, .sl0 = 1}, 0x8000'2000, 0xff'ffff'ffff, 0x8000'3ff8},
    {"4K 40 bits, base is aligned to both", {.t0sz = 24, .sl0 = 1}, 0x8000'3000, 0, 0x8000'2000},
    {"4K 43 bits, sixteenth of sixteen",
     {.t0sz = 21, .sl0 = 1},
     0x8001'f000,
     0x7ff'ffff'f000,
     0x8001'fff8},
    {"4K 34 bits at level 2, sixteen",
     {.t0sz = 30, .sl0 = 0},
     0x8001'0000,
     0x3'ffff'ffff,
     0x8001'fff8},
    {"4K 31 bits at level 1, two entries",
     {.t0sz = 33, .sl0 = 1},
     0x8000'0010,
     0x4000'0000,
     0x8000'0018},
    {"4K 48 bits at level 0", {.t0sz = 16, .sl0 = 2}, 0x8000'0000, 0xffff'ffff'ffff, 0x8000'0ff8},
    {"4K 52 bits at level 0, sixteen",
     {.t0sz = 12, .sl0 = 2, .ds = true},
     0x8001'0000,
     0xf'ffff'ffff'ffff,
     0x8001'fff8},
    {"4K 52 bits at level -1, sixteen entries",
     {.t0sz = 12, .sl0 = 0, .ds = true, .sl2 = true},
     0x8000'0000,
     0xf'ffff'ffff'ffff,
     0x8000'0078},
    {"4K 49 bits at level -1, two entries",
     {.t0sz = 15, .sl0 = 0, .ds = true, .sl2 = true},
     0x8000'0040,
     0x1'0000'0000'0000,
     0x8000'0048},
    {"16K 48 bits at level 1, two tables",
     {.t0sz = 16, .sl0 = 2, .tg0 = tg_16k},
     0x8000'8000,
     0x8000'0000'0000,
     0x8000'c000},
    {"16K 40 bits at level 2, sixteen",
     {.t0sz = 24, .sl0 = 1, .tg0 = tg_16k},
     0x8004'0000,
     0xff'ffff'ffff,
     0x8007'fff8},
    {"16K 52 bits at level 0, thirty-two entries",
     {.t0sz = 12, .sl0 = 3, .tg0 = tg_16k, .ds = true},
     0x8000'0000,
     0xf'ffff'ffff'ffff,
     0x8000'0000 + 0x1f * 8},
    {"64K 42 bits at level 2, one table",
     {.t0sz = 22, .sl0 = 1, .tg0 = tg_64k},
     0x8001'0000,
     0x3ff'ffff'ffff,
     0x8001'fff8},
    {"64K 46 bits at level 2, sixteen",
     {.t0sz = 18, .sl0 = 1, .tg0 = tg_64k},
     0x8010'0000,
     0x3fff'ffff'ffff,
     0x801f'fff8},
    {"64K 52 bits at level 1",
     {.t0sz = 12, .sl0 = 2, .tg0 = tg_64k},
     0x8000'2000,
     0xf'ffff'ffff'ffff,
     0x8000'3ff8},
    // BADDR[51:48] in VTTBR [5:2]
    {"DS: base above 48 bits",
     {.t0sz = 12, .sl0 = 0, .ps = ps_52, .ds = true, .sl2 = true},
     0x8000'0080 | 0x9 << 2,
     0,
     0x9'0000'8000'0080},
    {"DS: a table of 16 bytes is still aligned to 64",
     {.t0sz = 15, .sl0 = 0, .ps = ps_52, .ds = true, .sl2 = true},
     0x8000'0040 | 0xc << 2,
     0,
     0xc'0000'8000'0040},
    {"64K with PS 52: base above 48 bits",
     {.t0sz = 21, .sl0 = 2, .tg0 = tg_64k, .ps = ps_52},
     0x8000'0040 | 0xf << 2,
     0,
     0xf'0000'8000'0040},
    {"64K with PS 48: [5:2] are low bits of the base, and cleared",
     {.t0sz = 21, .sl0 = 2, .tg0 = tg_64k, .ps = ps_48},
     0x8000'0040 | 0x1 << 2,
     0,
     0x8000'0040},
    {"VMID and CnP are not part of the base",
     {.t0sz = 24, .sl0 = 1},
     0xffff'0000'8000'2001,
     0,
     0x8000'2000},
};

TEST(StartTable, FirstDescriptor) {
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        SparseMemory memory;
        const WalkResult result = walk(full_cpu(c.vtcr, c.vttbr), memory, Ipa{c.ipa}, load_el1);
        ASSERT_EQ(result.visits.size(), 1U);
        EXPECT_EQ(result.visits[0].address.value, c.descriptor);
    }
}

TEST(StartTable, IpaAboveTheRegimeFaultsAtLevel0) {
    SparseMemory memory;
    const WalkConfig config = plain_cpu({.t0sz = 24, .sl0 = 1}, 0x8000'2000);
    const WalkResult result = walk(config, memory, Ipa{0x100'0000'0000}, load_el1);
    EXPECT_TRUE(result.faulted(FaultKind::translation, 0));
    EXPECT_TRUE(result.visits.empty());
}

TEST(StartTable, BaseAboveTheOutputSizeFaultsAtLevel0) {
    SparseMemory memory;
    // PS says 40 bits, the table is at 2^40.
    const WalkConfig config = plain_cpu({.t0sz = 24, .sl0 = 1, .ps = ps_40}, 0x100'0000'0000);
    const WalkResult result = walk(config, memory, Ipa{0}, load_el1);
    EXPECT_TRUE(result.faulted(FaultKind::address_size, 0));
    EXPECT_EQ(result.fault.dfsc, 0x00U);
    EXPECT_TRUE(result.visits.empty());
}

} // namespace
} // namespace twofold::model::testing
