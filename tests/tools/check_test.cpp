// SPDX-License-Identifier: MIT
// `twofold check`: traces by hand that are right, and one for each rule that is not.
#include "program.hpp"
#include "tools/check/casemate_writer.hpp"
#include "tools/check/rule_words.hpp"
#include "tools/check/trace_check.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace twofold::tool {
namespace {

LineReader::Read read_of(std::string text) {
    return [text = std::move(text), at = std::size_t{0}](std::span<char> space) mutable {
        const std::size_t count = std::min(space.size(), text.size() - at);
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), count, space.begin());
        at += count;
        return count;
    };
}

// 4K granule, 39 bits: the root at 0x4000'0000 is of level 1.
const std::string header =
    "twofold-trace 1 4k ipa 39 pa 40 levels 3 vmid 1 bbm 0 xnx fwb ttl range xs ha hd\n";

// Tables of levels 2 and 3 for the first 2 MiB, and a page at IPA 0x5000. Lines 2 to 10.
// MemAttr 0110 (FWB), S2AP 11, SH 11, AF: 0x7db; 0x75b may only be read.
const std::string page_mapped = "0 alloc 0x40000000 0x1000\n"
                                "0 context 0x80000 0x1000040000000\n"
                                "0 alloc 0x40001000 0x1000\n"
                                "0 alloc 0x40002000 0x1000\n"
                                "0 store 0x40001000 0x0 0x40002003\n"
                                "0 publish 0x40000000 0x0 0x40001003\n"
                                "0 dsb-ishst\n"
                                "0 publish 0x40002028 0x0 0x800007db\n"
                                "0 dsb-ishst\n";

TraceCheck check(const std::string& text, const CheckLimits& limits = {}) {
    const auto source = make_twofold_source(read_of(text));
    const auto wrong = source->start();
    EXPECT_FALSE(wrong) << *wrong;
    return check_trace(*source, limits);
}

std::string start_error(const std::string& text) {
    return make_twofold_source(read_of(text))->start().value_or("");
}

struct Wrong {
    model::Rule rule;
    model::Cause cause;
    const char* lines; // after page_mapped; the last one is the wrong one
};

using enum model::Rule;
using enum model::Cause;

