// SPDX-License-Identifier: MIT
// What `twofold attach` reads from others: packets, descriptions of registers, maps of memory.
#include "tools/attach/endpoint.hpp"
#include "tools/attach/gdb_packet.hpp"
#include "tools/attach/live_memory.hpp"
#include "tools/attach/ram_map.hpp"
#include "tools/attach/target_description.hpp"
#include "tools/attach/watched_runs.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

// Checksums as GDB's manual has them: the sum of all characters, modulo 256.
TEST(GdbPacket, Framing) {
    EXPECT_EQ(gdb_packet("OK"), "$OK#9a");
    EXPECT_EQ(gdb_packet(""), "$#00");
    EXPECT_EQ(gdb_packet("#"), std::string("$}\x03#80"));
}

std::string taken(std::string_view bytes) {
    GdbPacketReader reader;
    reader.add(bytes);
    const auto packet = reader.take();
    return !packet ? "none" : packet->intact ? packet->data : "damaged";
}

TEST(GdbPacket, Reading) {
    EXPECT_EQ(taken("+$OK#9a"), "OK");
    EXPECT_EQ(taken("junk$OK#9A"), "OK");
    EXPECT_EQ(taken("$OK#9b"), "damaged");
    EXPECT_EQ(taken("$OK#zz"), "damaged");
    EXPECT_EQ(taken("$OK#9"), "none");
    EXPECT_EQ(taken("$OK"), "none");
    EXPECT_EQ(taken(""), "none");
    EXPECT_EQ(taken("$}\x03#80"), "#");
    // "0* " is "0000": a space is 32, and 32 - 29 repetitions follow the first one.
    EXPECT_EQ(taken("$0* #7a"), "0000");
    EXPECT_EQ(taken("$* #4a"), "damaged");
    EXPECT_EQ(taken("$0*#5a"), "damaged");
    EXPECT_EQ(taken("$}#7d"), "damaged");
}

TEST(GdbPacket, OneAfterAnother) {
    GdbPacketReader reader;
    reader.add("$OK#9a+$E0");
    EXPECT_EQ(reader.take()->data, "OK");
    EXPECT_FALSE(reader.take());
    reader.add("1#a6");
    EXPECT_EQ(reader.take()->data, "E01");
    EXPECT_FALSE(reader.overflown());
    reader.add("$" + std::string(GdbPacketReader::longest_packet, 'a'));
    EXPECT_FALSE(reader.take());
    EXPECT_TRUE(reader.overflown());
}

