// SPDX-License-Identifier: MIT
// `twofold explain`: reasons with the addresses that disagree, advice that holds, and bad input.
#include "program.hpp"
#include "tools/cpu/known_cpu.hpp"
#include "tools/explain/explain.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace twofold::tool {
namespace {

std::string output(const std::string& arguments, int status = 0) {
    const ProgramResult result = run_program("explain " + arguments);
    EXPECT_EQ(result.status, status) << result.errors;
    return result.output;
}

void expect_part(const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in\n" << text;
}

TEST(Explain, AFault) {
    EXPECT_EQ(output("--slot ipa=0x80000000,size=4G,pa=0x100200000 --fault 0x80001000 "
                     "--cpu neoverse-n1"),
              "table: 4K granule, 40-bit IPA, from level 1\n"
              "slot 0x80000000..0x17fffffff, 4 GiB, memory at PA 0x100200000\n"
              "\n"
              "a fault at 0x80001000 maps a block of 2 MiB: IPA 0x80000000 to PA 0x100200000\n"
              "its memory: IPA 0x80000000..0x17fffffff at PA 0x100200000\n"
              "\n"
              "  512 GiB  no   level 0 has no blocks without LPA2 (VTCR_EL2.DS)\n"
              "    1 GiB  no   IPA and PA differ modulo 1 GiB: the memory begins 0x0 into one as "
              "IPA, and 0x200000 as PA\n"
              "    2 MiB  yes\n"
              "    4 KiB  yes\n");
}

TEST(Explain, EveryReason) {
    struct Case {
        const char* arguments;
        const char* words;
    };
    const Case cases[] = {
        {"--slot ipa=0x80200000,size=4G,pa=0x80200000 --fault 0x80200000",
         "1 GiB  no   the block would begin at 0x80000000, and the slot begins at 0x80200000"},
        {"--slot ipa=0x80000000,size=513M,pa=0x80000000 --fault 0xa0000000",
         "2 MiB  no   the block would end at 0xa0200000, and the slot ends at 0xa0100000"},
        {"--slot ipa=2G,size=1G,pa=2G --extent 2M --fault 0x80200000",
         "1 GiB  no   the block would begin at 0x80000000, and the memory begins at 0x80200000"},
        {"--slot ipa=2G,size=1G,pa=2G --extent 2M --fault 0x80000000",
         "1 GiB  no   the block would end at 0xc0000000, and the memory ends at 0x80200000"},
        {"--slot ipa=2G,size=1G,pa=2G --part ipa=0x80100000,size=4K --fault 0x80101000",
         "2 MiB  no   type or permissions change inside: the block begins or ends at 0x80000000, "
         "and what is alike at 0x80101000"},
        {"--slot ipa=2G,size=1G,pa=2G --part offset=1M,size=4K --fault 2G",
         "2 MiB  no   type or permissions change inside: the block begins or ends at 0x80200000, "
         "and what is alike at 0x80100000"},
        {"--slot ipa=2G,size=1G,pa=2G --ipa 34 --fault 2G",
         "1 GiB  no   the table begins at level 2, where an entry covers 2 MiB"},
        {"--slot ipa=2G,size=1G,pa=2G --dirty-log --fault 2G",
         "2 MiB  no   dirty logging maps pages of 4 KiB"},
        {"--slot ipa=2G,size=1G,pa=2G --cap 2M --fault 2G",
         "1 GiB  no   no more than 2 MiB is wanted"},
        {"--slot ipa=2G,size=1G,pa=2G,device --device-cap 2M --fault 2G",
         "1 GiB  no   device memory is mapped with at most 2 MiB"},
        {"--slot ipa=2G,size=1G,pa=2G --nested 64K --fault 2G",
         "2 MiB  no   the guest hypervisor maps it with 64 KiB"},
        {"--slot ipa=0,size=64G,pa=0 --granule 16K --fault 0",
         "64 GiB  no   level 1 has no blocks without LPA2 (VTCR_EL2.DS)"},
        {"--slot ipa=0,size=64G,pa=0 --granule 64K --cpu neoverse-n1 --fault 0",
         "4 TiB  no   level 1 has no blocks without 52-bit addresses (FEAT_LPA)"},
    };
    for (const Case& c : cases) {
        expect_part(output(c.arguments), c.words);
    }
    // Read-only memory is not logged.
    expect_part(output("--slot ipa=2G,size=1G,pa=2G,ro --dirty-log --fault 2G"), "1 GiB  yes");
}

TEST(Explain, AWholeSlot) {
    EXPECT_EQ(output("--slot ipa=0x80001000,size=4G,pa=0x100000000"),
              "table: 4K granule, 40-bit IPA, from level 1\n"
              "\n"
              "slot 0x80001000..0x180000fff, 4 GiB, memory at PA 0x100000000\n"
              "  from         to             length  at PA        mapped as               not "
              "larger because\n"
              "  0x80001000   0x801fffff   2044 KiB  0x100000000  511 pages of 4 KiB      the slot "
              "begins inside 2 MiB\n"
              "  0x80200000   0x17fffffff  4094 MiB  0x1001ff000  1048064 pages of 4 KiB  IPA and "
              "PA differ by 2044 KiB modulo 2 MiB\n"
              "  0x180000000  0x180000fff     4 KiB  0x1fffff000  1 page of 4 KiB         the slot "
              "ends inside 2 MiB\n"
              "mapped: 4 GiB in 1048576 pages of 4 KiB\n"
              "for 2 MiB blocks: move the slot down by 4 KiB, to 0x80000000 (4 GiB instead of "
              "none)\n"
              "for 1 GiB blocks: move the slot down by 4 KiB, to 0x80000000 (4 GiB instead of "
              "none)\n"
              "\n"
              // 0x80001000..0x180000fff lies in five parts of 1 GiB and 2049 of 2 MiB.
              "tables: 2054 below the root, 8224 KiB with it\n");
}

// A page that is shared, say, in the middle of a gigabyte.
TEST(Explain, APartOfItsOwnKind) {
    EXPECT_EQ(output("--slot ipa=2G,size=2G,pa=2G --part ipa=0xc0300000,size=4K --cpu neoverse-n1"),
              "table: 4K granule, 40-bit IPA, from level 1\n"
              "\n"
              "slot 0x80000000..0xffffffff, 2 GiB, memory at PA 0x80000000\n"
              "  from        to            length  at PA       mapped as            not larger "
              "because\n"
              "  0x80000000  0xbfffffff     1 GiB  0x80000000  1 block of 1 GiB     the largest "
              "size of this table\n"
              "  0xc0000000  0xc01fffff     2 MiB  0xc0000000  1 block of 2 MiB     type or "
              "permissions change inside 1 GiB\n"
              "  0xc0200000  0xc03fffff     2 MiB  0xc0200000  512 pages of 4 KiB   type or "
              "permissions change inside 2 MiB\n"
              "  0xc0400000  0xffffffff  1020 MiB  0xc0400000  510 blocks of 2 MiB  type or "
              "permissions change inside 1 GiB\n"
              "mapped: 1 GiB in 1 block of 1 GiB, 1022 MiB in 511 blocks of 2 MiB, 2 MiB in 512 "
              "pages of 4 KiB\n"
              "\n"
              "tables: 2 below the root, 16 KiB with it\n");
}

TEST(Explain, Advice) {
    struct Case {
        const char* arguments;
        const char* advice;
    };
    const Case cases[] = {
        {"--slot ipa=1G,size=2G,pa=2G --ipa 34",
         "for 1 GiB blocks: IPA size 35 or more gives a level that holds 1 GiB, and so does this "
         "one with initial level 1 (2 GiB instead of none)"},
        {"--slot ipa=0x801ff000,size=4G,pa=0x100000000",
         "for 2 MiB blocks: move the slot up by 4 KiB, to 0x80200000"},
        {"--slot ipa=1G,size=1G,pa=2G --extent 64K",
         "for 2 MiB blocks: hand the memory out in pieces of 2 MiB (1 GiB instead of none)"},
        {"--slot ipa=1G,size=1G,pa=2G --dirty-log --cap 2M",
         "for 1 GiB blocks: switch dirty logging off; raise the cap to 1 GiB (1 GiB instead"},
        {"--slot ipa=1G,size=1G,pa=2G,device --device-cap 4K",
         "for 1 GiB blocks: allow 1 GiB for device memory"},
        {"--slot ipa=1G,size=1G,pa=2G --nested 2M",
         "for 1 GiB blocks: let the guest hypervisor map it with 1 GiB"},
        // Both alike into 1 GiB, and smaller than two of them.
        {"--slot ipa=0x40200000,size=1G,pa=0x80200000",
         "for 1 GiB blocks: move the slot down by 2 MiB, to 0x40000000; take memory that begins "
         "1022 MiB higher"},
        {"--slot ipa=0x40100000,size=4G,pa=0x80100000",
         "for 1 GiB blocks: begin slot and memory 1 MiB lower, at 0x40000000; end them 1023 MiB "
         "higher, at 0x180000000 (5 GiB instead of 3 GiB)"},
        {"--slot ipa=1G,size=1G,pa=0x80000800 --ipa 36",
         "for 4 KiB pages: take memory that begins 2 KiB higher"},
    };
    for (const Case& c : cases) {
        const ProgramResult result = run_program(std::string{"explain "} + c.arguments);
        expect_part(result.output, c.advice);
    }
    // Another slot is in the way of the short one.
    expect_part(output("--slot ipa=0x7fe00000,size=2052K,pa=0 --slot "
                       "ipa=0x80001000,size=64M,pa=0x100000000"),
                "for 2 MiB blocks: move the slot up by 2044 KiB, to 0x80200000");
}

TEST(Explain, WhatCannotBeMapped) {
    expect_part(output("--slot ipa=1G,size=1G,pa=0x80000800", 1),
                "nothing: IPA and PA differ modulo 4 KiB: the memory begins 0x0 into one as IPA, "
                "and 0x800 as PA");
    expect_part(output("--slot ipa=4G,size=8M --extent pa=8G,offset=0,size=3M", 1),
                "nothing: there is no memory");
    expect_part(
        output("--slot ipa=4G,size=8M --extent pa=8G,offset=0,size=3M --fault 0x100400000", 1),
        "maps nothing: there is no memory");
}

TEST(Explain, ExtentsOneByOne) {
    const std::string text = output(
        "--slot ipa=4G,size=8M --slot ipa=8G,size=4M --extent pa=0x200000000,offset=0,size=3M "
        "--extent pa=0x300300000,ipa=0x100300000,size=5M,device "
        "--extent pa=0x400000000,slot=2,offset=0,size=4M --cpu cortex-a72");
    expect_part(text, "0x100000000  0x1001fffff   2 MiB  0x200000000  1 block of 2 MiB");
    expect_part(text, "0x100200000  0x1002fffff   1 MiB  0x200200000  256 pages of 4 KiB");
    expect_part(text, "0x100300000  0x1003fffff   1 MiB  0x300300000  256 pages of 4 KiB");
    expect_part(text, "0x100400000  0x1007fffff   4 MiB  0x300400000  2 blocks of 2 MiB");
    expect_part(text, "0x200000000  0x2003fffff   4 MiB  0x400000000  2 blocks of 2 MiB");
}

TEST(Explain, LargeSlotsAnswerAtOnce) {
    const auto start = std::chrono::steady_clock::now();
    expect_part(output("--ipa 42 --slot ipa=1T,size=1T,pa=0x10000001000 --extent 4K"),
                "mapped: 1 TiB in 268435456 pages of 4 KiB");
    expect_part(output("--ipa 48 --slot ipa=0,size=256T,pa=0 --extent 2052K"), "256 TiB");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{10});
}

