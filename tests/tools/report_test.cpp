// SPDX-License-Identifier: MIT
// Reading and showing of the hypervisor's report, from a document written by hand.
#include "tools/run/report.hpp"
#include "tools/run/report_text.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

constexpr std::string_view sample = R"({
  "version": 1,
  "guest": {"name": "linux", "state": "powered off", "reason": "", "cpus": 2,
            "memory_bytes": 2147483648, "extent_bytes": 1073741824, "extents": 2, "resets": 1},
  "geometry": {"granule_bytes": 4096, "ipa_bits": 40, "pa_bits": 48, "lpa2": false,
               "initial_level": 1, "root_tables": 2, "root_bytes": 8192, "vtcr": "0x806d3558"},
  "features": ["FWB", "XNX"],
  "mappings": [{"level": 1, "size": 1073741824, "count": 1, "contiguous": 0},
               {"level": 2, "size": 2097152, "count": 511, "contiguous": 496},
               {"level": 3, "size": 4096, "count": 3, "contiguous": 0}],
  "faults": [{"kind": "permission", "count": 2}, {"kind": "translation", "count": 515},
             {"kind": "access flag", "count": 0}],
  "outcomes": [{"outcome": "resume", "count": 517}, {"outcome": "mmio", "count": 4000}],
  "chosen": [{"level": 1, "limited_by": "geometry", "count": 1},
             {"level": 2, "limited_by": "slot end", "count": 511},
             {"level": 3, "limited_by": "cap", "count": 0}],
  "upkeep": {"lost_races": 3, "dcache_bytes": 1073741824, "replaced": 0},
  "tables": {"live": 2, "made": 3, "freed": 1, "bytes_with_root": 16384},
  "invalidations": {"tlbi_by_ipa": 5, "dsb": 9},
  "exits": [{"class": 1, "name": "WFI or WFE", "count": 7},
            {"class": 36, "name": "data abort", "count": 4517}],
  "events": {"interrupts": 100, "mmio_reads": 1000},
  "time": {"ticks": 156250000, "frequency": 62500000},
  "something_new": [1, 2, 3]
})";

Report parse(std::string_view text) { return *Report::parse(nlohmann::ordered_json::parse(text)); }

TEST(Report, IsRead) {
    const Report report = parse(sample);
    ASSERT_TRUE(report.guest);
    EXPECT_EQ(report.guest->state, "powered off");
    EXPECT_EQ(report.guest->memory_bytes, 2147483648U);
    ASSERT_TRUE(report.geometry);
    EXPECT_EQ(report.geometry->vtcr.value, 0x806d3558U);
    EXPECT_EQ(report.geometry->initial_level, 1);
    ASSERT_EQ(report.mappings.size(), 3U);
    EXPECT_EQ(report.mappings[1].bytes(), 1071644672U); // 511 x 2 MiB
    EXPECT_EQ(report.faults[1].name, "translation");
    EXPECT_EQ(report.faults[1].count, 515U);
    ASSERT_TRUE(report.guest_seconds);
    EXPECT_DOUBLE_EQ(*report.guest_seconds, 2.5);
}

TEST(Report, IsShown) {
    EXPECT_EQ(report_text(parse(sample), 4.25),
              R"(
guest linux: powered off; 2 CPUs, 2 GiB of memory, 2 extents of 1 GiB, 1 reset

stage 2
  3 levels, 1 to 3; root of 2 tables, 8 KiB
  VTCR_EL2 = 0x806d3558
    4K granule, 40-bit IPA, initial level 1, 48-bit output addresses, 16-bit VMID,
    access flag by hardware, dirty state by hardware
  with FWB, XNX

mappings at the end
   size  level  count     bytes  contiguous
  1 GiB      1      1     1 GiB           0
  2 MiB      2    511  1022 MiB         496
  4 KiB      3      3    12 KiB           0
    all           515   2.0 GiB

sizes chosen, and what stopped the next larger one
    1  1 GiB  geometry
  511  2 MiB  slot end

faults         515 translation, 2 permission
answered by    4000 mmio, 517 resume
upkeep         3 lost races, dcache 1 GiB
tables         2 live, 3 made, 1 freed, 16 KiB with root
invalidations  5 tlbi by ipa, 9 dsb
exits          4517 data abort, 7 WFI or WFE
events         100 interrupts, 1000 mmio reads
time           4.2 s, of which the guest ran 2.5 s
)");
}