const Wrong wrong_traces[] = {
    {break_before_make, none, "0 exchange 0x40002028 0x800007db 0x900007db\n"},
    {remade_too_early, not_invalidated,
     "0 exchange 0x40002028 0x800007db 0x2\n0 publish 0x40002028 0x2 0x900007db\n"},
    {remade_too_early, no_dsb_after_tlbi,
     "0 exchange 0x40002028 0x800007db 0x2\n0 dsb-ishst\n0 tlbi ipas2 is leaf xs 0x700000000005\n"
     "0 publish 0x40002028 0x2 0x900007db\n"},
    {remade_too_early, combined_not_removed,
     "0 exchange 0x40002028 0x800007db 0x2\n0 dsb-ishst\n0 tlbi ipas2 is leaf xs 0x700000000005\n"
     "0 dsb-ish\n0 publish 0x40002028 0x2 0x900007db\n"},
    {remade_too_early, other_level,
     "0 exchange 0x40002028 0x800007db 0x2\n0 dsb-ishst\n0 tlbi ipas2 is leaf xs 0x600000000005\n"
     "0 dsb-ish\n0 tlbi vmalle1 is all xs 0x0\n0 dsb-ish\n0 publish 0x40002028 0x2 0x900007db\n"},
    {left_in_tlb, not_invalidated,
     "0 exchange 0x40002028 0x800007db 0x0\n0 dsb-ishst\n0 settled\n"},
    {left_in_tlb, local_only,
     "0 exchange 0x40002028 0x800007db 0x8000075b\n0 dsb-ish\n"
     "0 tlbi ipas2 local leaf xs 0x700000000005\n0 dsb-ish\n0 tlbi vmalle1 is all xs 0x0\n"
     "0 dsb-ish\n0 isb\n0 settled\n"},
    {upgrade_left_in_tlb, not_invalidated,
     "0 publish 0x40002030 0x0 0x8000175b\n0 dsb-ishst\n"
     "0 exchange 0x40002030 0x8000175b 0x800017db\n0 dsb-nshst\n0 settled\n"},
    {tlbi_before_dsb, none,
     "0 exchange 0x40002028 0x800007db 0x2\n0 tlbi ipas2 is leaf xs 0x700000000005\n"},
    {vmalle1_before_dsb, none,
     "0 exchange 0x40002028 0x800007db 0x2\n0 dsb-ishst\n0 tlbi ipas2 is leaf xs 0x700000000005\n"
     "0 tlbi vmalle1 is all xs 0x0\n"},
    // A level hint for level 0 of the 4K granule exists with LPA2 only.
    {tlbi_operand, none, "0 tlbi ipas2 is leaf xs 0x400000000005\n"},
    {tlbi_wrong_vmid, none,
     "0 context 0x80000 0x2000040000000\n0 tlbi ipas2 is leaf xs 0x700000000005\n"},
    {root_changed, none, "1 context 0x80000 0x1000050000000\n"},
    {missing_isb, none, "0 tlbi vmalls12 is all xs 0x0\n0 dsb-ish\n0 settled\n"},
    {missing_dsb, none, "0 publish 0x40002038 0x0 0x800027db\n0 settled\n"},
    {hardware_update, none, "0 hardware 0x40002028 0x800007db 0x800003db\n"},
    {plain_store_to_live, none, "0 store 0x40002038 0x0 0x800027db\n"},
    {overwrites_valid, none, "0 publish 0x40002028 0x800007db 0x8000075b\n"},
    {unknown_table, none, "0 publish 0x50000000 0x0 0x800007db\n"},
    {table_freed_live, none, "0 free 0x40002000 0x1000\n"},
    {table_freed_in_tlb, not_invalidated,
     "0 exchange 0x40001000 0x40002003 0x0\n0 free 0x40002000 0x1000\n"},
    {table_freed_in_tlb, last_level_only,
     "0 exchange 0x40001000 0x40002003 0x0\n0 dsb-ishst\n"
     "0 tlbi ripas2 is leaf xs 0x538000000000\n0 dsb-ish\n0 tlbi vmalle1 is all xs 0x0\n"
     "0 dsb-ish\n0 free 0x40002000 0x1000\n"},
    {table_freed_in_section, none,
     "1 enter\n0 exchange 0x40001000 0x40002003 0x0\n0 dsb-ishst\n0 tlbi vmalls12 is all xs 0x0\n"
     "0 dsb-ish\n0 free 0x40002000 0x1000\n"},
    {table_reused_in_section, none,
     "1 enter\n0 exchange 0x40001000 0x40002003 0x0\n0 dsb-ishst\n0 tlbi vmalls12 is all xs 0x0\n"
     "0 dsb-ish\n0 retire 0x40002000 0x1000\n0 alloc 0x40002000 0x1000\n"},
    {table_not_allocated, none, "0 publish 0x40001008 0x0 0x44444003\n"},
    {table_allocated_twice, none, "0 alloc 0x40002000 0x1000\n"},
    {table_linked_twice, none, "0 publish 0x40001008 0x0 0x40002003\n"},
    // A table that points to itself.
    {table_linked_twice, none, "0 publish 0x40000008 0x0 0x40000003\n"},
    // 40 bits are 0..0xff'ffff'ffff.
    {table_out_of_range, none,
     "0 alloc 0x10000000000 0x1000\n0 publish 0x40001008 0x0 0x10000000003\n"},
    {kind_not_at_level, none, "0 publish 0x40002038 0x0 0x800007d9\n"},
    // 1 MiB into a block of 2 MiB.
    {reserved_bits, none, "0 publish 0x40001038 0x0 0x801007d9\n"},
    {output_out_of_range, none, "0 publish 0x40002038 0x0 0x100000007db\n"},
    // Entry 16 of a run of 64 KiB begins at a multiple of that.
    {contiguous_misaligned, none, "0 publish 0x40002080 0x0 0x100000800017db\n"},
    {contiguous_mismatch, none,
     "0 publish 0x40002080 0x0 0x100000800007db\n0 publish 0x40002088 0x0 0x800057db\n"},
    {contiguous_incomplete, none,
     "0 enter\n0 publish 0x40002080 0x0 0x100000800007db\n0 dsb-ishst\n0 leave\n"},
    {sections_unbalanced, none, "0 leave\n"},
    {too_many_cpus, none, "64 isb\n"},
};

TEST(Check, EachRuleAtTheEventThatBreaksIt) {
    for (const Wrong& wrong : wrong_traces) {
        SCOPED_TRACE(testing::Message() << to_string(wrong.rule) << ": " << wrong.lines);
        const TraceCheck result = check(header + page_mapped + wrong.lines);
        ASSERT_FALSE(result.violations.empty());
        const Violation& first = result.violations.front();
        EXPECT_STREQ(to_string(first.report.rule), to_string(wrong.rule));
        EXPECT_STREQ(to_string(first.report.cause), to_string(wrong.cause));
        const std::string lines = wrong.lines;
        EXPECT_EQ(first.line, 10U + static_cast<std::size_t>(std::ranges::count(lines, '\n')));
        EXPECT_FALSE(result.good());
        EXPECT_FALSE(check_text("t", result).empty());
        EXPECT_NO_THROW(check_json("t", result).dump());
    }
}