TEST(Explain, BadInputIsTwo) {
    const auto expect_error = [](const std::string& arguments, std::string_view error) {
        const ProgramResult result = run_program("explain " + arguments);
        EXPECT_EQ(result.status, 2) << arguments;
        EXPECT_EQ(result.output, "");
        EXPECT_EQ(result.errors, "twofold: " + std::string{error} + "\n");
    };
    const std::string form = "--slot: expected ipa=ADDRESS,size=SIZE[,pa=ADDRESS][,ro][,device]"
                             "[,log], not ";
    expect_error("", "--slot is required");
    expect_error("--slot ipa=0", form + "\"ipa=0\"");
    expect_error("--slot ipa=0,size=x", form + "\"ipa=0,size=x\"");
    expect_error("--slot ipa=0,size=1G,pa=0,rw", form + "\"ipa=0,size=1G,pa=0,rw\"");
    expect_error("--slot ipa=0,size=1G", "--slot: number 1 has no memory; expected pa= or an "
                                         "--extent for it");
    expect_error("--slot ipa=0x800,size=1G,pa=0",
                 "slot: start or length not a multiple of the granule, or empty: 0x800 and 1 GiB");
    expect_error("--slot ipa=0,size=2T,pa=0",
                 "slot: its end is beyond the guest's address space: 0x0 and 2 TiB");
    expect_error("--slot ipa=0,size=1G,pa=0 --slot ipa=512M,size=1G,pa=0",
                 "slot: overlaps another slot: 0x20000000 and 1 GiB and 0x0..0x3fffffff");
    expect_error("--slot ipa=0,size=1G,pa=0 --extent 6K",
                 "extent: 6 KiB are not a multiple of the granule, 4 KiB");
    expect_error("--slot ipa=0,size=1G --extent pa=0,offset=0,size=2M --extent "
                 "pa=0,offset=1M,size=2M",
                 "extent: the one at offset 0x100000 overlaps another");
    expect_error("--slot ipa=0,size=1G,pa=0 --extent pa=0,offset=0,size=2M",
                 "--extent: the slot says with pa= already where its memory is");
    expect_error("--slot ipa=0,size=1G,pa=0 --part size=4K",
                 "--part: expected size=SIZE and ipa=ADDRESS or offset=SIZE[,slot=NUMBER], not "
                 "\"size=4K\"");
    expect_error("--slot ipa=0,size=1G,pa=0 --part offset=1023M,size=2M",
                 "part: offset 0x3ff00000 and size 0x200000 are not in the slot 0x0..0x3fffffff");
    expect_error("--slot ipa=0,size=1G,pa=0 --part offset=0,size=8K --part offset=4K,size=4K",
                 "part: the one at offset 0x1000 overlaps another");
    expect_error("--slot ipa=0,size=1G,pa=0 --extent 2M --part offset=0,size=8K",
                 "part: not with memory that is handed out in pieces; give its extents one by one");
    expect_error("--slot ipa=0,size=1G,pa=0xffffffffffff0000",
                 "slot: the end of its memory is beyond 64 bits");
    const ProgramResult nowhere =
        run_program("explain --slot ipa=0,size=1G,pa=0 --fault 0x40000000");
    EXPECT_EQ(nowhere.status, 1);
    EXPECT_EQ(nowhere.errors, "twofold: there is no slot at 0x40000000: an access to it is for a "
                              "device model\n");
}

