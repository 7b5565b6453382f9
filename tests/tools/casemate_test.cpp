// SPDX-License-Identifier: MIT
// Traces of casemate: read, checked, and written.
#include "tools/check/casemate_writer.hpp"
#include "tools/check/s_expression.hpp"
#include "tools/check/trace_check.hpp"

#include <twofold/model/trace.hpp>

#include <gtest/gtest.h>

#include <algorithm>

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

// Ids do not matter for reading.
const std::string tables =
    "(mem-init (id 0) (tid 0) (address 0x40000000) (size 0x1000) (src \"a.c:1\"))\n"
    "(hint (id 1) (tid 0) (kind set_root_lock) (location 0x40000000) (value 0x50000000) (src "
    "\"a.c:2\"))\n"
    "(mem-init (id 2) (tid 0) (address 0x40001000) (size 0x1000) (src \"a.c:3\"))\n"
    "(mem-init (id 3) (tid 0) (address 0x40002000) (size 0x1000) (src \"a.c:4\"))\n"
    "(hint (id 4) (tid 0) (kind set_owner_root) (location 0x40001000) (value 0x40000000) (src "
    "\"a.c:5\"))\n"
    // T0SZ 25, SL0 1, 4K, PS 40 bits
    "(sysreg-write (id 5) (tid 0) (sysreg vtcr_el2) (value 0x80023559) (src \"a.c:6\"))\n"
    "(sysreg-write (id 6) (tid 0) (sysreg vttbr_el2) (value 0x1000040000000) (src \"a.c:7\"))\n"
    "(lock (id 7) (tid 0) (address 0x50000000) (src \"a.c:8\"))\n"
    "(mem-write (id 8) (tid 0) (mem-order plain) (address 0x40001000) (value 0x40002003) (src "
    "\"a.c:9\"))\n"
    "(mem-write (id 9) (tid 0) (mem-order release) (address 0x40000000) (value 0x40001003) (src "
    "\"a.c:10\"))\n"
    "(mem-write (id 10) (tid 0) (mem-order release) (address 0x40002028) (value 0x800007ff) (src "
    "\"a.c:11\"))\n"
    "(barrier (id 11) (tid 0) dsb (kind ish) (src \"a.c:12\"))\n";
// A correct break-before-make of one page; lines 13 to 20.
const std::string break_and_make =
    "(mem-write (id 12) (tid 0) (mem-order plain) (address 0x40002028) (value 0x0) (src "
    "\"a.c:13\"))\n"
    "(barrier (id 13) (tid 0) dsb (kind ish) (src \"a.c:14\"))\n"
    "(tlbi (id 14) (tid 0) ipas2e1is (value 0x5) (src \"a.c:15\"))\n"
    "(barrier (id 15) (tid 0) dsb (kind ish) (src \"a.c:16\"))\n"
    "(tlbi (id 16) (tid 0) vmalle1is (src \"a.c:17\"))\n"
    "(barrier (id 17) (tid 0) dsb (kind ish) (src \"a.c:18\"))\n"
    "(mem-write (id 18) (tid 0) (mem-order plain) (address 0x40002028) (value 0x900007ff) (src "
    "\"a.c:19\"))\n"
    "(unlock (id 19) (tid 0) (address 0x50000000) (src \"a.c:20\"))\n";

std::string without_line(const std::string& text, std::string_view part) {
    const std::size_t at = text.find(part);
    const std::size_t start = text.rfind('\n', at);
    const std::size_t from = start == std::string::npos ? 0 : start + 1;
    return text.substr(0, from) + text.substr(text.find('\n', at) + 1);
}

TraceCheck check(const std::string& text, std::optional<unsigned> vmid = {}) {
    const auto source = make_casemate_source(read_of(text), vmid);
    const auto wrong = source->start();
    EXPECT_FALSE(wrong) << *wrong;
    return check_trace(*source, {});
}

std::string start_error(const std::string& text) {
    return make_casemate_source(read_of(text), {})->start().value_or("");
}

