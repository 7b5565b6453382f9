// SPDX-License-Identifier: MIT
// `twofold map` beside KVM's own dumps of the same tables, as text, as JSON and as a program.
#include "mapped_tables.hpp"
#include "program.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace twofold::tool {
namespace {

// The value behind a register's name in a listing of a live host.
std::uint64_t listed(const std::string& listing, const std::string& name) {
    const std::size_t at = listing.find('\n' + name + " 0x");
    EXPECT_NE(at, std::string::npos) << name;
    return std::stoull(listing.substr(at + name.size() + 2), nullptr, 16);
}

Tables live(const std::string& name) {
    const std::string listing = sample("images/" + name + ".raw.txt");
    return {.cpu = name.substr(0, name.find("__")),
            .registers = {.vtcr = listed(listing, "VTCR_EL2"),
                          .vttbr = listed(listing, "VTTBR_EL2"),
                          .hcr = listed(listing, "HCR_EL2")},
            .records = sample("images/" + name + ".tables.bin.gz")};
}

constexpr const char* live_names[] = {"max__h1g_2_0_40_1_1", "max__h2m_4_0_34_1_1",
                                      "neoverse-n1__anon_16_0_40_1_5"};

// Byte for byte what the kernel printed of the same tables at the same moment.
TEST(Map, AsKvmPrintsIt) {
    for (const char* const name : live_names) {
        std::string expected = sample(fmt::format("images/{}.stage2_page_tables.txt", name));
        expected.erase(0, expected.find("---["));
        expected.erase(expected.find("[ipa_range]"));
        const Mapped mapped = live(name).map(MapFormat::kvm_6_12);
        EXPECT_EQ(mapped.text, expected) << name;
        EXPECT_TRUE(mapped.outcome.complete);
        EXPECT_TRUE(mapped.outcome.notes.empty());
    }
}

TEST(Map, AsNewerKvmPrintsIt) {
    EXPECT_EQ(live("max__h1g_2_0_40_1_1").map(MapFormat::kvm_7_2).text,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1\n"
              "0x0000000040000000-0x0000000040001000           4K 3   R W px ux  AF    \n"
              "0x0000000040001000-0x0000000040100000        1020K 3\n"
              "0x0000000040100000-0x0000000040101000           4K 3   R W PXNUXN AF    \n"
              "0x0000000040101000-0x0000000040200000        1020K 3\n"
              "0x0000000040200000-0x0000000080000000        1022M 2\n"
              "0x0000000080000000-0x0000000100000000           2G 1\n"
              "0x0000000100000000-0x0000000180000000           2G 1   R W PXNUXN AF BLK\n");
}

// XN 01 and 11, an annotation, no access flag, nothing allowed.
TEST(Map, KvmColumnsOfRareEntries) {
    TablePages pages;
    pages.set(Pa{0x40000000}, 0x40000000 | leaf_bits | std::uint64_t{1} << 53);
    pages.set(Pa{0x40000008}, 0x40000000 | leaf_bits | std::uint64_t{3} << 53);
    pages.set(Pa{0x40000010}, 0xf0); // invalid, but R and W are set
    pages.set(Pa{0x40000018}, 0x1);
    const Tables tables{.records = pages.records()};
    EXPECT_EQ(tables.map(MapFormat::kvm_7_2).text,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1   R W PXNux  AF BLK\n"
              "0x0000000040000000-0x0000000080000000           1G 1   R W px UXN AF BLK\n"
              "0x0000000080000000-0x00000000c0000000           1G 1 F R W px ux        \n"
              "0x00000000c0000000-0x0000000100000000           1G 1       px ux     BLK\n");
    // 6.12 knows one XN bit, and looks at no other bit of an invalid entry.
    EXPECT_EQ(tables.map(MapFormat::kvm_6_12).text,
              "---[ Guest IPA ]---\n"
              "0x0000000000000000-0x0000000040000000           1G 1   R W   AF BLK\n"
              "0x0000000040000000-0x0000000080000000           1G 1   R W X AF BLK\n"
              "0x0000000080000000-0x00000000c0000000           1G 1 F     X       \n"
              "0x00000000c0000000-0x0000000100000000           1G 1            BLK\n");
}

TEST(Map, TextOfALiveTable) {
    EXPECT_EQ(
        live("max__h1g_2_0_40_1_1").map().text,
        R"(4K granule, 40-bit IPA, 52-bit PA with LPA2, walks start at level 1, root at PA 0x40dc0000 (2 tables), forced write-back; CPU: max

0x00000000000-0x00040000000       1 GiB   1  -
0x00040000000-0x00040001000       4 KiB   3  PA 0x00004072b000  1 page, rwx Normal-WB inner-shareable
0x00040001000-0x00040100000    1020 KiB   3  -
0x00040100000-0x00040101000       4 KiB   3  PA 0x0000482bd000  1 page, rw- Normal-WB inner-shareable
0x00040101000-0x00040200000    1020 KiB   3  -
0x00040200000-0x00080000000    1022 MiB   2  -
0x00080000000-0x00100000000       2 GiB   1  -
0x00100000000-0x00180000000       2 GiB   1  PA 0x000100000000  2 blocks, rw- Normal-WB inner-shareable
0x00180000000-0x10000000000    1018 GiB   1  -

mapped           2 GiB  in 2 blocks of 1 GiB
mapped           8 KiB  in 2 pages of 4 KiB
not mapped  1022.0 GiB
tables          16 KiB  in 4 tables
)");
}

TEST(Map, JsonHasAStableShape) {
    TablePages pages;
    pages.set(Pa{0x40000008}, 0x80000000 | leaf_bits);
    pages.set(Pa{0x40001000}, 0xf0);
    const auto json = Tables{.records = pages.records()}.json();
    EXPECT_EQ(json, nlohmann::json::parse(R"({
        "cpu": "neoverse-n1", "vtcr": "0x00000000802d3558", "vttbr": "0x0000000040000000",
        "hcr": "0x0000000000000001", "granule": 4096, "ipa_bits": 40, "pa_bits": 48, "lpa2": false,
        "initial_level": 1, "root": {"pa": "0x40000000", "tables": 2},
        "runs": [
          {"ipa": "0x0", "size": 1073741824, "level": 1, "entries": 1, "kind": "hole"},
          {"ipa": "0x40000000", "size": 1073741824, "level": 1, "entries": 1, "kind": "leaf",
           "pa": "0x80000000", "contiguous": false, "in_range": true,
           "attributes": {"read": true, "write": true, "execute_el1": true, "execute_el0": true,
                          "type": "Normal-WB", "shareability": "inner-shareable",
                          "access_flag": true, "dbm": false, "fnxs": false, "nt": false,
                          "software": 0}},
          {"ipa": "0x80000000", "size": 547608330240, "level": 1, "entries": 510, "kind": "hole"},
          {"ipa": "0x8000000000", "size": 1073741824, "level": 1, "entries": 1, "kind": "invalid",
           "descriptor": "0x00000000000000f0"},
          {"ipa": "0x8040000000", "size": 548682072064, "level": 1, "entries": 511,
           "kind": "hole"}],
        "mapped": [{"size": 1073741824, "level": 1, "bytes": 1073741824, "entries": 1,
                    "contiguous_bytes": 0}],
        "others": {"hole": {"bytes": 1097364144128, "entries": 1022},
                   "invalid": {"bytes": 1073741824, "entries": 1}},
        "tables": 2, "broken_contiguous_runs": 0, "misplaced_contiguous_leaves": 0,
        "complete": true, "notes": []})"))
        << json.dump(2);
}

TEST(Map, Program) {
    const SampleFolder folder;
    const std::string tables = folder.add("tables", live("max__h1g_2_0_40_1_1").records);
    const std::string arguments = "map --vtcr 0x1802e3558 --vttbr 0x1000040dc0001 --memory ";
    const ProgramResult whole = run_program(arguments + tables + " --json");
    EXPECT_EQ(whole.status, 0) << whole.errors;
    EXPECT_EQ(nlohmann::json::parse(whole.output).at("tables"), 4);

    // Cut within the second root table: what is there is told, and what is missing said.
    const std::string cut = folder.add("cut", live("max__h1g_2_0_40_1_1").records.substr(0, 5000));
    const ProgramResult part = run_program(arguments + cut + " --format kvm-6.12");
    EXPECT_EQ(part.status, 1);
    EXPECT_NE(part.output.find("---[ Guest IPA ]---"), std::string::npos);
    EXPECT_NE(part.errors.find("the file ends within the record of PA 0x40dc0000"),
              std::string::npos);
    EXPECT_NE(part.errors.find("not wholly in memory"), std::string::npos);

    const ProgramResult elsewhere = run_program(arguments + tables + "@0x1000");
    EXPECT_EQ(elsewhere.status, 1);
    EXPECT_EQ(elsewhere.errors,
              "twofold: the root at PA 0x40dc0000 is not in the image, which has 0x1000-0x5030\n");
    const ProgramResult reserved =
        run_program("map --vtcr 0x802df558 --vttbr 0 --memory " + tables);
    EXPECT_EQ(reserved.status, 2);
    EXPECT_EQ(reserved.errors, "twofold: VTCR_EL2: granule: the CPU has no stage 2 with this "
                               "granule (ID_AA64MMFR0_EL1.TGranX_2)\n");
    EXPECT_EQ(run_program(arguments + tables + " --format xml").errors,
              "twofold: --format: expected text, json, kvm-6.12 or kvm-7.2, not \"xml\"\n");
    EXPECT_EQ(run_program(arguments + tables + " >/dev/full").status, 1);
}

} // namespace
} // namespace twofold::tool
