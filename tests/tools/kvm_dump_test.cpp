// SPDX-License-Identifier: MIT
// Reading of KVM's stage2_page_tables: both kinds of columns, and everything that can be wrong.
#include "sample_files.hpp"
#include "tools/kvm/kvm_source.hpp"
#include "tools/kvm/run_line.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

KvmDump dump_of(const std::string& text) {
    KvmSource source = read_kvm_text("text", text, {});
    EXPECT_EQ(source.tables.size(), 1U);
    return source.tables.empty() ? KvmDump{} : source.tables[0].dump;
}

std::uint64_t defects(const KvmDump& dump, KvmDefect defect) {
    const auto found = dump.defects.find(defect);
    return found == dump.defects.end() ? 0 : found->second.count;
}

KvmRun run_of(std::string_view columns) {
    const auto line = parse_run_line(
        fmt::format("0x0000000040000000-0x0000000040001000           4K 3{}", columns));
    EXPECT_TRUE(line) << columns;
    EXPECT_FALSE(line->unknown_flag) << columns;
    return line->run;
}

TEST(KvmDump, ColumnsOf612) {
    EXPECT_EQ(run_of("   R W X AF    ").permissions, Permissions::rw()); // X: execution denied
    EXPECT_EQ(run_of("   R W   AF BLK").permissions, Permissions::rwx());
    EXPECT_TRUE(run_of("   R W   AF BLK").block);
    EXPECT_FALSE(run_of("   R W   AF    ").block);
    EXPECT_FALSE(run_of("   R W         ").access_flag);
    EXPECT_EQ(run_of("   R     AF    ").permissions, Permissions::rx());
    // Valid, and nothing but execution allowed: the columns are empty, but there.
    EXPECT_TRUE(run_of("               ").leaf);
    EXPECT_TRUE(run_of("               ").permissions.execute_el1);
    EXPECT_FALSE(run_of("").leaf);
    EXPECT_FALSE(run_of(" F     X       ").leaf);
    EXPECT_TRUE(run_of(" F     X       ").invalid);
}

TEST(KvmDump, ColumnsOf72) {
    EXPECT_EQ(run_of("   R W px ux  AF BLK").permissions, Permissions::rwx());
    EXPECT_EQ(run_of("   R W PXNUXN AF BLK").permissions, Permissions::rw());
    EXPECT_EQ(run_of("   R W PXNux  AF BLK").permissions,
              (Permissions{.read = true, .write = true, .execute_el0 = true}));
    EXPECT_EQ(run_of("   R W px UXN AF BLK").permissions,
              (Permissions{.read = true, .write = true, .execute_el1 = true}));
    EXPECT_EQ(run_of("   R   px ux  AF    ").permissions, Permissions::rx());
    EXPECT_TRUE(run_of(" F R W px ux        ").invalid);
}

TEST(KvmDump, ColumnsBetweenThem) {
    EXPECT_EQ(run_of("   R W NX AF BLK").permissions, Permissions::rw());
    EXPECT_EQ(run_of("   R W x  AF BLK").permissions, Permissions::rwx());
}

TEST(KvmDump, LinesThatAreNone) {
    for (const char* const text :
         {"", "0x", "0x1000-0x2000", "0x1000-0x2000 ", "0x1000-0x2000 4", "0x1000-0x2000 4Q 3",
          "0x1000-0x2000 4K", "0x1000-0x2000 4K x", "0x1000-0x2000 4K 3R", "1000-2000 4K 3",
          "0x10000000000000000-0x2000 4K 3", "0x1000-0x2000 4K 99999999999999"}) {
        EXPECT_FALSE(parse_run_line(text)) << text;
    }
}

// One of the shortest dumps, as a file of sections and as `cat *` has it.
TEST(KvmDump, SamplesInTheirForms) {
    const KvmDump sections = dump_of(sample("kvm/h2m_4_1_34__02_after-cold-touch.txt"));
    EXPECT_EQ(sections.ipa_bits, 34U);
    EXPECT_EQ(sections.levels, 2U);
    EXPECT_EQ(sections.initial_level(), 2);
    EXPECT_EQ(sections.columns, KvmColumns::x_inverted);
    ASSERT_EQ(sections.runs.size(), 7U);
    EXPECT_EQ(sections.runs[6].start, Ipa{4 * GiB});
    EXPECT_EQ(sections.runs[6].size(), 8 * MiB);
    EXPECT_EQ(sections.runs[6].level, 2);
    EXPECT_EQ(sections.statistics.at("exits"), 11);
    EXPECT_EQ(sections.statistics.at("mmio_exit_user"), 4);
    EXPECT_TRUE(sections.defects.empty());

    const KvmDump files = dump_of(sample("kvm/1g__01_S2-1g.txt"));
    EXPECT_EQ(files.ipa_bits, 40U);
    EXPECT_EQ(files.levels, 3U);
    EXPECT_EQ(files.runs.size(), 7U);
    EXPECT_TRUE(files.defects.empty());
}