TEST(SExpression, IsTakenApart) {
    const auto e = SExpression::parse("(barrier (id 3) (tid 0)  dsb (kind ish) (src \"a b:1\"))");
    ASSERT_TRUE(e);
    EXPECT_EQ(e->name, "barrier");
    EXPECT_EQ(e->atoms, std::vector<std::string>{"dsb"});
    EXPECT_EQ(e->field("src"), "a b:1");
    EXPECT_EQ(e->number("id"), 3U);
    EXPECT_EQ(e->number("kind"), std::nullopt);
    EXPECT_EQ(SExpression::parse("(x (value #xff))")->number("value"), 255U);
    for (const char* const text : {"", "x", "()", "(", "(x", "(x))", "(x) y", "((x))", "(x (y))",
                                   "(x (y 1 2))", "(x (y (z 1)))", "(x \"y)", "(x (y \"z))"}) {
        EXPECT_FALSE(SExpression::parse(text)) << text;
    }
}

TEST(Casemate, ARightTrace) {
    const TraceCheck result = check(tables + break_and_make);
    EXPECT_TRUE(result.good()) << check_text("t", result);
    EXPECT_EQ(result.config.vmid, 1U);
    EXPECT_EQ(result.config.geometry.ipa_bits(), 39U);
    EXPECT_EQ(result.events, 15U);
}

TEST(Casemate, EachStepIsNeeded) {
    const std::pair<const char*, const char*> steps[] = {
        {"(id 13)", "tlbi_before_dsb none"},
        {"(id 14)", "remade_too_early not_invalidated"},
        {"(id 15)", "vmalle1_before_dsb none"},
        {"(id 16)", "remade_too_early combined_not_removed"},
        {"(id 17)", "remade_too_early no_dsb_after_vmalle1"},
    };
    for (const auto& [step, want] : steps) {
        const TraceCheck result = check(tables + without_line(break_and_make, step));
        ASSERT_FALSE(result.violations.empty()) << step;
        const model::Report& report = result.violations[0].report;
        EXPECT_EQ(std::string{to_string(report.rule)} + ' ' + to_string(report.cause), want);
    }
}

// Between two valid entries with AF an output address changes, which casemate lets pass.
TEST(Casemate, AnotherOutputWithoutABreak) {
    const TraceCheck result =
        check(tables + "(mem-write (id 12) (tid 0) (mem-order plain) (address 0x40002028) (value "
                       "0x900007ff) (src \"a.c:1\"))\n");
    ASSERT_EQ(result.count, 1U);
    EXPECT_EQ(result.violations[0].report.rule, model::Rule::break_before_make);
    EXPECT_EQ(result.violations[0].line, 13U);
}

// VMID 2 runs on CPU 1; what it invalidates is not ours. ALLE1IS is for all.
TEST(Casemate, OneVmidIsLookedAt) {
    const std::string other = "(sysreg-write (id 1) (tid 1) (sysreg vttbr_el2) (value "
                              "0x2000060000000) (src \"a.c:1\"))\n";
    const std::string unmap = without_line(break_and_make, "(id 18)");
    std::string by_other = unmap;
    for (std::size_t at = 0; (at = by_other.find("(tid 0)", at)) != std::string::npos; ++at) {
        // Only the TLBIs and the barriers around them.
        const std::size_t line = by_other.rfind('\n', at) + 1;
        if (by_other.compare(line, 5, "(tlbi") == 0) {
            by_other.replace(at, 7, "(tid 1)");
        }
    }
    const TraceCheck result = check(tables + other + by_other);
    EXPECT_TRUE(result.good()) << check_text("t", result);
    EXPECT_EQ(result.in_tlb, 1U);
    EXPECT_NE(std::ranges::find(result.notes, "left out: 2 tlbi of another VMID"),
              result.notes.end());

    const TraceCheck all = check(
        tables + other +
        "(mem-write (id 1) (tid 1) (mem-order plain) (address 0x40002028) (value 0x0) (src "
        "\"a\"))\n"
        "(barrier (id 1) (tid 1) dsb (kind ish) (src \"a\"))\n"
        "(tlbi (id 1) (tid 1) alle1is (src \"a\"))\n"
        "(barrier (id 1) (tid 1) dsb (kind ish) (src \"a\"))\n"
        "(mem-write (id 1) (tid 1) (mem-order plain) (address 0x40002028) (value 0x900007ff) (src "
        "\"a\"))\n");
    EXPECT_TRUE(all.good()) << check_text("t", all);
    EXPECT_EQ(check(tables + other + by_other, 2).config.vmid, 2U);
}

