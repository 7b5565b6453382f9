// SPDX-License-Identifier: MIT
// `twofold kvm` as a program: whole answers for real samples, and folders like KVM's debugfs.
#include "program.hpp"
#include "sample_files.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace twofold::tool {
namespace {

const std::string samples = std::string{TWOFOLD_TEST_DATA} + "/kvm";

// What was reviewed once, of every sample.
TEST(Kvm, TextOfTheSamples) {
    const ProgramResult result = run_program("kvm " + samples);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors, "");
    EXPECT_EQ(result.output, sample("kvm_expected.txt"));
}

TEST(Kvm, TextOfALongDump) {
    const SampleFolder folder;
    folder.add("4k.txt", sample("kvm/4k__01_S2-4k.txt.gz"));
    const ProgramResult result = run_program("kvm - <" + folder.path() + "/4k.txt");
    EXPECT_EQ(
        result.output,
        R"(standard input: 40-bit IPA, 3 levels from level 1, 4K granule, columns as of Linux 6.12
  mapped  74.2 MiB  in 19007 pages of 4 KiB
  holes    2.9 GiB  in 171 holes, the largest of 2.0 GiB
  rw-     67.3 MiB  in 610 runs
  rwx     7144 KiB  in 475 runs
  aligned pieces that are mapped with smaller leaves (whether their physical addresses adjoin is not in the dump):
    pieces of  complete  of mixed permissions  partial
        2 MiB        22                     1       22  30.2 MiB of 44 MiB mapped
        1 GiB         0                     0        2  74.2 MiB of 2 GiB mapped
  to look at:
    writable and executable  7144 KiB  in 475 runs
  note: this kernel prints X where execution is denied; it is read that way
  note: the first line is garbled, as in each dump of more than 4 KiB: left out
  note: KVM never prints the last run: 0xc0000000 to 0x10000000000 is not in the dump; its first line says that it was a hole of level 1 from 0xc0000000 on
)");
}

TEST(Kvm, TextOfAChange) {
    const ProgramResult result =
        run_program("kvm " + samples + "/h1g_2_1__09_after-logging-off.txt --since " + samples +
                    "/h1g_2_1__08_dirty-log-after-4K-writes.txt");
    EXPECT_NE(result.output.find("  changes:\n"
                                 "    mapped     1.0 GiB  in 1 run\n"
                                 "    collapsed    4 KiB  in 1 run\n"),
              std::string::npos)
        << result.output;
    EXPECT_NE(result.output.find("0x140000000-0x140001000    4 KiB  collapsed  4 KiB rw- to "
                                 "1 GiB rw-\n"),
              std::string::npos)
        << result.output;
}

constexpr std::string_view one_block =
    "---[ Guest IPA ]---\n"
    "0x0000000000000000-0x0000000040000000           1G 1   R W PXNUXN AF BLK\n";

// As /sys/kernel/debug/kvm has it: statistics of the host, a VM, its vCPUs, its shadow tables.
SampleFolder debugfs() {
    SampleFolder folder;
    folder.add("exits", "1000\n");
    folder.add("46-12/ipa_range", "40\n");
    folder.add("46-12/stage2_levels", "3\n");
    folder.add("46-12/stage2_page_tables", one_block);
    folder.add("46-12/exits", "22\n");
    folder.add("46-12/remote_tlb_flush", "0\n");
    folder.add("46-12/vgic-state", "Distributor\n===========\n");
    folder.add("46-12/vcpu0/pid", "47\n");
    folder.add("46-12/nested/0x0001000045c30001-0x00000000802e351e-s2-enabled", one_block);
    folder.add("812-9/exits", "7\n"); // a kernel without page tables in debugfs
    return folder;
}

