// SPDX-License-Identifier: MIT
// VTCR_EL2 in words, levels in Linux's words, columns, CPU models.
#include "tools/cpu/known_cpu.hpp"
#include "tools/layout/linux_words.hpp"
#include "tools/layout/vtcr_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/list.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

std::string meaning(std::uint64_t vtcr, std::string_view name) {
    for (const RegisterField& field : vtcr_words(Vtcr{vtcr})) {
        if (field.name == name) {
            return field.meaning;
        }
    }
    return "absent";
}

TEST(VtcrWords, DecodeSl0ByGranule) {
    // SL0 0..3 with TG0 00 (4K): levels 2, 1, 0, 3.
    EXPECT_EQ(meaning(0x8000'0018, "SL0"), "initial level 2");
    EXPECT_EQ(meaning(0x8000'0058, "SL0"), "initial level 1");
    EXPECT_EQ(meaning(0x8000'0098, "SL0"), "initial level 0");
    EXPECT_EQ(meaning(0x8000'00d8, "SL0"), "initial level 3");
    // With TG0 01 (64K) and 10 (16K): levels 3, 2, 1, and 0.
    EXPECT_EQ(meaning(0x8000'4018, "SL0"), "initial level 3");
    EXPECT_EQ(meaning(0x8000'4098, "SL0"), "initial level 1");
    EXPECT_EQ(meaning(0x8000'8058, "SL0"), "initial level 2");
    EXPECT_EQ(meaning(0x8000'80d8, "SL0"), "initial level 0");
}

TEST(VtcrWords, Sl2CountsOnlyWithLpa2) {
    EXPECT_EQ(meaning(0x3'8000'000c, "SL0"), "initial level -1");
    EXPECT_EQ(meaning(0x2'8000'000c, "SL0"), "initial level 2");
    EXPECT_EQ(meaning(0x3'8000'000c, "SL2"), "extends SL0");
    // SL2:SL0 = 101 is reserved.
    EXPECT_EQ(meaning(0x3'8000'004c, "SL0"), "reserved");
}

TEST(VtcrWords, CallOutWhatIsWrong) {
    EXPECT_EQ(meaning(0x0000'0018, "RES1"), "must be 1");
    EXPECT_EQ(meaning(0x8000'0018, "RES1"), "");
    EXPECT_EQ(meaning(0x8000'c018, "TG0"), "reserved");
    EXPECT_EQ(meaning(0x8000'c018, "SL0"), "reserved");
    EXPECT_EQ(meaning(0x8000'1018, "SH0"), "walks reserved");
}

TEST(VtcrWords, ExtensionsAppearWhenUsed) {
    EXPECT_EQ(meaning(0x8000'0018, "D128"), "absent");
    EXPECT_EQ(meaning(0x40'8000'0018, "D128"), "128-bit descriptors");
    EXPECT_EQ(meaning(0x10'8000'0018, "S2PIE"), "indirect permissions");
}

TEST(VtcrWords, BitsAreWrittenAsInTheManual) {
    const auto fields = vtcr_words(Vtcr{0x8000'0018});
    EXPECT_EQ(fields[0].bits(), "[5:0]");
    EXPECT_EQ(fields[1].bits(), "[7:6]");
    EXPECT_EQ(fields[7].name, "VS");
    EXPECT_EQ(fields[7].bits(), "[19]");
}

TEST(VtcrWords, SummaryNamesWhatMatters) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(vtcr_summary(Vtcr{0x806d'3558}),
              (Words{"4K granule", "40-bit IPA", "initial level 1", "48-bit output addresses",
                     "16-bit VMID", "access flag by hardware", "dirty state by hardware"}));
    EXPECT_EQ(vtcr_summary(Vtcr{0x1'8006'359c}),
              (Words{"4K granule", "36-bit IPA", "initial level 0", "52-bit output addresses",
                     "8-bit VMID", "access flag by software", "dirty state by software", "LPA2"}));
}

TEST(List, IsWrappedBetweenItsWords) {
    EXPECT_EQ(wrapped_list({}, 4, 20), "");
    EXPECT_EQ(wrapped_list({"one"}, 4, 20), "one");
    // "one, two, three," is 16 columns wide, and the indent 4.
    EXPECT_EQ(wrapped_list({"one", "two", "three", "four", "five"}, 4, 20),
              "one, two, three,\n    four, five");
    EXPECT_EQ(wrapped_list({"longer than the line is", "x"}, 4, 20),
              "longer than the line is,\n    x");
}

struct Folding {
    Level initial_level;
    unsigned ipa_bits;
    std::vector<std::string> folded;
    bool pud_block;
    bool pmd_block;
};

// The folded-level formulation: with four levels only P4D is folded, with three PUD as well, with
// two PMD as well; a PUD block needs a PMD that is not folded, a PMD block is always possible.
TEST(LinuxWords, FoldingDecidesAboutBlocks) {
    const Folding rows[] = {{0, 48, {"P4D"}, true, true},
                            {1, 40, {"P4D", "PUD"}, true, true},
                            {2, 34, {"P4D", "PUD", "PMD"}, false, true}};
    const CpuFeatures features = CpuFeatures::from(find_cpu("neoverse-n1")->registers);
    for (const Folding& row : rows) {
        const auto geometry = Geometry::make(
            features, {.ipa_bits = row.ipa_bits, .initial_level = row.initial_level});
        const LinuxWords words = linux_words(geometry.value());
        EXPECT_EQ(words.levels[0].name, "PGD");
        EXPECT_EQ(words.levels[0].level, row.initial_level);
        EXPECT_EQ(words.levels[0].folded, row.folded);
        ASSERT_EQ(words.blocks.size(), 3U);
        EXPECT_EQ(words.blocks[0].name, "P4D");
        EXPECT_FALSE(words.blocks[0].allowed);
        EXPECT_EQ(words.blocks[1].allowed, row.pud_block);
        EXPECT_EQ(words.blocks[2].allowed, row.pmd_block);
    }
}

TEST(LinuxWords, FiveLevelsFoldNothing) {
    const CpuFeatures features = CpuFeatures::from(find_cpu("max")->registers);
    const LinuxWords words = linux_words(
        Geometry::make(features, {.ipa_bits = 52, .lpa2 = true, .initial_level = -1}).value());
    ASSERT_EQ(words.levels.size(), 5U);
    EXPECT_TRUE(words.levels[0].folded.empty());
    EXPECT_EQ(words.levels[1].name, "P4D");
    EXPECT_TRUE(words.blocks[0].allowed); // 512 GiB, with LPA2
}

TEST(LinuxWords, AFormatWithoutABlockSaysSo) {
    const CpuFeatures features = CpuFeatures::from(find_cpu("neoverse-n1")->registers);
    const LinuxWords words = linux_words(Geometry::make(features, {.ipa_bits = 48}).value());
    EXPECT_EQ(words.blocks[0].reason, "this descriptor format has no block at that level");
}

TEST(LinuxWords, OneLevelHasNoBlocks) {
    const CpuFeatures features = CpuFeatures::from(find_cpu("max")->registers);
    const LinuxWords words = linux_words(Geometry::make(features, {.ipa_bits = 20}).value());
    ASSERT_EQ(words.levels.size(), 1U);
    EXPECT_EQ(words.levels[0].name, "PTE");
    EXPECT_EQ(words.levels[0].folded.size(), 4U);
    EXPECT_FALSE(words.blocks[2].allowed);
    EXPECT_EQ(words.blocks[2].reason, "the table is a single level of pages");
}

TEST(Columns, LineUp) {
    Columns columns{{Align::left, Align::right, Align::left}};
    columns.add({"size", "count", "why"});
    columns.add({"1 GiB", "3", ""});
    columns.add({"2 MiB"});
    EXPECT_EQ(columns.text(2), "  size   count  why\n"
                               "  1 GiB      3\n"
                               "  2 MiB\n");
}

struct Cpu {
    std::string_view name;
    unsigned pa_bits;
    bool lpa2;
    bool granule_16k;
    bool xnx;
    bool fwb;
    bool vmid16;
    bool lse;
    bool tlbi_range;
};

// From the cores' reference manuals, and for max what QEMU 7.2 says of itself.
TEST(KnownCpu, FeaturesAreTheCores) {
    constexpr Cpu rows[] = {{"cortex-a53", 40, false, false, false, false, false, false, false},
                            {"cortex-a57", 44, false, false, false, false, false, false, false},
                            {"cortex-a72", 44, false, false, false, false, false, false, false},
                            {"cortex-a76", 40, false, true, true, false, true, true, false},
                            {"neoverse-n1", 48, false, true, true, false, true, true, false},
                            {"max", 52, true, true, true, true, true, true, true},
                            {"everything", 52, true, true, true, true, true, true, true}};
    for (const Cpu& row : rows) {
        ASSERT_NE(find_cpu(row.name), nullptr) << row.name;
        const CpuFeatures features = CpuFeatures::from(find_cpu(row.name)->registers);
        EXPECT_EQ(features.pa_bits, row.pa_bits) << row.name;
        EXPECT_TRUE(features.granule_4k) << row.name;
        EXPECT_TRUE(features.granule_64k) << row.name;
        EXPECT_EQ(features.granule_16k, row.granule_16k) << row.name;
        EXPECT_EQ(features.lpa2_4k, row.lpa2) << row.name;
        EXPECT_EQ(features.xnx, row.xnx) << row.name;
        EXPECT_EQ(features.fwb, row.fwb) << row.name;
        EXPECT_EQ(features.vmid16, row.vmid16) << row.name;
        EXPECT_EQ(features.lse, row.lse) << row.name;
        EXPECT_EQ(features.tlbi_range, row.tlbi_range) << row.name;
    }
    EXPECT_EQ(known_cpus().size(), std::size(rows));
    EXPECT_EQ(find_cpu("cortex-a99"), nullptr);
    EXPECT_EQ(find_cpu(""), nullptr);
}

TEST(KnownCpu, EverythingHasWhatNoModelHas) {
    const CpuFeatures features = CpuFeatures::from(find_cpu("everything")->registers);
    EXPECT_TRUE(features.haft);
    EXPECT_TRUE(features.evt);
    EXPECT_TRUE(features.s2pie);
    EXPECT_TRUE(features.xs);
    EXPECT_TRUE(features.dic);
    EXPECT_TRUE(features.idc);
    EXPECT_EQ(features.bbm, 2U);
}

} // namespace
} // namespace twofold::tool
