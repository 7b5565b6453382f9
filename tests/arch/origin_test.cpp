// SPDX-License-Identifier: MIT
// The question that started this project: when may a 1 GiB block be mapped at stage 2? The answer
// of 2019 was given in folded levels; can_map() has to give the same one for every table.
#include "reference_tables.hpp"

#include <gtest/gtest.h>

namespace {

using namespace twofold;

// Software that always has four levels, PGD, PUD, PMD and PTE, folds those that a table lacks into
// the PGD, from the PUD on. With the 4K granule a PUD entry is 1 GiB, a PMD entry 2 MiB.
struct FoldedTable {
    bool pud_folded;
    bool pmd_folded;

    static FoldedTable of(unsigned levels) {
        switch (levels) {
        case 4: // PGD -> PUD -> PMD -> PTE
            return {.pud_folded = false, .pmd_folded = false};
        case 3: // PGD (= PUD) -> PMD -> PTE
            return {.pud_folded = true, .pmd_folded = false};
        default: // PGD (= PUD = PMD) -> PTE
            return {.pud_folded = true, .pmd_folded = true};
        }
    }
    // A block in a PUD replaces a PMD table. Where the PMD is folded, the PGD's entries are of
    // 2 MiB, and there is nothing that such a block could replace.
    bool pud_block_allowed() const { return !pmd_folded; }
    // A block in a PMD replaces a PTE table, and the PTE level is never folded.
    static bool pmd_block_allowed() { return true; }
};

constexpr std::uint64_t pud_size = 0x4000'0000;
constexpr std::uint64_t pmd_size = 0x20'0000;
constexpr std::uint64_t pgd_size = 0x80'0000'0000; // of an entry, with four levels

TEST(Origin, FoldedLevelsAndCanMapAgreeForEveryTable) {
    unsigned tables[5] = {};
    for (const auto& pa : reference::pa_rows) {
        for (const bool lpa2 : {false, true}) {
            for (unsigned ia = 16; ia <= 52; ++ia) {
                for (const unsigned levels : {2U, 3U, 4U}) {
                    const auto g = Geometry::make(reference::full_cpu(pa.bits),
                                                  {.granule = Granule::k4,
                                                   .ipa_bits = ia,
                                                   .lpa2 = lpa2,
                                                   .initial_level = 4 - static_cast<int>(levels)});
                    if (!g) {
                        continue;
                    }
                    ++tables[levels];
                    ASSERT_EQ(g->levels(), levels);
                    const auto folded = FoldedTable::of(levels);
                    EXPECT_EQ(g->can_map(pud_size), folded.pud_block_allowed())
                        << ia << " bits, " << levels << " levels";
                    EXPECT_EQ(g->can_map(pmd_size), FoldedTable::pmd_block_allowed());
                    if (!lpa2) {
                        EXPECT_FALSE(g->can_map(pgd_size));
                    }
                    if (levels == 2) {
                        EXPECT_FALSE(g->can_map(pud_size));
                        EXPECT_FALSE(g->can_map(pgd_size));
                    }
                    EXPECT_TRUE(g->can_map(0x1000));
                }
            }
        }
    }
    // IPA sizes 22..34, 31..43, 40..48 without and 40..52 with LPA2, as far as PAMax lets them.
    EXPECT_EQ(tables[2], 2U * (11 + 13 * 7));
    EXPECT_EQ(tables[3], 2U * (2 + 6 + 10 + 12 + 13 * 4));
    EXPECT_EQ(tables[4], (5U + 9 * 3) + (5 + 9 + 13 * 2));
}

// The same for the trees that are chosen when nobody names a level.
TEST(Origin, TheAnswerFollowsTheInputSize) {
    struct Row {
        unsigned ia;
        bool one_gib; // with the fewest levels
        bool one_gib_fewest_pages;
    };
    // 2 levels reach 34 bits through 16 concatenated tables, and 30 bits through one.
    const Row rows[] = {{25, false, false}, {30, false, false}, {31, false, true},
                        {32, false, true},  {33, false, true},  {34, false, true},
                        {35, true, true},   {36, true, true},   {39, true, true},
                        {40, true, true},   {43, true, true},   {44, true, true},
                        {48, true, true}};
    auto cpu = reference::full_cpu(48);
    cpu.ttst = false;
    for (const auto& row : rows) {
        const auto levels = Geometry::make(cpu, {.ipa_bits = row.ia});
        const auto pages =
            Geometry::make(cpu, {.ipa_bits = row.ia, .prefer = Prefer::fewest_root_pages});
        ASSERT_TRUE(levels && pages) << row.ia;
        EXPECT_EQ(levels->can_map(pud_size), row.one_gib) << row.ia;
        EXPECT_EQ(pages->can_map(pud_size), row.one_gib_fewest_pages) << row.ia;
        EXPECT_TRUE(levels->can_map(pmd_size)) << row.ia;
        EXPECT_FALSE(levels->can_map(pgd_size)) << row.ia;
    }
}

// What KVM makes of each IPA size with 4K pages: levels and pages of the root.
TEST(Origin, FewestLevelsIsWhatKvmDoes) {
    struct Row {
        unsigned ia, levels, pages;
        bool lpa2;
    };
    const Row rows[] = {
        {32, 2, 4, false}, {33, 2, 8, false}, {34, 2, 16, false}, {35, 3, 1, false},
        {36, 3, 1, false}, {37, 3, 1, false}, {38, 3, 1, false},  {39, 3, 1, false},
        {40, 3, 2, false}, {41, 3, 4, false}, {42, 3, 8, false},  {43, 3, 16, false},
        {44, 4, 1, false}, {45, 4, 1, false}, {46, 4, 1, false},  {47, 4, 1, false},
        {48, 4, 1, false}, {52, 4, 16, true},
    };
    for (const auto& row : rows) {
        const auto g =
            Geometry::make(reference::full_cpu(52), {.ipa_bits = row.ia, .lpa2 = row.lpa2});
        ASSERT_TRUE(g) << row.ia;
        EXPECT_EQ(g->levels(), row.levels) << row.ia;
        EXPECT_EQ(g->root_bytes(), row.pages * std::uint64_t{4096}) << row.ia;
    }
}

TEST(Origin, WithLpa2AFourLevelTableAlsoHas512GiB) {
    const auto cpu = reference::full_cpu(52);
    for (unsigned ia = 40; ia <= 52; ++ia) {
        const auto with = Geometry::make(cpu, {.ipa_bits = ia, .lpa2 = true, .initial_level = 0});
        ASSERT_TRUE(with);
        EXPECT_TRUE(with->can_map(pgd_size));
    }
    for (unsigned ia = 49; ia <= 52; ++ia) {
        const auto five = Geometry::make(cpu, {.ipa_bits = ia, .lpa2 = true, .initial_level = -1});
        ASSERT_TRUE(five);
        EXPECT_EQ(five->levels(), 5U);
        EXPECT_TRUE(five->can_map(pgd_size) && five->can_map(pud_size) && five->can_map(pmd_size));
        EXPECT_FALSE(five->can_map(std::uint64_t{1} << 48)); // level -1 has no blocks
    }
}

} // namespace