TEST(Kvm, AFolderLikeDebugfs) {
    const SampleFolder folder = debugfs();
    const ProgramResult result = run_program("kvm --json " + folder.path());
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors, "");
    const auto json = nlohmann::ordered_json::parse(result.output);
    ASSERT_EQ(json.at("tables").size(), 3U);
    EXPECT_EQ(json.at("tables").at(0), nlohmann::ordered_json::parse(R"({
        "vm": "46-12", "nested": null, "ipa_bits": 40, "levels": 3, "granule": 4096,
        "granule_certain": true, "columns": "px_ux",
        "page_tables": {
          "mapped_bytes": 1073741824,
          "mapped": [{"level": 1, "size": 1073741824, "bytes": 1073741824}],
          "larger": [
            {"level": 2, "size": 2097152, "complete_uniform": 0, "complete_mixed": 0, "partial": 0,
             "partial_mapped_bytes": 0},
            {"level": 1, "size": 1073741824, "complete_uniform": 0, "complete_mixed": 0,
             "partial": 0, "partial_mapped_bytes": 0}],
          "holes": {"bytes": 0, "runs": 0}, "largest_hole_bytes": 0,
          "permissions": {"rw-": {"bytes": 1073741824, "runs": 1}},
          "states": {"writable_executable": {"bytes": 0, "runs": 0},
                     "write_only": {"bytes": 0, "runs": 0},
                     "inaccessible": {"bytes": 0, "runs": 0},
                     "not_accessed": {"bytes": 0, "runs": 0},
                     "invalid": {"bytes": 0, "runs": 0},
                     "impossible": {"bytes": 0, "runs": 0}},
          "unknown_from": "0x40000000"},
        "statistics": {"exits": 22, "remote_tlb_flush": 0}, "defects": {},
        "notes": ["KVM never prints the last run: 0x40000000 to 0x10000000000 is not in the dump"]})"))
        << json.at("tables").at(0).dump(2);
    EXPECT_EQ(json.at("tables").at(1).at("nested"),
              "0x0001000045c30001-0x00000000802e351e-s2-enabled");
    EXPECT_EQ(json.at("tables").at(2).at("vm"), "812-9");
    EXPECT_TRUE(json.at("tables").at(2).at("page_tables").is_null());

    const ProgramResult one = run_program("kvm " + folder.path() + "/812-9/");
    EXPECT_EQ(one.status, 0);
    EXPECT_EQ(one.output,
              "812-9: no stage2_page_tables\n"
              "  statistics, but for those that are 0:\n"
              "    exits  7\n"
              "  note: a kernel without CONFIG_PTDUMP_STAGE2_DEBUGFS has only statistics\n");
    const ProgramResult named = run_program("kvm " + folder.path() + "/46-12/");
    EXPECT_EQ(named.status, 0);
    EXPECT_TRUE(named.output.starts_with("46-12: 40-bit IPA")) << named.output;
}

TEST(Kvm, VmsThatComeAndGo) {
    const SampleFolder before = debugfs();
    const SampleFolder after;
    after.add("46-12/stage2_page_tables", one_block);
    after.add("99-3/stage2_page_tables", one_block);
    const ProgramResult result =
        run_program("kvm --json " + after.path() + " --since " + before.path());
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.errors, "twofold: 99-3: not in the older dump\n");
    const auto json = nlohmann::json::parse(result.output);
    EXPECT_TRUE(json.at("tables").at(0).at("change").at("sum").empty());
    EXPECT_FALSE(json.at("tables").at(1).contains("change"));
    EXPECT_EQ(json.at("gone"),
              nlohmann::json::parse(
                  R"(["46-12/nested/0x0001000045c30001-0x00000000802e351e-s2-enabled", "812-9"])"));
}

TEST(Kvm, TheSameNameTwice) {
    const SampleFolder one = debugfs();
    const SampleFolder two = debugfs();
    const ProgramResult result = run_program("kvm --json " + one.path() + " " + two.path());
    const auto json = nlohmann::json::parse(result.output);
    EXPECT_EQ(json.at("tables").at(0).at("vm"), "46-12");
    EXPECT_EQ(json.at("tables").at(3).at("vm"), "46-12#2");
}

TEST(Kvm, BadInput) {
    const SampleFolder folder;
    const auto error = [](const std::string& arguments, int status) {
        const ProgramResult result = run_program(arguments);
        EXPECT_EQ(result.status, status) << arguments;
        EXPECT_EQ(result.output, "");
        return result.errors;
    };
    EXPECT_EQ(error("kvm " + folder.path(), 1), "twofold: there are no VMs\n");
    EXPECT_EQ(error("kvm " + folder.path() + "/none", 2),
              "twofold: " + folder.path() + "/none: No such file or directory\n");
    EXPECT_EQ(error("kvm - --json --openmetrics", 2),
              "twofold: expected one of --json and --openmetrics, not both\n");
    EXPECT_EQ(error("kvm -", 2), "twofold: standard input: expected stage2_page_tables of KVM or a "
                                 "trace with kvm_guest_fault, and no line is of either\n");
    const std::string text = folder.add("text", std::string(1 << 20, '\0'));
    EXPECT_NE(error("kvm " + text, 2).find("no line is of either"), std::string::npos);
    EXPECT_NE(error("kvm " + samples + " --granule 8K", 2).find("expected 4K, 16K or 64K"),
              std::string::npos);
}

} // namespace
} // namespace twofold::tool
