// SPDX-License-Identifier: MIT
// Every legal layout of an IPA size, against the manual's ranges.
#include "tools/cpu/known_cpu.hpp"
#include "tools/layout/comparison.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

CpuFeatures features_of(std::string_view cpu) {
    return CpuFeatures::from(find_cpu(cpu)->registers);
}

struct Shape {
    Granule granule;
    Level initial_level;
    unsigned root_tables;
    bool fewest_levels;
    bool fewest_root_pages;

    bool operator==(const Shape&) const = default;
};

std::vector<Shape> shapes(const Comparison& comparison) {
    std::vector<Shape> shapes;
    for (const Comparison::Row& row : comparison.rows) {
        shapes.push_back({row.geometry.granule(), row.geometry.initial_level(),
                          row.geometry.root_tables(), row.fewest_levels, row.fewest_root_pages});
    }
    return shapes;
}

// 40 bits: 4K from level 0 (40..48) or 1 (31..43); 16K from level 1 (37..48) or 2 (26..40, 16
// tables); 64K from level 2 (30..46) only.
TEST(Comparison, AllOfFortyBits) {
    const auto comparison = compare_layouts("n1", features_of("neoverse-n1"), 40, 0, {});
    ASSERT_TRUE(comparison);
    EXPECT_EQ(shapes(*comparison), (std::vector<Shape>{{Granule::k4, 0, 1, false, true},
                                                       {Granule::k4, 1, 2, true, false},
                                                       {Granule::k16, 1, 1, false, true},
                                                       {Granule::k16, 2, 16, true, false},
                                                       {Granule::k64, 2, 1, true, true}}));
}

// Below 44 PA bits level 0 does not exist, and the A53 has no 16K granule.
TEST(Comparison, ASmallCpuHasOneChoice) {
    const auto comparison = compare_layouts("a53", features_of("cortex-a53"), 40, 0, Granule::k4);
    ASSERT_TRUE(comparison);
    EXPECT_EQ(shapes(*comparison), (std::vector<Shape>{{Granule::k4, 1, 2, true, true}}));
}

TEST(Comparison, NothingLegalIsAnError) {
    const auto comparison = compare_layouts("a53", features_of("cortex-a53"), 41, 0, {});
    ASSERT_FALSE(comparison);
    EXPECT_EQ(comparison.error(), to_string(Error::ipa_bits_above_maximum));
    const auto granule = compare_layouts("a53", features_of("cortex-a53"), 40, 0, Granule::k16);
    ASSERT_FALSE(granule);
    EXPECT_EQ(granule.error(), to_string(Error::granule_not_supported));
}

TEST(Comparison, TextAndJsonSayTheSame) {
    const auto comparison =
        compare_layouts("cortex-a72", features_of("cortex-a72"), 34, 0, Granule::k4);
    ASSERT_TRUE(comparison);
    // 34 bits: level 1 with 16 entries, or level 2 with 16 tables.
    EXPECT_EQ(comparison_text(*comparison),
              "2 legal layouts of a 34-bit IPA; CPU: cortex-a72\n"
              "\n"
              "  granule  LPA2  initial level  levels  root tables  root memory  maps"
              "                 chosen for\n"
              "  4K       no                1       3            1        4 KiB  1 GiB, 2 MiB, 4 "
              "KiB  root\n"
              "  4K       no                2       2           16       64 KiB  2 MiB, 4 KiB"
              "         levels\n");
    EXPECT_EQ(comparison_json(*comparison), nlohmann::ordered_json::parse(R"({
        "cpu": "cortex-a72", "ipa_bits": 34, "layouts": [
          {"granule": 4096, "pa_bits": 44, "lpa2": false, "initial_level": 1, "levels": 3,
           "root": {"tables": 1, "bytes": 4096}, "sizes": [1073741824, 2097152, 4096],
           "fewest_levels": false, "fewest_root_pages": true},
          {"granule": 4096, "pa_bits": 44, "lpa2": false, "initial_level": 2, "levels": 2,
           "root": {"tables": 16, "bytes": 65536}, "sizes": [2097152, 4096],
           "fewest_levels": true, "fewest_root_pages": false}]})"));
}

} // namespace
} // namespace twofold::tool
