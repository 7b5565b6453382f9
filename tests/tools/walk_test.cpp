// SPDX-License-Identifier: MIT
// `twofold walk` over tables of live hosts and over such as are put together by hand.
#include "program.hpp"
#include "sample_files.hpp"
#include "tools/memory/memory_image.hpp"
#include "tools/walk/walk_answer.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace twofold::tool {
namespace {

constexpr std::uint64_t n1_vtcr = 0x802d'3558; // 40 bits from level 1, HA
constexpr std::uint64_t n1_vttbr = 0x0001'0000'40dc'0001;

struct Case {
    std::string cpu = "neoverse-n1";
    RegimeRegisters registers{.vtcr = n1_vtcr, .vttbr = n1_vttbr};
    std::string records;

    WalkAnswer walk(std::uint64_t ipa, AccessKind access = AccessKind::read) const {
        const Regime regime{*find_cpu(cpu), registers};
        const SampleFolder folder;
        MemoryImage image;
        EXPECT_TRUE(image.add(folder.add("tables", records)));
        auto answer = answer_walk(regime, image, {.ipa = Ipa{ipa}, .access = access});
        EXPECT_TRUE(answer) << answer.error();
        return *answer;
    }
    std::string text(std::uint64_t ipa, AccessKind access = AccessKind::read) const {
        return walk_text(Regime{*find_cpu(cpu), registers}, walk(ipa, access));
    }
};

Case live_n1() {
    return {.cpu = "neoverse-n1",
            .registers = {.vtcr = n1_vtcr, .vttbr = n1_vttbr},
            .records = sample("images/neoverse-n1__anon_16_0_40_1_5.tables.bin.gz")};
}

// What the kernel's own listing of these tables says: idx, table_pa and descriptor of each level.
TEST(Walk, ALiveTable) {
    const WalkAnswer answer = live_n1().walk(0x1'0000'8010);
    ASSERT_TRUE(answer.translated());
    EXPECT_EQ(answer.result.translation.pa, Pa{0x481b3010});
    ASSERT_EQ(answer.steps.size(), 3U);
    EXPECT_EQ(answer.steps[0].index, 4U);
    EXPECT_EQ(answer.steps[0].address, Pa{0x40dc0020});
    EXPECT_EQ(answer.steps[0].descriptor, 0x40f9e003U);
    EXPECT_EQ(answer.steps[0].kind, EntryKind::table);
    EXPECT_EQ(answer.steps[0].output, Pa{0x40f9e000});
    EXPECT_EQ(answer.steps[1].index, 0U);
    EXPECT_EQ(answer.steps[1].output, Pa{0x40f80000});
    EXPECT_EQ(answer.steps[2].index, 8U);
    EXPECT_EQ(answer.steps[2].descriptor, 0x0040'0000'481b'37ffU);
    EXPECT_EQ(answer.steps[2].kind, EntryKind::page);
    EXPECT_EQ(answer.steps[2].attributes.permissions, Permissions::rw());
    EXPECT_EQ(answer.steps[2].attributes.type, MemoryType::normal_wb);
}

TEST(Walk, TextOfALiveTable) {
    EXPECT_EQ(
        live_n1().text(0x1'0000'8010, AccessKind::fetch),
        R"(4K granule, 40-bit IPA, 48-bit PA, walks start at level 1, root at PA 0x40dc0000 (2 tables); CPU: neoverse-n1
fetch of IPA 0x100008010 by EL1

  level  index       at PA  descriptor          is a
      1      4  0x40dc0020  0x0000000040f9e003  table at PA 0x40f9e000
      2      0  0x40f9e000  0x0000000040f80003  table at PA 0x40f80000
      3      8  0x40f80040  0x00400000481b37ff  page at PA 0x481b3000, rw- Normal-WB inner-shareable

fault: permission, level 3
  ESR_EL2    0x000000008200000f  ISS 0xf: FSC 0x0f; without what depends on the instruction (ISV)
  HPFAR_EL2  UNKNOWN             a fault of this kind does not report the IPA
)");
}

// EC 0x24, IL, WnR, DFSC 0b000111; FIPA = IPA[55:12] at bit 4.
TEST(Walk, ATranslationFault) {
    const WalkAnswer answer = live_n1().walk(0x1'0001'8010, AccessKind::write);
    ASSERT_TRUE(answer.fault);
    EXPECT_EQ(answer.fault->esr, 0x9200'0047U);
    EXPECT_EQ(answer.fault->hpfar, 0x100'0180U);
    EXPECT_EQ(answer.fault->status, (FaultStatus{FaultKind::translation, 3}));
    EXPECT_FALSE(answer.otherwise);
    EXPECT_EQ(answer.steps.size(), 3U);
}

// An IPA of more than 40 bits: level 0, whatever the start level; no descriptor is read.
TEST(Walk, AnIpaBeyondTheTable) {
    const WalkAnswer answer = live_n1().walk(0x100'0000'0000, AccessKind::fetch);
    ASSERT_TRUE(answer.fault);
    EXPECT_EQ(answer.fault->esr, 0x8200'0004U);
    EXPECT_TRUE(answer.steps.empty());
}

TEST(Walk, ATableThatIsNotInTheImage) {
    TablePages pages;
    pages.set(Pa{0x40dc0008}, 0x5000'0003);
    const Case one{.records = pages.records()};
    const WalkAnswer answer = one.walk(0x4000'0000);
    EXPECT_FALSE(answer.fault);
    EXPECT_EQ(answer.missing, Pa{0x50000000});
    EXPECT_NE(one.text(0x4000'0000)
                  .find("unknown: the next descriptor is at PA 0x50000000, which is not in "
                        "memory\n"),
              std::string::npos);
}

// A 2 MiB block with AF clear and DBM: HA sets AF (bit 10), HD makes it writable and dirty (bit 7).
TEST(Walk, WhatHardwareUpdates) {
    TablePages pages;
    pages.set(Pa{0x40dc0008}, 0x40dd'0003);
    pages.set(Pa{0x40dd0000}, 0x0008'0000'8000'037d);
    const Case one{.registers = {.vtcr = n1_vtcr | 1 << 22, .vttbr = n1_vttbr},
                   .records = pages.records()};
    const WalkAnswer answer = one.walk(0x4000'0123, AccessKind::write);
    ASSERT_TRUE(answer.translated());
    EXPECT_EQ(answer.result.translation.pa, Pa{0x80000123});
    EXPECT_EQ(answer.result.translation.size, 2 * MiB);
    ASSERT_EQ(answer.result.updates.size(), 1U);
    EXPECT_EQ(answer.result.updates[0].after, 0x0008'0000'8000'07fdU);
    EXPECT_NE(one.text(0x4000'0123, AccessKind::write)
                  .find("hardware changes the descriptor at PA 0x40dd0000 to 0x00080000800007fd: "
                        "AF dirty\n"),
              std::string::npos);

    // On a CPU without, both are faults: access flag first.
    Case old = one;
    old.cpu = "cortex-a72";
    EXPECT_EQ(old.walk(0x4000'0123).fault->status, (FaultStatus{FaultKind::access_flag, 2}));
}

// A block with nT under FEAT_BBM may fault or not.
TEST(Walk, AFaultOfTheImplementationsChoice) {
    TablePages pages;
    pages.set(Pa{0x40dc0008}, 0x40dd'0003);
    pages.set(Pa{0x40dd0000}, 0x8001'07fd); // nT: bit 16
    Case one{.cpu = "max", .records = pages.records()};
    const WalkAnswer answer = one.walk(0x4000'0000);
    EXPECT_EQ(answer.fault->status, (FaultStatus{FaultKind::translation, 2}));
    ASSERT_TRUE(answer.otherwise);
    EXPECT_EQ(answer.otherwise->translation.pa, Pa{0x80000000});
    EXPECT_NE(one.text(0x4000'0000)
                  .find("this fault is the implementation's choice; without it: PA 0x80000000, in "
                        "2 MiB from IPA 0x40000000\n"),
              std::string::npos);
}

TEST(Walk, ContiguousAndForcedWriteBackAndBigEndian) {
    TablePages pages;
    pages.set(Pa{0x40dc0008}, __builtin_bswap64(0x40dd'0003));
    // Entry 5 of a run of 16: bit 52; MemAttr 0b0110: Write-Back with FWB.
    pages.set(Pa{0x40dd0028}, __builtin_bswap64(0x0010'0000'80a0'07d9));
    const Case one{.cpu = "max",
                   .registers = {.vtcr = n1_vtcr,
                                 .vttbr = n1_vttbr,
                                 .hcr = (std::uint64_t{1} << 46) | 1,
                                 .big_endian = true},
                   .records = pages.records()};
    const WalkAnswer answer = one.walk(0x40a0'1000);
    ASSERT_TRUE(answer.translated());
    EXPECT_EQ(answer.result.translation.pa, Pa{0x80a01000});
    EXPECT_EQ(answer.result.translation.size, 32 * MiB);
    EXPECT_TRUE(answer.steps[1].contiguous);
    EXPECT_EQ(answer.steps[1].descriptor, 0x0010'0000'80a0'07d9U);
    EXPECT_EQ(answer.steps[1].attributes.type, MemoryType::normal_wb);
    EXPECT_NE(one.text(0x40a0'1000)
                  .find("PA 0x80a01000, in 32 MiB (a contiguous run) from IPA 0x40000000\n"),
              std::string::npos);
}

TEST(Walk, RegistersThatAreNotKnownHere) {
    const Regime regime{*find_cpu("max"), {.vtcr = 0x802d'f558, .vttbr = n1_vttbr}};
    MemoryImage image;
    const auto answer = answer_walk(regime, image, {.ipa = Ipa{0}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), "VTCR_EL2.TG0 = 0b11 is reserved: the CPU chooses the granule");
}

TEST(Walk, StageTwoOff) {
    const Case one{.registers = {.vtcr = 0, .vttbr = 0, .hcr = 0},
                   .records = little_endian({0x1000, 8, 0})};
    const WalkAnswer answer = one.walk(0x1234);
    EXPECT_TRUE(answer.translated());
    EXPECT_NE(one.text(0x1234).find("PA 0x1234: stage 2 is off (HCR_EL2.VM)"), std::string::npos);
}

TEST(Walk, JsonHasAStableShape) {
    const Case one = live_n1();
    const auto json = walk_json(Regime{*find_cpu("neoverse-n1"), one.registers},
                                one.walk(0x1'0001'8010, AccessKind::write));
    const auto expected = nlohmann::ordered_json::parse(R"({
        "cpu": "neoverse-n1", "vtcr": "0x00000000802d3558", "vttbr": "0x0001000040dc0001",
        "hcr": "0x0000000000000001", "ipa": "0x100018010", "access": "write", "el": 1,
        "steps": [
          {"level": 1, "index": 4, "address": "0x40dc0020", "descriptor": "0x0000000040f9e003",
           "kind": "table", "output": "0x40f9e000"},
          {"level": 2, "index": 0, "address": "0x40f9e000", "descriptor": "0x0000000040f80003",
           "kind": "table", "output": "0x40f80000"},
          {"level": 3, "index": 24, "address": "0x40f800c0", "descriptor": "0x0000000000000000",
           "kind": "invalid"}],
        "updates": [], "translation": null,
        "fault": {"kind": "translation", "level": 3, "esr": "0x0000000092000047", "iss": "0x47",
                  "iss2": "0x0", "hpfar": "0x0000000001000180", "otherwise": null},
        "missing": null})");
    EXPECT_EQ(json, expected) << json.dump(2);
}

TEST(Walk, Program) {
    const SampleFolder folder;
    const std::string tables = folder.add("tables", live_n1().records);
    const std::string arguments = "walk --cpu neoverse-n1 --vtcr 0x802d3558 "
                                  "--vttbr 0x1000040dc0001 --memory " +
                                  tables;
    const ProgramResult found = run_program(arguments + " 0x100008010 --json");
    EXPECT_EQ(found.status, 0) << found.errors;
    const auto json = nlohmann::json::parse(found.output);
    EXPECT_EQ(json.at("translation").at("pa"), "0x481b3010");
    EXPECT_EQ(json.at("steps").at(2).at("attributes").at("type"), "Normal-WB");
    EXPECT_EQ(run_program(arguments + " 4G --access fetch").status, 0);
    EXPECT_EQ(run_program(arguments + " 0x100008010 --access fetch").status, 1);
    // EL0's permissions, with two files of memory
    EXPECT_EQ(run_program(arguments + " 4G --el0 --memory " + tables + "@0x80000000").status, 0);

    const ProgramResult bad = run_program(arguments + " 1G --access jump");
    EXPECT_EQ(bad.status, 2);
    EXPECT_EQ(bad.errors, "twofold: --access: expected read, write or fetch, not \"jump\"\n");
    EXPECT_EQ(run_program("walk --vtcr 1 --vttbr 0 1G").errors, "twofold: --memory is required\n");
    const ProgramResult none =
        run_program("walk --vtcr 1 --vttbr 0 --memory " + folder.path() + "/none 1G");
    EXPECT_EQ(none.status, 2);
    EXPECT_EQ(none.errors, "twofold: " + folder.path() + "/none: No such file or directory\n");
}

} // namespace
} // namespace twofold::tool