TEST(Casemate, ATableThatIsReleased) {
    const std::string unlink = "(mem-write (id 1) (tid 0) (mem-order plain) (address 0x40001000) "
                               "(value 0x0) (src \"a\"))\n"
                               "(barrier (id 1) (tid 0) dsb (kind ish) (src \"a\"))\n";
    const std::string invalidate = "(tlbi (id 1) (tid 0) vmalls12e1is (src \"a\"))\n"
                                   "(barrier (id 1) (tid 0) dsb (kind ish) (src \"a\"))\n";
    const std::string release = "(hint (id 1) (tid 0) (kind release_table) (location 0x40002000) "
                                "(value 0x0) (src \"a\"))\n";
    EXPECT_TRUE(check(tables + unlink + invalidate + release).good());
    const TraceCheck result = check(tables + unlink + release);
    ASSERT_EQ(result.count, 1U);
    EXPECT_EQ(result.violations[0].report.rule, model::Rule::table_freed_in_tlb);
}

TEST(Casemate, BadInput) {
    EXPECT_EQ(start_error(""), "expected (sysreg-write ... vtcr_el2) and then of vttbr_el2, which "
                               "say what the tables are");
    EXPECT_EQ(start_error("twofold-trace 1\n"),
              "line 1: expected a casemate event such as (barrier (id 1) (tid 0) isb), not "
              "\"twofold-trace 1\"");
    EXPECT_EQ(start_error("(barrier (id 1) isb)\n"),
              "line 1: expected (tid NUMBER) in a casemate event, not \"(barrier (id 1) isb)\"");
    EXPECT_EQ(
        start_error("(mem-init (id 1) (tid 0) (address x) (size 1))\n"),
        "line 1: expected the operands of casemate's mem-init, not \"(mem-init (id 1) (tid 0) "
        "(address x) (size 1))\"");
    EXPECT_EQ(start_error("(mem-init (id 1) (tid 0) (address 0) (size 1T))\n"),
              "line 1: expected at most 16 MiB of table memory at once, not 1 TiB");
    EXPECT_EQ(start_error("(sysreg-write (id 1) (tid 0) (sysreg vttbr_el2) (value 1))\n"),
              "line 1: expected (sysreg-write ... vtcr_el2) before vttbr_el2");
    EXPECT_NE(start_error("(sysreg-write (id 1) (tid 0) (sysreg vtcr_el2) (value 0))\n"
                          "(sysreg-write (id 1) (tid 0) (sysreg vttbr_el2) (value 1))\n")
                  .find("line 2: VTCR_EL2 = 0x0: ipa_bits"),
              std::string::npos);
    EXPECT_NE(
        start_error(std::string(16 << 20, '(') + '\n').find("line 1: expected a casemate event"),
        std::string::npos);
}

std::string written(const std::string& text, std::string& error) {
    const auto source = make_twofold_source(read_of(text));
    EXPECT_FALSE(source->start());
    if (const auto refusal = CasemateWriter::refusal(source->config())) {
        error = *refusal;
        return "";
    }
    CasemateWriter writer{source->config(), "t"};
    std::string result;
    while (const auto event = source->next()) {
        const auto lines = writer.write(*event);
        if (!lines) {
            error = writer.error();
            return "";
        }
        result += *lines;
    }
    return result + writer.finish();
}