TEST(Report, SaysWhatTheMonitorDid) {
    EXPECT_EQ(report_text(parse(R"({"monitor": {"commands": 9, "pages_harvested": 2621,
                                                "blocks_restored": 1, "pages_moved": 0}})"),
                          1),
              "\n\nmappings\n  none\n\n"
              "monitor        9 commands, 2621 pages harvested, 1 blocks restored\n"
              "time           1.0 s\n");
    EXPECT_EQ(report_text(parse(R"({"monitor": {"commands": 0}})"), 1),
              "\n\nmappings\n  none\n\ntime           1.0 s\n");
}

TEST(Report, PartsMayBeMissing) {
    const Report report = parse("{}");
    EXPECT_FALSE(report.guest);
    EXPECT_FALSE(report.guest_seconds);
    EXPECT_EQ(report_text(report, 1), "\n\nmappings\n  none\n\ntime           1.0 s\n");
}

TEST(Report, FurtherGuestsAreShownBehindTheFirst) {
    const Report report = parse(R"({"guest": {"name": "a", "state": "powered off", "cpus": 1},
        "others": [{"guest": {"name": "b", "state": "stopped", "reason": "why", "cpus": 2},
                    "others": [{"guest": {"name": "not read"}}]}]})");
    ASSERT_EQ(report.others.size(), 1U);
    EXPECT_TRUE(report.others[0].others.empty());
    EXPECT_EQ(report_text(report, 1), "\nguest a: powered off; 1 CPU, 0 B of memory\n\n"
                                      "mappings\n  none\n\ntime           1.0 s\n"
                                      "\nguest b: stopped (why); 2 CPUs, 0 B of memory\n\n"
                                      "mappings\n  none\n\ntime           1.0 s\n");
}

TEST(Report, AStoppedGuestHasAReason) {
    const std::string text = report_text(
        parse(R"({"guest": {"name": "x", "state": "stopped", "reason": "no memory", "cpus": 1}})"),
        1);
    EXPECT_NE(text.find("guest x: stopped (no memory); 1 CPU, 0 B of memory\n"), std::string::npos)
        << text;
}

// That a checker found nothing is worth a line, too.
TEST(Report, ChecksAreShownWithTheirZeros) {
    const std::string text =
        report_text(parse(R"({"checks": {"events": 98125, "reports": 0, "tables": 61}})"), 1);
    EXPECT_NE(text.find("checked        98125 events, 0 reports, 61 tables\n"), std::string::npos)
        << text;
}

TEST(Report, WrongTypesAreAnError) {
    for (const char* const text :
         {R"({"guest": 3})", R"({"geometry": {"ipa_bits": "many"}})", R"({"mappings": 1})",
          R"({"mappings": [1]})", R"({"tables": {"made": "x"}})", R"({"features": [1]})",
          R"({"time": []})", R"({"others": [{"guest": 1}]})", R"({"others": 2})",
          R"({"faults": [{"kind": 1, "count": 2}]})"}) {
        const auto report = Report::parse(nlohmann::ordered_json::parse(text));
        ASSERT_FALSE(report) << text;
        EXPECT_EQ(report.error().find("the report has another form: "), 0U) << report.error();
    }
}

TEST(Report, StrangeLevelsAreShownAsTheyAre) {
    const std::string text =
        report_text(parse(R"({"geometry": {"granule_bytes": 4096, "vtcr": "nonsense"},
                              "chosen": [{"level": 9, "limited_by": "cap", "count": 1},
                                         {"level": -99, "limited_by": "cap", "count": 1}]})"),
                    1);
    EXPECT_NE(text.find("1    level 9  cap\n"), std::string::npos) << text;
    EXPECT_NE(text.find("1  level -99  cap\n"), std::string::npos) << text;
}

} // namespace
} // namespace twofold::tool