TEST(GdbPacket, Numbers) {
    EXPECT_EQ(parse_gdb_number("2611201023030000"), 0x0000'0323'1020'1126U);
    EXPECT_EQ(parse_gdb_number("ff"), 255U);
    for (const char* const bad : {"", "f", "xx", "0g", "112233445566778899", "E01"}) {
        EXPECT_FALSE(parse_gdb_number(bad)) << bad;
    }
    EXPECT_EQ(parse_gdb_bytes("4142"), "AB");
    EXPECT_EQ(parse_gdb_bytes(""), "");
}

TEST(TargetDescription, NumbersThatAreGivenAndSuchThatAreNot) {
    TargetDescription description;
    EXPECT_EQ(description.add("<?xml version='1.0'?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                              "<target><xi:include href=\"a.xml\"/>\n<xi:include href='b.xml' />"),
              (std::vector<std::string>{"a.xml", "b.xml"}));
    description.add("<reg name=\"x0\" bitsize=\"64\"/><reg name='cpsr' bitsize='32'/>"
                    "<!-- <reg name=\"no\" bitsize=\"64\"/> -->"
                    "<reg\n\tbitsize=\"64\" name=\"sp\" type=\"data_ptr\"/><regs name=\"x\"/>");
    description.add("<reg name=\"VTCR_EL2\" bitsize=\"64\" regnum=\"125\" group=\"cp_regs\"/>"
                    "<reg name=\"NEXT\" bitsize=\"64\"/>");
    EXPECT_EQ(description.number("x0"), 0U);
    EXPECT_FALSE(description.number("cpsr"));
    EXPECT_FALSE(description.number("no"));
    EXPECT_EQ(description.number("sp"), 2U);
    EXPECT_EQ(description.number("VTCR_EL2"), 125U);
    EXPECT_EQ(description.number("NEXT"), 126U);
    EXPECT_EQ(description.size(), 4U);
}

TEST(TargetDescription, Nonsense) {
    for (const char* const text :
         {"", "<", "<reg", "<reg name=", "<reg name=\">", "<reg name=x bitsize=\"64\">", "<!--",
          "<reg bitsize=\"64\"/>", "<reg name=\"a\" bitsize=\"64\" regnum=\"99999999\"/>",
          "<reg name=\"a\" bitsize=\"64\" regnum=\"4294967295\"/>", "<reg name=\"a\"/>",
          "<reg xname=\"a\" bitsize=\"64\"/>", "<reg =\"\" name=\"a\" bitsize=\"6 4\"/>"}) {
        TargetDescription description;
        EXPECT_TRUE(description.add(text).empty()) << text;
        EXPECT_EQ(description.size(), 0U) << text;
    }
    TargetDescription description;
    EXPECT_TRUE(
        description.add("<xi:include href=\"a:b\"/><xi:include/><xi:include href=''/>").empty());
    description.add(std::string("<reg name=\"\0a\" bitsize=\"64\"/>", 29));
    EXPECT_EQ(description.size(), 1U);
    std::string many;
    for (unsigned i = 0; i < 70000; ++i) {
        many += "<reg name=\"r" + std::to_string(i) + "\" bitsize=\"64\"/>";
    }
    description.add(many);
    EXPECT_EQ(description.size(), 65536U);
}

TEST(RamMap, OfTheMachineAndNothingElse) {
    const auto map = RamMap::parse(
        "FlatView #0\r\n AS \"gpex-root\", root: bus master container\r\n"
        "  0000000000000000-00000000ffffffff (prio 0, ram): other\r\n\r\n"
        "FlatView #1\r\n AS \"memory\", root: system\r\n AS \"cpu-memory-0\", root: system\r\n"
        " Root memory region: system\r\n"
        "  0000000000000000-0000000003ffffff (prio 0, romd): virt.flash0\r\n"
        "  0000000009000000-0000000009000fff (prio 0, i/o): pl011\r\n"
        "  0000000040000000-000000004fffffff (prio 0, ram): one\r\n"
        "  0000000050000000-000000005fffffff (prio 0, ram): two @0000000010000000\r\n"
        "  0000008000000000-0000008000000fff (prio 1, ramd): a real device\r\n"
        "  xyz\r\n  50-4f (prio 0, ram): reversed\r\n  7\r\n\r\n");
    ASSERT_TRUE(map);
    EXPECT_TRUE(map->contains(Pa{0}, 4096));
    EXPECT_TRUE(map->contains(Pa{0x3fff000}, 4096));
    EXPECT_FALSE(map->contains(Pa{0x3fff000}, 4097));
    EXPECT_FALSE(map->contains(Pa{0x9000000}, 8));
    EXPECT_TRUE(map->contains(Pa{0x4ffff000}, 8192)); // across two that adjoin
    EXPECT_TRUE(map->contains(Pa{0x5ffff000}, 4096));
    EXPECT_FALSE(map->contains(Pa{0x60000000}, 1));
    EXPECT_FALSE(map->contains(Pa{0x8000000000}, 4096));
    EXPECT_FALSE(map->contains(Pa{0xffff'ffff'ffff'f000}, 4096));
    for (const char* const text : {"", "unknown command", " AS \"memory\"\n", "\n\n\n",
                                   " AS \"memory\"\n 0-f (prio 0, i/o): x\n"}) {
        EXPECT_FALSE(RamMap::parse(text)) << text;
    }
}

TEST(LiveMemory, KeepsWhatWasReadAndReadsNoMore) {
    unsigned reads = 0;
    LiveMemory memory{[&reads](Pa pa, std::size_t bytes) -> Result<std::string> {
                          ++reads;
                          std::string page(bytes, '\0');
                          page[8] = static_cast<char>(pa.value >> 12);
                          page[15] = '\x80';
                          return page;
                      },
                      std::nullopt, 2};
    EXPECT_EQ(memory.load(Pa{0x1008}), 0x8000'0000'0000'0001U);
    EXPECT_EQ(memory.load(Pa{0x1000}), 0U);
    EXPECT_EQ(memory.load(Pa{0x2008}), 0x8000'0000'0000'0002U);
    EXPECT_EQ(reads, 2U);
    EXPECT_FALSE(memory.load(Pa{0x3008}));
    EXPECT_TRUE(memory.overflown());
    memory.close();
    EXPECT_EQ(memory.load(Pa{0x1008}), 0x8000'0000'0000'0001U);
    EXPECT_FALSE(memory.load(Pa{0x4008}));
}

TEST(LiveMemory, AnErrorEndsAllReading) {
    unsigned reads = 0;
    LiveMemory memory{[&reads](Pa, std::size_t) -> Result<std::string> {
                          ++reads;
                          return Failure{"gone"};
                      },
                      std::nullopt, 100};
    EXPECT_FALSE(memory.load(Pa{0}));
    EXPECT_FALSE(memory.load(Pa{0x1000}));
    EXPECT_EQ(reads, 1U);
    EXPECT_EQ(memory.error(), "gone");
}

TEST(Endpoint, HostsPortsAndPaths) {
    const auto is = [](std::string_view text, std::string_view host, std::string_view port) {
        const auto endpoint = parse_endpoint(text);
        return endpoint && endpoint->host == host && endpoint->port == port;
    };
    EXPECT_TRUE(is("localhost:1234", "localhost", "1234"));
    EXPECT_TRUE(is("tcp::1234", "localhost", "1234"));
    EXPECT_TRUE(is(":1", "localhost", "1"));
    EXPECT_TRUE(is("[::1]:65535", "::1", "65535"));
    for (const char* const path :
         {"/run/vm:1234", "vm.sock", "a:0", "a:65536", "a:", "a:12x", ""}) {
        EXPECT_FALSE(parse_endpoint(path)) << path;
    }
}

WatchedRun run(std::uint64_t ipa, std::uint64_t size, std::uint64_t pa, std::uint64_t unit = 4096,
               bool write = true) {
    Attributes attributes{};
    attributes.permissions = {
        .read = true, .write = write, .execute_el1 = false, .execute_el0 = false};
    return {.ipa = Ipa{ipa}, .size = size, .unit = unit, .pa = Pa{pa}, .attributes = attributes};
}

std::string compared(std::vector<WatchedRun> before, std::vector<WatchedRun> after) {
    std::string text;
    for (const RunChange& change :
         compare_trees({.runs = std::move(before)}, {.runs = std::move(after)})) {
        text += std::string{to_string(change.kind)} + ' ' + std::to_string(change.ipa.value) + '+' +
                std::to_string(change.size) + ' ';
    }
    return text;
}

TEST(WatchedRuns, Changes) {
    EXPECT_EQ(compared({}, {}), "");
    EXPECT_EQ(compared({run(0, 8192, 0)}, {run(0, 8192, 0)}), "");
    EXPECT_EQ(compared({}, {run(0, 8192, 0)}), "came 0+8192 ");
    EXPECT_EQ(compared({run(0, 8192, 0)}, {}), "went 0+8192 ");
    // The same leaves, told as other runs.
    EXPECT_EQ(compared({run(0, 8192, 0)}, {run(0, 4096, 0), run(4096, 4096, 4096)}), "");
    EXPECT_EQ(compared({run(0, 16384, 0)}, {run(0, 4096, 0), run(8192, 8192, 8192)}),
              "went 4096+4096 ");
    EXPECT_EQ(compared({run(0, 8192, 0)}, {run(0, 4096, 0), run(4096, 4096, 65536)}),
              "moved 4096+4096 ");
    EXPECT_EQ(compared({run(0, 8192, 0)}, {run(0, 4096, 0), run(4096, 4096, 4096, 4096, false)}),
              "permissions 4096+4096 ");
    EXPECT_EQ(compared({run(0, 2 * MiB, 0, 2 * MiB)}, {run(0, 2 * MiB, 0)}), "split 0+2097152 ");
    EXPECT_EQ(compared({run(0, 2 * MiB, 0)}, {run(0, 2 * MiB, 0, 2 * MiB)}),
              "collapsed 0+2097152 ");
    EXPECT_EQ(compared({run(4096, 4096, 0)}, {run(0, 12288, 0)}),
              "came 0+4096 moved 4096+4096 came 8192+4096 ");
    // One stretch, although its pieces were told apart before.
    EXPECT_EQ(compared({run(0, 4096, 0), run(4096, 4096, 4096)}, {}), "went 0+8192 ");
}

} // namespace
} // namespace twofold::tool