TEST(Check, RulesThatNeedAnotherTable) {
    // With marks a release store needs an entry with bits [1:0] = 10.
    const TraceCheck marks = check("twofold-trace 1 4k ipa 39 pa 40 levels 3 vmid 1 bbm 0 marks\n"
                                   "0 alloc 0x40000000 0x1000\n"
                                   "0 context 0x80000 0x1000040000000\n"
                                   "0 publish 0x40000000 0x0 0x800007fd\n");
    ASSERT_EQ(marks.count, 1U);
    EXPECT_EQ(marks.violations[0].report.rule, publish_not_owned);
    // Eight entries at level 1 are less than a run of sixteen.
    const TraceCheck run = check("twofold-trace 1 4k ipa 33 pa 40 levels 3 vmid 1 bbm 0\n"
                                 "0 alloc 0x40000000 0x1000\n"
                                 "0 context 0x80000 0x1000040000000\n"
                                 "0 publish 0x40000000 0x0 0x100000800007fd\n");
    ASSERT_EQ(run.count, 1U);
    EXPECT_EQ(run.violations[0].report.rule, contiguous_not_at_level);
}

const char* const right_traces[] = {
    // A page becomes another.
    "0 exchange 0x40002028 0x800007db 0x2\n0 dsb-ishst\n0 tlbi ipas2 is leaf xs 0x700000000005\n"
    "0 dsb-ish\n0 tlbi vmalle1 is all xs 0x0\n0 dsb-ish\n0 publish 0x40002028 0x2 0x900007db\n"
    "0 dsb-ishst\n0 isb\n0 settled\n",
    // A permission goes, and the VMID's TLB entries with it.
    "0 exchange 0x40002028 0x800007db 0x8000075b\n0 dsb-ishst\n0 tlbi vmalls12 is all xs 0x0\n"
    "0 dsb-ish\n0 isb\n0 settled\n",
    // A table goes: 512 pages are NUM 7 of SCALE 1.
    "0 exchange 0x40001000 0x40002003 0x0\n0 dsb-ishst\n0 tlbi ripas2 is all xs 0x538000000000\n"
    "0 dsb-ish\n0 tlbi vmalle1 is all xs 0x0\n0 dsb-ish\n0 isb\n0 free 0x40002000 0x1000\n"
    "0 settled\n",
    // Hardware notes an access and a write.
    "0 publish 0x40002030 0x0 0x800000080001f5b\n",
    // Another VMID's TLBI is right where nothing is to go.
    "1 enter\n1 publish 0x40002038 0x0 0x800027db\n1 dsb-ishst\n1 leave\n1 settled\n",
    "0 teardown\n0 free 0x40000000 0x1000\n0 free 0x40001000 0x1000\n0 free 0x40002000 0x1000\n",
};

TEST(Check, RightTraces) {
    for (const char* const lines : right_traces) {
        const TraceCheck result = check(header + page_mapped + lines);
        EXPECT_TRUE(result.good()) << check_text(lines, result);
    }
}

TEST(Check, TextTellsTheHistory) {
    const TraceCheck result = check(header + page_mapped +
                                    "0 exchange 0x40002028 0x800007db 0x2\n"
                                    "0 dsb-ishst\n"
                                    "0 publish 0x40002028 0x2 0x900007db\n");
    EXPECT_EQ(
        check_text("boot.trace", result),
        "boot.trace: 12 events, 4K granule, 39-bit IPA, VMID 1: 1 violation\n"
        "\n"
        "line 13: 0 publish 0x40002028 0x2 0x900007db\n"
        "  remade_too_early: the entry is valid again while a TLB may still have what it said "
        "before\n"
        "  not_invalidated: no TLBI has covered it\n"
        "  entry 0x40002028 of level 3, IPA 0x5000\n"
        "    before  0x00000000800007db  page of 4 KiB at 0x80000000, rwx Normal-WB\n"
        "    now     0x00000000900007db  page of 4 KiB at 0x90000000, rwx Normal-WB\n"
        "  history\n"
        "     8  0 dsb-ishst\n"
        "     9  0 publish 0x40002028 0x0 0x800007db\n"
        "    10  0 dsb-ishst\n"
        "    11  0 exchange 0x40002028 0x800007db 0x2\n"
        "    12  0 dsb-ishst\n"
        "    13  0 publish 0x40002028 0x2 0x900007db\n");
}