TEST(Explain, JsonHasAStableShape) {
    const auto fault = nlohmann::json::parse(
        output("--slot ipa=2G,size=1G,pa=0x80200000 --fault 2G --cpu cortex-a72 --json"));
    EXPECT_EQ(fault, nlohmann::json::parse(R"json({
        "table": {"granule": 4096, "ipa_bits": 40, "pa_bits": 44, "lpa2": false,
                  "initial_level": 1},
        "fault": "0x80000000",
        "slot": {"ipa": "0x80000000", "bytes": 1073741824, "pa": "0x80200000"},
        "mapping": {"ipa": "0x80000000", "pa": "0x80200000", "bytes": 2097152,
                    "contiguous_bytes": 2097152, "limited_by": "misalignment"},
        "sizes": [
          {"bytes": 549755813888, "possible": false, "reason": "geometry",
           "wanted": "0x8000000000", "allowed": "0x40000000",
           "words": "level 0 has no blocks without LPA2 (VTCR_EL2.DS)"},
          {"bytes": 1073741824, "possible": false, "reason": "misalignment", "wanted": "0x0",
           "allowed": "0x200000", "words": "IPA and PA differ modulo 1 GiB: the memory begins 0x0 into one as IPA, and 0x200000 as PA"},
          {"bytes": 2097152, "possible": true, "reason": "largest size", "wanted": "0x0",
           "allowed": "0x0", "words": "possible"},
          {"bytes": 4096, "possible": true, "reason": "largest size", "wanted": "0x0",
           "allowed": "0x0", "words": "possible"}]})json"))
        << fault.dump(2);
    const auto slots =
        nlohmann::json::parse(output("--slot ipa=2G,size=4M,pa=2G --cpu cortex-a72 --json"));
    EXPECT_EQ(slots.at("slots")[0].at("runs")[0], nlohmann::json::parse(R"json({
        "ipa": "0x80000000", "bytes": 4194304, "pa": "0x80000000", "mapping_bytes": 2097152,
        "backed": true, "reason": "slot end",
        "words": "the block would end at 0xc0000000, and the slot ends at 0x80400000"})json"));
    EXPECT_EQ(slots["slots"][0]["totals"],
              nlohmann::json::parse(R"json([{"mapping_bytes": 2097152, "bytes": 4194304,
                                         "mappings": 2}])json"));
    // One table of level 2 below the root of two pages.
    EXPECT_EQ(slots["tables"],
              nlohmann::json::parse(R"json({"below_root": 1, "bytes": 12288})json"));
}

} // namespace
} // namespace twofold::tool
