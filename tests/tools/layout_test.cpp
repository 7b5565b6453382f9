// SPDX-License-Identifier: MIT
// `twofold layout` against tables written by hand from the manual and from what KVM builds.
#include "tools/cpu/known_cpu.hpp"
#include "tools/layout/layout.hpp"
#include "tools/layout/layout_words.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold::tool {
namespace {

Layout layout_of(std::string_view cpu, const GeometryRequest& request) {
    const CpuFeatures features = CpuFeatures::from(find_cpu(cpu)->registers);
    return make_layout(std::string{cpu}, features, Geometry::make(features, request).value());
}

std::vector<std::uint64_t> single_sizes(const Layout& layout) {
    std::vector<std::uint64_t> sizes;
    for (const MappableSize& size : layout.sizes) {
        if (size.entries == 1) {
            sizes.push_back(size.bytes);
        }
    }
    return sizes;
}

struct Kvm {
    unsigned ipa_bits;
    unsigned levels;
    unsigned root_pages;
};

// With fewest levels it is what KVM builds for each size with 4K pages on a 48-bit CPU.
TEST(Layout, FewestLevelsAreKvms) {
    constexpr Kvm rows[] = {{32, 2, 4}, {33, 2, 8},  {34, 2, 16}, {35, 3, 1}, {36, 3, 1},
                            {37, 3, 1}, {38, 3, 1},  {39, 3, 1},  {40, 3, 2}, {41, 3, 4},
                            {42, 3, 8}, {43, 3, 16}, {44, 4, 1},  {45, 4, 1}, {46, 4, 1},
                            {47, 4, 1}, {48, 4, 1}};
    for (const Kvm& row : rows) {
        const Layout layout = layout_of("neoverse-n1", {.ipa_bits = row.ipa_bits});
        EXPECT_EQ(layout.levels.size(), row.levels) << row.ipa_bits;
        EXPECT_EQ(layout.geometry.root_bytes(), row.root_pages * 4096) << row.ipa_bits;
        const bool has_1g = row.levels >= 3;
        EXPECT_EQ(single_sizes(layout), (has_1g ? std::vector<std::uint64_t>{1 << 30, 1 << 21, 4096}
                                                : std::vector<std::uint64_t>{1 << 21, 4096}))
            << row.ipa_bits;
    }
}

TEST(Layout, LevelsOfFortyBits) {
    const Layout layout = layout_of("max", {.ipa_bits = 40});
    ASSERT_EQ(layout.levels.size(), 3U);
    const LayoutLevel& root = layout.levels[0];
    EXPECT_EQ(root.level, 1);
    EXPECT_EQ(root.high_bit, 39U);
    EXPECT_EQ(root.low_bit, 30U);
    EXPECT_EQ(root.width(), 10U);
    EXPECT_EQ(root.entries, 1024U);
    EXPECT_EQ(root.entry_bytes, std::uint64_t{1} << 30);
    EXPECT_TRUE(root.table_allowed);
    EXPECT_TRUE(root.leaf_allowed);
    EXPECT_EQ(root.contiguous_bytes(), std::uint64_t{16} << 30);
    const LayoutLevel& page = layout.levels[2];
    EXPECT_EQ(page.high_bit, 20U);
    EXPECT_EQ(page.low_bit, 12U);
    EXPECT_EQ(page.entries, 512U);
    EXPECT_FALSE(page.table_allowed);
    EXPECT_EQ(page.contiguous_run, 16U);
}

TEST(Layout, SizesHaveTheLargestFirst) {
    const Layout layout = layout_of("max", {.granule = Granule::k16, .ipa_bits = 36});
    std::vector<std::uint64_t> sizes;
    for (const MappableSize& size : layout.sizes) {
        sizes.push_back(size.bytes);
    }
    // 32 x 32 MiB, 32 MiB, 128 x 16 KiB, 16 KiB
    EXPECT_EQ(sizes, (std::vector<std::uint64_t>{1 << 30, 1 << 25, 1 << 21, 1 << 14}));
}

TEST(Layout, FiveLevelsWithLpa2) {
    const Layout layout = layout_of("max", {.ipa_bits = 52, .lpa2 = true, .initial_level = -1});
    ASSERT_EQ(layout.levels.size(), 5U);
    EXPECT_EQ(layout.levels[0].level, -1);
    EXPECT_EQ(layout.levels[0].entries, 16U);
    EXPECT_FALSE(layout.levels[0].leaf_allowed);
    EXPECT_TRUE(layout.levels[1].leaf_allowed);
    EXPECT_EQ(layout.levels[1].entry_bytes, std::uint64_t{512} << 30);
    EXPECT_EQ(layout.levels[1].contiguous_run, 1U);
}

// A72: T0SZ 30, SL0 0, IRGN0 1, ORGN0 1, SH0 3, TG0 0, PS 4, and bit 31.
TEST(Layout, VtcrOfATwoLevelTable) {
    EXPECT_EQ(layout_of("cortex-a72", {.ipa_bits = 34}).vtcr.value, 0x8004'351eU);
}

// N1: T0SZ 24, SL0 1, the same, PS 5, VS, HA, HD.
TEST(Layout, VtcrWithHardwareUpdates) {
    EXPECT_EQ(layout_of("neoverse-n1", {.ipa_bits = 40}).vtcr.value, 0x806d'3558U);
}

TEST(Layout, TextAnswersTheQuestions) {
    const std::string text = layout_text(layout_of("neoverse-n1", {.ipa_bits = 40}));
    for (const char* const part :
         {"4K granule, 40-bit IPA, 48-bit PA, no LPA2; CPU: neoverse-n1\n",
          "1  39:30        10     1024       1 GiB  block or table  16 = 16 GiB\n",
          "3  20:12         9      512       4 KiB  page            16 = 64 KiB\n",
          "root: 2 tables side by side, 8 KiB, aligned to its size\n",
          "one descriptor maps: 1 GiB, 2 MiB, 4 KiB\n",
          "a contiguous run maps: 16 GiB, 32 MiB, 64 KiB\n", "VTCR_EL2 = 0x00000000806d3558\n",
          "[5:0]  T0SZ   24  40-bit IPA\n", "PGD  level 1  with P4D, PUD folded into it\n",
          "PUD block    1 GiB  yes  the PMD is not folded into the PGD\n"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in\n" << text;
    }
}

// 1 GiB and a page, from level 1: one block more; two tables of level 2, and 512 + 1 of level 3.
TEST(Layout, TablesOfAGuest) {
    const CpuFeatures features = CpuFeatures::from(find_cpu("neoverse-n1")->registers);
    const Geometry geometry = Geometry::make(features, {.ipa_bits = 40}).value();
    const Layout layout = make_layout("neoverse-n1", features, geometry, GiB + 4 * KiB);
    ASSERT_EQ(layout.tables.size(), 3U);
    EXPECT_EQ(layout.tables[0].entries, 2U);
    EXPECT_EQ(layout.tables[0].tables, 0U);
    EXPECT_EQ(layout.tables[0].table_bytes, 8192U);
    EXPECT_EQ(layout.tables[1].entries, 513U);
    EXPECT_EQ(layout.tables[1].tables, 2U);
    EXPECT_EQ(layout.tables[2].entries, 262145U);
    EXPECT_EQ(layout.tables[2].tables, 2U + 513U);
    EXPECT_EQ(layout.tables[2].table_bytes, 8192U + 515U * 4096U);
}

TEST(Layout, JsonHasAStableShape) {
    const auto json = layout_json(layout_of("cortex-a72", {.ipa_bits = 34}));
    const auto expected = nlohmann::ordered_json::parse(R"({
        "cpu": "cortex-a72", "granule": 4096, "ipa_bits": 34, "pa_bits": 44, "lpa2": false,
        "initial_level": 2, "root": {"tables": 16, "bytes": 65536},
        "levels": [
          {"level": 2, "ipa_high_bit": 33, "ipa_low_bit": 21, "width": 13, "entries": 8192,
           "entry_bytes": 2097152, "table": true, "leaf": true, "contiguous_run": 16},
          {"level": 3, "ipa_high_bit": 20, "ipa_low_bit": 12, "width": 9, "entries": 512,
           "entry_bytes": 4096, "table": false, "leaf": true, "contiguous_run": 16}],
        "sizes": [{"bytes": 33554432, "level": 2, "entries": 16},
                  {"bytes": 2097152, "level": 2, "entries": 1},
                  {"bytes": 65536, "level": 3, "entries": 16},
                  {"bytes": 4096, "level": 3, "entries": 1}],
        "memory": {"bytes": 4294967296, "mappings": [
          {"bytes": 2097152, "level": 2, "entries": 2048, "tables": 0, "table_bytes": 65536},
          {"bytes": 4096, "level": 3, "entries": 1048576, "tables": 2048,
           "table_bytes": 8454144}]},
        "vtcr": {"value": "0x000000008004351e", "fields": [
          {"name": "T0SZ", "high": 5, "low": 0, "value": 30, "meaning": "34-bit IPA"},
          {"name": "SL0", "high": 7, "low": 6, "value": 0, "meaning": "initial level 2"},
          {"name": "IRGN0", "high": 9, "low": 8, "value": 1,
           "meaning": "walks inner Write-Back, Write-Allocate"},
          {"name": "ORGN0", "high": 11, "low": 10, "value": 1,
           "meaning": "walks outer Write-Back, Write-Allocate"},
          {"name": "SH0", "high": 13, "low": 12, "value": 3, "meaning": "walks Inner Shareable"},
          {"name": "TG0", "high": 15, "low": 14, "value": 0, "meaning": "4K granule"},
          {"name": "PS", "high": 18, "low": 16, "value": 4, "meaning": "44-bit output addresses"},
          {"name": "VS", "high": 19, "low": 19, "value": 0, "meaning": "8-bit VMID"},
          {"name": "HA", "high": 21, "low": 21, "value": 0,
           "meaning": "software sets the access flag"},
          {"name": "HD", "high": 22, "low": 22, "value": 0,
           "meaning": "software tracks dirty state"},
          {"name": "RES1", "high": 31, "low": 31, "value": 1, "meaning": ""},
          {"name": "DS", "high": 32, "low": 32, "value": 0, "meaning": "no LPA2"}]},
        "linux": {
          "levels": [{"level": 2, "name": "PGD", "folded": ["P4D", "PUD", "PMD"]},
                     {"level": 3, "name": "PTE", "folded": []}],
          "blocks": [
            {"name": "P4D", "bytes": 549755813888, "allowed": false,
             "reason": "the PUD is folded into the PGD"},
            {"name": "PUD", "bytes": 1073741824, "allowed": false,
             "reason": "the PMD is folded into the PGD"},
            {"name": "PMD", "bytes": 2097152, "allowed": true,
             "reason": "the PTE is never folded"}]}})");
    EXPECT_EQ(json, expected) << json.dump(2);
}

} // namespace
} // namespace twofold::tool