// The stores to an entry are remembered for longer than the checker looks back.
TEST(Check, TheHistoryOfAnEntryGoesBackFar) {
    std::string text = header + page_mapped;
    for (int i = 0; i < 500; ++i) {
        text += "0 isb\n";
    }
    const TraceCheck result = check(text + "0 exchange 0x40002028 0x800007db 0x900007db\n");
    ASSERT_EQ(result.violations.size(), 1U);
    EXPECT_EQ(result.violations[0].history.front().line, 9U);
    EXPECT_EQ(result.violations[0].line, 511U);
}

TEST(Check, JsonHasAStableShape) {
    const TraceCheck result =
        check(header + page_mapped + "0 exchange 0x40002028 0x800007db 0x900007db\n");
    EXPECT_EQ(check_json("t", result), nlohmann::ordered_json::parse(R"({
        "trace": "t", "events": 10, "violations": 1, "by_rule": {"break_before_make": 1},
        "reports": [{
          "line": 11, "event": "0 exchange 0x40002028 0x800007db 0x900007db",
          "rule": "break_before_make",
          "words": "a valid entry became another valid one, which needs a break between them",
          "cause": "none", "cause_words": "", "level": 3, "ipa": "0x5000", "entry": "0x40002028",
          "before": "0x00000000800007db", "after": "0x00000000900007db",
          "history": [{"line": 8, "event": "0 dsb-ishst"},
                      {"line": 9, "event": "0 publish 0x40002028 0x0 0x800007db"},
                      {"line": 10, "event": "0 dsb-ishst"},
                      {"line": 11, "event": "0 exchange 0x40002028 0x800007db 0x900007db"}]}],
        "left_in_tlb": 1, "notes": [], "error": null})"));
}

TEST(Check, AllAreCountedAndAFewAreTold) {
    std::string text = header + page_mapped;
    for (int i = 0; i < 30; ++i) {
        text += "0 leave\n";
    }
    const TraceCheck result = check(text, {.shown = 3});
    EXPECT_EQ(result.count, 30U);
    EXPECT_EQ(result.violations.size(), 3U);
    EXPECT_NE(check_text("t", result).find("and 27 more violations\n"), std::string::npos);
}

TEST(Check, EveryRuleAndCauseHasWords) {
    std::set<std::string_view> words;
    for (unsigned rule = 0; rule < model::rule_count; ++rule) {
        words.insert(rule_words(static_cast<model::Rule>(rule)));
    }
    EXPECT_EQ(words.size(), model::rule_count);
    EXPECT_FALSE(words.contains("unknown"));
    for (unsigned cause = 1; cause <= static_cast<unsigned>(no_dsb_after_vmalle1); ++cause) {
        EXPECT_NE(cause_words(static_cast<model::Cause>(cause)), "unknown");
    }
}

TEST(CheckHostile, FirstLines) {
    const std::string expected = "line 1: expected \"twofold-trace 1 4k ipa 40 pa 48 levels 3 vmid "
                                 "1 bbm 0\" or the like, not ";
    EXPECT_EQ(start_error(""), expected + "nothing");
    EXPECT_EQ(start_error("twofold-trace 2\n"), expected + "\"twofold-trace 2\"");
    EXPECT_EQ(start_error(std::string("\0\x1b[31m\xff\n", 8)), expected + "\"??[31m?\"");
    EXPECT_EQ(start_error(std::string(16 << 20, 'x')),
              expected + '"' + std::string(60, 'x') + "...\"");
    EXPECT_EQ(start_error("twofold-trace 1 4k ipa 99 pa 40 levels 3 vmid 1 bbm 0\n").empty(),
              false);
}

TEST(CheckHostile, LinesThatAreNoEvents) {
    const auto error = [](const std::string& lines) {
        return check(header + page_mapped + lines).error.value_or("");
    };
    EXPECT_EQ(error("0 jump\n"),
              "line 11: expected an event, such as \"0 dsb-ish\", not \"0 jump\"");
    EXPECT_EQ(error("\n"), "line 11: expected an event, such as \"0 dsb-ish\", not \"\"");
    EXPECT_EQ(error(std::string("0 isb\0\n", 7)),
              "line 11: expected an event, such as \"0 dsb-ish\", not \"0 isb?\"");
    EXPECT_NE(error(std::string(16 << 20, '0') + '\n').find("line 11: expected an event"),
              std::string::npos);
    EXPECT_EQ(error("0 store 0x40002029 0x0 0x0\n"),
              "line 11: expected the address of an entry, a multiple of 8, not 0x40002029");
    EXPECT_EQ(error("0 alloc 0x0 0xffffffffffffffff\n"),
              "line 11: expected at most 16 MiB of table memory at once, not 16.0 EiB");
    EXPECT_EQ(error("0 alloc 0xfffffffffffff000 0x2000\n"),
              "line 11: expected table memory inside of 64 bits, not 8 KiB at 0xfffffffffffff000");
}

