// SPDX-License-Identifier: MIT
// What the leaves of a table have to have in common for Stage2::collapse(): one that differs keeps
// the table.
#include "collapsing.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twofold::test {
namespace {

// One leaf of 512 that is not like the others, wherever it stands.
TEST(Collapse, AnyOtherDifferenceKeepsTheTable) {
    struct Row {
        const char* name = {};
        std::uint64_t and_mask = ~std::uint64_t{0};
        std::uint64_t flip = {};
    };
    const Row rows[] = {
        {"hole", 0, 0},
        {"invalid, the rest in place", ~std::uint64_t{0}, 1},
        {"a note of software in an invalid entry", 0, 0xa0},
        {"a reserved type", ~std::uint64_t{0}, 2},
        {"[2] MemAttr", ~std::uint64_t{0}, 0x4},
        {"[5] MemAttr", ~std::uint64_t{0}, 0x20},
        {"[6] S2AP read", ~std::uint64_t{0}, 0x40},
        {"[7] S2AP write", ~std::uint64_t{0}, 0x80},
        {"[8] SH", ~std::uint64_t{0}, 0x100},
        {"[9] SH", ~std::uint64_t{0}, 0x200},
        {"[11] FnXS", ~std::uint64_t{0}, 0x800},
        {"[51] DBM", ~std::uint64_t{0}, raw_dbm},
        {"[53] XN", ~std::uint64_t{0}, 0x0020'0000'0000'0000},
        {"[54] XN", ~std::uint64_t{0}, 0x0040'0000'0000'0000},
        {"[55] software", ~std::uint64_t{0}, 0x0080'0000'0000'0000},
        {"[58] software", ~std::uint64_t{0}, 0x0400'0000'0000'0000},
        {"[63] ignored by hardware", ~std::uint64_t{0}, 0x8000'0000'0000'0000},
        {"another page", ~std::uint64_t{0}, 0x1000},
        {"another GiB", ~std::uint64_t{0}, 0x4000'0000},
        {"another half of the output space", ~std::uint64_t{0}, 0x8000'0000'0000},
    };
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB);
    for (const Row& row : rows) {
        for (const unsigned i : {0U, 1U, 255U, 511U}) {
            SCOPED_TRACE(std::string{row.name} + " at " + std::to_string(i));
            const std::uint64_t raw = m.raw({1, 0, i});
            m.set_raw({1, 0, i}, (raw & row.and_mask) ^ row.flip);
            expect_untouched(m, first_ipa, GiB);
            if (HasFailure()) {
                return; // the table may be gone
            }
            m.set_raw({1, 0, i}, raw);
        }
    }
    EXPECT_EQ(collapse(m, first_ipa, GiB), 1U);
}

TEST(Collapse, AWritableBitThatDiffersIsDirtyStateOnlyWithDbm) {
    for (const unsigned dirty : {0U, 1U, 300U, 511U}) {
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB, with(Permissions::r()));
        m.set_raw({1, 0, dirty}, m.raw({1, 0, dirty}) | raw_write);
        expect_untouched(m, first_ipa, GiB);
    }
}

TEST(Collapse, LeavesOutOfOrderStay) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB);
    const std::uint64_t a = m.raw({1, 0, 8});
    const std::uint64_t b = m.raw({1, 0, 9});
    m.set_raw({1, 0, 8}, b);
    m.set_raw({1, 0, 9}, a);
    expect_untouched(m, first_ipa, GiB);
    // All of them the same page.
    for (unsigned i = 0; i < 512; ++i) {
        m.set_raw({1, 0, i}, a);
    }
    expect_untouched(m, first_ipa, GiB);
    // Downwards.
    for (unsigned i = 0; i < 512; ++i) {
        m.set_raw({1, 0, i}, (first_pa + 4 * KiB * (511 - i)) | raw_rw | raw_page);
    }
    expect_untouched(m, first_ipa, GiB);
}

TEST(Collapse, TheOutputHasToBeAlignedToTheBlock) {
    for (const std::uint64_t off : {4 * KiB, 64 * KiB, MiB, 2 * MiB - 4 * KiB}) {
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa + off, 2 * MiB, 4 * KiB);
        expect_untouched(m, first_ipa, GiB);
    }
    // Right for 2 MiB, not for 1 GiB.
    for (const std::uint64_t off : {2 * MiB, 512 * MiB, GiB - 2 * MiB}) {
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa + off, GiB, 4 * KiB);
        EXPECT_EQ(collapse(m, first_ipa, GiB), 512U);
        EXPECT_EQ(m.leaves(),
                  run_of(first_ipa, 2 * MiB, (first_pa + off) | raw_rw | raw_block, 512));
        // In batches of eight; runs of 32 MiB are marked where the memory allows.
        EXPECT_EQ(m.port.invalidations, off == 512 * MiB ? 65U : 64U);
        EXPECT_EQ(m.port.live(), 2U);
        expect_untouched(m, 0, ipa_limit);
    }
}

// nT is kept where all blocks have it, as any other bit.
TEST(Collapse, BlocksThatDifferInNtStay) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, 2 * MiB, {.permissions = Permissions::rw(), .nt = true});
    m.set_raw({1, 5}, m.raw({1, 5}) & ~raw_nt);
    expect_untouched(m, first_ipa, GiB);
    m.set_raw({1, 5}, m.raw({1, 5}) | raw_nt);
    EXPECT_EQ(collapse(m, first_ipa, GiB), 1U);
    EXPECT_EQ(m.raw({1}), first_pa | raw_rw | raw_nt | raw_block);
}

// The hint joins 16 pages; the block is not part of such a run.
TEST(Collapse, TheContiguousHintOfLeavesGoes) {
    constexpr std::uint64_t contiguous = std::uint64_t{1} << 52;
    for (const unsigned begin : {0U, 16U, 496U}) {
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 2 * MiB, 4 * KiB);
        for (unsigned i = begin; i < begin + 16; ++i) {
            m.set_raw({1, 0, i}, m.raw({1, 0, i}) | contiguous);
        }
        EXPECT_EQ(collapse(m, first_ipa, GiB), 1U);
        EXPECT_EQ(m.leaves(), run_of(first_ipa, 2 * MiB, first_pa | raw_rw | raw_block, 1));
    }
}

} // namespace
} // namespace twofold::test