TEST(KvmDump, TheGarbledFirstLineOfALongDump) {
    const KvmDump dump = dump_of(sample("kvm/4k__01_S2-4k.txt.gz"));
    EXPECT_EQ(defects(dump, KvmDefect::garbled_first_line), 1U);
    EXPECT_EQ(dump.defects.size(), 1U);
    ASSERT_TRUE(dump.last_run); // "0x00000000c0000000-0x0000000000000000   17179869181G 1"
    EXPECT_EQ(dump.last_run->start, Ipa{0xc0000000});
    EXPECT_EQ(dump.last_run->level, 1);
    EXPECT_FALSE(dump.last_run->leaf);
    EXPECT_EQ(dump.runs.front().start, Ipa{0});
    EXPECT_EQ(dump.runs.back().end, Ipa{0xc0000000});
}

// Where the first and the last run print the same, the line ends where the first run does.
TEST(KvmDump, AGarbledLineThatHidesTheFirstRun) {
    const KvmDump dump =
        dump_of("0x0000000080000000-0x0000000040000000   17179869183G 1\n"
                "0x0000000040000000-0x0000000080000000           1G 1   R W px ux  AF BLK\n");
    ASSERT_EQ(dump.runs.size(), 2U);
    EXPECT_EQ(dump.runs[0].start, Ipa{0});
    EXPECT_EQ(dump.runs[0].end, Ipa{0x40000000});
    EXPECT_FALSE(dump.runs[0].leaf);
    EXPECT_EQ(dump.last_run->start, Ipa{0x80000000});
    EXPECT_EQ(dump.defects.size(), 1U);
}

constexpr std::string_view header = "---[ Guest IPA ]---\n";

TEST(KvmDump, WhatIsWrongIsCounted) {
    const KvmDump dump = dump_of(std::string{header} +
                                 R"(0x0000000000000000-0x0000000040000000           1G 1
0x0000000080000000-0x00000000c0000000           1G 1   R W   AF BLK
0x00000000a0000000-0x00000000e0000000           1G 1   R W   AF BLK
0x00000000c0000000-0x0000000100000000           2G 1   R W   AF BLK
0x0000000100000000-0x0000000100000000           1G 1
0x0000000140000000-0x0000000100000000           1G 1
0x0000000100000000-0x0000000140000000           1G 7
0x0000000100000000-0x0000000140000000           1G 1   R W Q AF BLK
0x0000000140000000-0x0000000180000000           1G 1   R W PXNUXN AF BLK
what is this
0x0000020000000000-0x0000030000000000           1T 1
[ipa_range]
40
)");
    EXPECT_EQ(defects(dump, KvmDefect::gap), 2U);
    EXPECT_EQ(dump.defects.at(KvmDefect::gap).first_line, 3U);
    EXPECT_EQ(defects(dump, KvmDefect::overlap), 1U);
    EXPECT_EQ(defects(dump, KvmDefect::wrong_size), 1U);
    EXPECT_EQ(defects(dump, KvmDefect::start_above_end), 2U);
    EXPECT_EQ(defects(dump, KvmDefect::level_out_of_range), 1U);
    EXPECT_EQ(defects(dump, KvmDefect::unknown_flag), 1U);
    EXPECT_EQ(defects(dump, KvmDefect::mixed_columns), 1U);
    EXPECT_EQ(defects(dump, KvmDefect::unreadable_line), 1U);
    EXPECT_EQ(dump.defects.at(KvmDefect::unreadable_line).first_line, 11U);
    EXPECT_EQ(defects(dump, KvmDefect::beyond_ipa), 1U);
    EXPECT_EQ(dump.runs.size(), 5U);
    EXPECT_EQ(dump.runs.back().end, Ipa{0x180000000});
}

TEST(KvmDump, CarriageReturnsAndNulBytes) {
    const KvmDump dump =
        dump_of(std::string{header} + "0x0000000000000000-0x0000000040000000           1G 1\r\n" +
                std::string(100, '\0') + "\n");
    EXPECT_EQ(dump.runs.size(), 1U);
    EXPECT_FALSE(dump.runs[0].leaf);
    EXPECT_EQ(defects(dump, KvmDefect::unreadable_line), 1U);
}

TEST(KvmDump, OneLineOfSixteenMebibytes) {
    const KvmDump dump = dump_of(std::string{header} + std::string(16 << 20, 'x') +
                                 "\n0x0000000000000000-0x0000000040000000           1G 1\n");
    EXPECT_EQ(defects(dump, KvmDefect::long_line), 1U);
    EXPECT_EQ(dump.runs.size(), 1U);
}

TEST(KvmDump, ATextOfSomethingElse) {
    const KvmSource source = read_kvm_text("other", "hello\nworld\n", {});
    EXPECT_TRUE(source.tables.empty());
    EXPECT_EQ(source.notes.at(0), "other: expected stage2_page_tables of KVM or a trace with "
                                  "kvm_guest_fault, and no line is of either");
}

TEST(KvmDump, NamesOfStatisticsAreMadePrintable) {
    const KvmDump dump = dump_of(std::string{header} + "stat \x1b[31mexits\xff 7\n");
    EXPECT_EQ(dump.statistics.at("?[31mexits?"), 7);
}

} // namespace
} // namespace twofold::tool