// What was there before is told, and half a number is not taken for a whole one.
TEST(CheckHostile, ACutOffTrace) {
    const TraceCheck result = check(header + page_mapped +
                                    "0 exchange 0x40002028 0x800007db 0x900007db\n"
                                    "0 exchange 0x40002028 0x900007db 0x9000");
    EXPECT_EQ(result.count, 1U);
    EXPECT_FALSE(result.error);
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_EQ(result.notes[0], "line 12 is cut off and was left out");
}

TEST(CheckHostile, ATraceThatContradictsItself) {
    const TraceCheck result =
        check(header + page_mapped + "0 exchange 0x40002028 0x900007db 0x0\n");
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_EQ(result.notes[0], "1 of the events say that something else was there than the events "
                               "before left; the first is in line 11");
}

TEST(CheckHostile, TablesThatTakeTooLong) {
    std::string text = header + page_mapped;
    for (int i = 0; i < 100; ++i) {
        text += "0 exchange 0x40001000 0x40002003 0x0\n0 exchange 0x40001000 0x0 0x40002003\n";
    }
    const TraceCheck result = check(text, {.work = 10'000});
    ASSERT_TRUE(result.error);
    EXPECT_NE(result.error->find("given up, the tables of this trace take too long to follow"),
              std::string::npos);
    EXPECT_FALSE(check(text).error);
}

TEST(CheckHostile, MoreTablesThanThereIsMemory) {
    std::string text = header + page_mapped;
    for (unsigned i = 0; i < 200; ++i) {
        text += fmt::format("0 alloc {:#x} 0x1000000\n", 0x1'0000'0000ULL + i * 0x100'0000ULL);
    }
    const TraceCheck result = check(text, {.checker_bytes = 64 << 10});
    ASSERT_FALSE(result.violations.empty());
    EXPECT_EQ(result.violations[0].report.rule, out_of_memory);
}

TEST(CheckCommand, StatusAndErrors) {
    const auto folder = TemporaryFolder::make().value();
    const auto file = [&folder](const std::string& name, const std::string& text) {
        std::string path = (folder.path() / name).string();
        std::ofstream{path, std::ios::binary} << text;
        return path;
    };
    const std::string good = file("good", header + page_mapped);
    const std::string bad =
        file("bad", header + page_mapped + "0 exchange 0x40002028 0x800007db 0x900007db\n");
    const std::string ends = file("ends", header + page_mapped + "0 jump\n");
    EXPECT_EQ(run_program("check " + good).status, 0);
    EXPECT_EQ(run_program("check " + good).output,
              good + ": 9 events, 4K granule, 39-bit IPA, VMID 1: nothing is wrong\n");
    EXPECT_EQ(run_program("check " + bad).status, 1);
    const ProgramResult partial = run_program("check " + ends);
    EXPECT_EQ(partial.status, 2);
    EXPECT_NE(partial.output.find("nothing is wrong"), std::string::npos);
    EXPECT_EQ(partial.errors, "twofold: " + ends +
                                  ": line 11: expected an event, such as \"0 dsb-ish\", not \"0 "
                                  "jump\"\n");
    EXPECT_EQ(run_program("check /nowhere").errors,
              "twofold: /nowhere: No such file or directory\n");
    EXPECT_EQ(run_program("check /").errors, "twofold: /: expected a trace, not a folder\n");
    EXPECT_EQ(run_program("check /proc/self/mem").errors,
              "twofold: /proc/self/mem: Input/output error\n");
    EXPECT_EQ(run_program("check - </dev/null").status, 2);
    EXPECT_EQ(run_program("check").status, 2);
    EXPECT_EQ(run_program("check " + good + " --from csv").status, 2);
    EXPECT_EQ(run_program("check --to twofold " + good).output, header + page_mapped);
    EXPECT_EQ(run_program("check --to casemate " + good).errors, "");
}

} // namespace
} // namespace twofold::tool