TEST(Casemate, WritesInItsOrder) {
    std::string error;
    EXPECT_EQ(
        written("twofold-trace 1 4k ipa 39 pa 40 levels 3 vmid 1 bbm 0\n"
                "0 alloc 0x40000000 0x2000\n"
                "0 context 0x80023559 0x1000040000000\n"
                "0 publish 0x40000000 0x0 0x40001003\n"
                "0 exchange 0x40001000 0x0 0x800007fd\n"
                "0 dsb-ishst\n"
                "1 exchange 0x40001000 0x800007fd 0x0\n"
                "1 dsb-ish\n"
                "1 tlbi ipas2 is all xs 0x5\n"
                "1 settled\n"
                "0 free 0x40001000 0x1000\n",
                error),
        "(mem-init (id 0) (tid 0) (address 0x40000000) (size 0x1000) (src \"t:2\"))\n"
        "(mem-init (id 1) (tid 0) (address 0x40001000) (size 0x1000) (src \"t:2\"))\n"
        "(hint (id 2) (tid 0) (kind set_root_lock) (location 0x40000000) (value 0x40000000) (src "
        "\"t:3\"))\n"
        "(hint (id 3) (tid 0) (kind set_owner_root) (location 0x40001000) (value 0x40000000) (src "
        "\"t:3\"))\n"
        "(sysreg-write (id 4) (tid 0) (sysreg vtcr_el2) (value 0x80023559) (src \"t:3\"))\n"
        "(sysreg-write (id 5) (tid 0) (sysreg vttbr_el2) (value 0x1000040000000) (src \"t:3\"))\n"
        "(lock (id 6) (tid 0) (address 0x40000000) (src \"t:4\"))\n"
        "(mem-write (id 7) (tid 0) (mem-order plain) (address 0x40000000) (value 0x40001003) (src "
        "\"t:4\"))\n"
        "(mem-write (id 8) (tid 0) (mem-order release) (address 0x40001000) (value 0x800007fd) "
        "(src \"t:5\"))\n"
        "(barrier (id 9) (tid 0) dsb (kind ishst) (src \"t:6\"))\n"
        "(unlock (id 10) (tid 0) (address 0x40000000) (src \"t:7\"))\n"
        "(lock (id 11) (tid 1) (address 0x40000000) (src \"t:7\"))\n"
        "(mem-write (id 12) (tid 1) (mem-order plain) (address 0x40001000) (value 0x0) (src "
        "\"t:7\"))\n"
        "(barrier (id 13) (tid 1) dsb (kind ish) (src \"t:8\"))\n"
        "(tlbi (id 14) (tid 1) ipas2e1is (value 0x5) (src \"t:9\"))\n"
        "(hint (id 15) (tid 0) (kind release_table) (location 0x40001000) (value 0x0) (src "
        "\"t:11\"))\n"
        "(unlock (id 16) (tid 1) (address 0x40000000) (src \"t:11\"))\n");
    EXPECT_EQ(error, "");
}

TEST(Casemate, WhatItCannotCheckIsNotWritten) {
    const std::string header = "twofold-trace 1 4k ipa 39 pa 40 levels 3 vmid 1 bbm 0\n";
    const std::pair<std::string, const char*> cases[] = {
        {"twofold-trace 1 16k ipa 40 pa 40 levels 3 vmid 1 bbm 0\n",
         "casemate has the 4K granule only"},
        {"twofold-trace 1 4k ipa 40 pa 40 levels 3 vmid 1 bbm 0\n",
         "casemate has no concatenated tables, and IPAs of 26 to 30, 35 to 39 and 44 to 48 bits "
         "only"},
        {header + "0 tlbi ipas2 is leaf xs 0x5\n",
         "line 2: casemate has no TLBI of the last level"},
        {header + "0 tlbi ipas2 is all xs 0x700000000005\n",
         "line 2: casemate has no level hint in a TLBI"},
        {header + "0 tlbi ripas2 is all xs 0x400000000000\n",
         "line 2: casemate has no TLBI by range"},
        {header + "0 tlbi vmalle1 local all xs 0x0\n", "line 2: casemate has no TLBI of one CPU"},
        {header + "0 tlbi vmalle1 is all nxs 0x0\n", "line 2: casemate has no TLBI nXS"},
        {header + "0 dsb-nshst\n", "line 2: casemate has no DSB NSHST"},
        {header + "0 dsb-ish-nxs\n", "line 2: casemate has no DSB nXS"},
        {header + "0 hardware 0x40000000 0x1 0x401\n",
         "line 2: casemate has no changes that no CPU stores"},
        {header + "0 exchange 0x40000000 0x0 0x100000800007fd\n",
         "line 2: casemate has no Contiguous bit"},
        {header + "0 exchange 0x40000000 0x0 0x800107fd\n", "line 2: casemate has no nT"},
        {header + "4 isb\n", "line 2: casemate has no more than four CPUs"},
    };
    for (const auto& [text, want] : cases) {
        std::string error;
        EXPECT_EQ(written(text, error), "");
        EXPECT_EQ(error, want);
    }
}

// What is written is read again as the same events.
TEST(Casemate, ThereAndBack) {
    const auto source = make_casemate_source(read_of(tables + break_and_make), {});
    ASSERT_FALSE(source->start());
    std::string text{model::header_line(source->config()).text()};
    text += '\n';
    while (const auto event = source->next()) {
        text += std::string{model::to_line(event->event).text()} + '\n';
    }
    std::string error;
    const std::string back = written(text, error);
    EXPECT_EQ(error, "");
    const TraceCheck result = check(back);
    EXPECT_TRUE(result.good()) << check_text("t", result);
    EXPECT_EQ(result.events, 15U);
}

} // namespace
} // namespace twofold::tool
