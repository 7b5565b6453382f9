// SPDX-License-Identifier: MIT
// What a page is made of, from each kind of input: samples of live hosts and documents of the forms
// that docs/tool.md describes. Then what nobody should give it.
#include "sample_files.hpp"
#include "tools/report/report_source.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace twofold::tool {
namespace {

struct Read {
    ReportSources sources;
    Result<bool> added = true;

    const ReportData& data() const { return sources.data(); }
    const ReportSpace& space() const { return data().spaces.at(0); }
    const RunKind& kind(std::size_t run) const {
        return space().kinds.at(space().runs.at(run).kind);
    }
};

Read read(const std::string& text, std::uint64_t most_runs = most_report_runs) {
    Read read{.sources = ReportSources{most_runs}};
    std::istringstream stream{text};
    read.added = read.sources.add_text("input", stream);
    return read;
}

void expect_failure(const std::string& text, std::string_view error) {
    const Read wrong = read(text);
    ASSERT_FALSE(wrong.added) << text.substr(0, 200);
    EXPECT_EQ(wrong.added.error(), "input: " + std::string{error});
}

constexpr std::string_view map_head =
    R"({"cpu": "max", "vtcr": "0x1802e3558", "vttbr": "0x1000040dc0001", "hcr": "0x0",
        "granule": 4096, "ipa_bits": 40, "pa_bits": 52, "lpa2": true, "initial_level": 1,
        "root": {"pa": "0x40dc0000", "tables": 2}, "runs": [)";

std::string map_of(const std::string& runs) { return std::string{map_head} + runs + "]}"; }

constexpr const char* block =
    R"({"ipa": "0x100000000", "size": 2147483648, "level": 1, "entries": 2, "kind": "leaf",
        "pa": "0x140000000", "contiguous": true, "in_range": true,
        "attributes": {"read": true, "write": true, "execute_el1": false, "execute_el0": false,
                       "type": "Normal-WB", "shareability": "inner-shareable",
                       "access_flag": false, "dbm": true, "fnxs": false, "nt": false,
                       "software": 0}})";

TEST(ReportSource, AMapHasAllOfARun) {
    const Read map =
        read(map_of(std::string{R"({"ipa": "0x0", "size": 4294967296, "level": 1, "entries": 4,
                        "kind": "hole"},)"} +
                    block +
                    R"(,{"ipa": "0x180000000", "size": 1073741824, "level": 1, "entries": 1,
             "kind": "invalid", "descriptor": "0x00000000000000ab"},
            {"ipa": "0x1c0000000", "size": 1073741824, "level": 1, "entries": 1,
             "kind": "again", "same_as": "0x40000000"})"));
    ASSERT_TRUE(map.added) << map.added.error();
    const ReportSpace& space = map.space();
    EXPECT_EQ(map.data().sources[0].what, "twofold map");
    EXPECT_EQ(space.ipa_bits, 40U);
    EXPECT_EQ(space.pa_bits, 52U);
    EXPECT_EQ(space.initial_level, 1);
    ASSERT_EQ(space.runs.size(), 4U);
    EXPECT_EQ(map.kind(0).kind, "hole");
    EXPECT_EQ(space.runs[1].ipa, 0x1'0000'0000U);
    EXPECT_EQ(space.runs[1].bytes, 0x8000'0000U);
    EXPECT_EQ(space.runs[1].pa, 0x1'4000'0000U);
    const RunKind& leaf = map.kind(1);
    EXPECT_TRUE(leaf.is_leaf());
    EXPECT_EQ(leaf.level, 1);
    EXPECT_EQ(leaf.entry_bytes, 0x4000'0000U);
    EXPECT_TRUE(leaf.contiguous);
    EXPECT_EQ(leaf.permissions, "rw-");
    EXPECT_EQ(leaf.type, "Normal-WB");
    EXPECT_EQ(leaf.shareability, "inner-shareable");
    EXPECT_EQ(leaf.young, false);
    EXPECT_EQ(leaf.words, "DBM: hardware may note writes");
    EXPECT_EQ(map.kind(2).words, "descriptor 0x00000000000000ab");
    EXPECT_EQ(map.kind(3).words, "the table that is told at IPA 0x40000000");
    ASSERT_EQ(map.data().mapped.size(), 1U);
    ASSERT_EQ(map.data().mapped[0].sizes.size(), 1U);
    const MappedSize& size = map.data().mapped[0].sizes[0];
    EXPECT_EQ(size.bytes, 0x4000'0000U);
    EXPECT_EQ(size.mapped_bytes, 0x8000'0000U);
    EXPECT_EQ(size.entries, 2U);
    EXPECT_EQ(size.contiguous_bytes, 0x8000'0000U);
}

// The whole text once: rows of numbers behind what they have in common.
TEST(ReportSource, TheJsonOfASmallDump) {
    const Read dump = read("[ipa_range]\n34\n[stage2_levels]\n2\n[stage2_page_tables]\n"
                           "---[ Guest IPA ]---\n"
                           "0x0000000000000000-0x0000000040000000           1G 2\n"
                           "0x0000000040000000-0x0000000040400000           4M 2   R W X AF BLK\n");
    ASSERT_TRUE(dump.added) << dump.added.error();
    EXPECT_EQ(
        report_json(dump.data()),
        R"({"version":1,"sources":[{"name":"input","what":"KVM's debugfs and traces","facts":[],"notes":[]}],)"
        R"("mapped":[{"source":0,"name":"input","sizes":[{"bytes":2097152,"level":2,"mapped_bytes":4194304,"entries":2,"contiguous_bytes":0}]}],)"
        R"("faults":[],"reasons":[],"spaces":[)"
        "\n"
        R"({"source":0,"name":"input","granule":4096,"granule_certain":true,"ipa_bits":34,"ipa_bits_certain":true,"pa_bits":null,)"
        R"("levels":[{"level":2,"entry_bytes":2097152},{"level":3,"entry_bytes":4096}],"kinds":[)"
        R"({"kind":"hole","level":2,"entry_bytes":2097152,"contiguous":false,"permissions":null,"type":null,"shareability":null,"young":null,"reason":null,"words":null},)"
        R"({"kind":"leaf","level":2,"entry_bytes":2097152,"contiguous":false,"permissions":"rw-","type":null,"shareability":null,"young":true,"reason":null,"words":null},)"
        R"({"kind":"unread","level":null,"entry_bytes":0,"contiguous":false,"permissions":null,"type":null,"shareability":null,"young":null,"reason":null,"words":"the last run, which KVM never prints"}],)"
        R"("runs_left_out":0,"notes":["this kernel prints X where execution is denied; it is read that way",)"
        R"("KVM never prints the last run: 0x40400000 to 0x400000000 is not in the dump"],"skipped":[],)"
        R"("runs":[[0,1073741824,null,0],[1073741824,4194304,null,1],[1077936128,16101933056,null,2]]}]})");
}

// A garbled first line tells the last run.
TEST(ReportSource, ALongDumpIsKnownToItsEnd) {
    const Read dump = read(sample("kvm/4k__01_S2-4k.txt.gz"));
    ASSERT_TRUE(dump.added);
    const ReportSpace& space = dump.space();
    EXPECT_EQ(space.runs.back().ipa, 0xc000'0000U);
    EXPECT_EQ(space.runs.back().end(), std::uint64_t{1} << 40);
    EXPECT_EQ(dump.kind(space.runs.size() - 1).kind, "hole");
    // As `twofold kvm` counts them: 610 runs rw- and 475 rwx, 19007 pages.
    const auto leaves = [&space](const std::string& permissions) {
        std::size_t count = 0;
        for (const ReportRun& run : space.runs) {
            const RunKind& kind = space.kinds[run.kind];
            count += kind.is_leaf() && kind.permissions == permissions ? 1 : 0;
        }
        return count;
    };
    EXPECT_EQ(leaves("rw-"), 610U);
    EXPECT_EQ(leaves("rwx"), 475U);
    EXPECT_EQ(dump.data().mapped[0].sizes[0].entries, 19007U);
}

TEST(ReportSource, ADumpWithoutItsSizesIsGuessed) {
    const Read dump = read("0x0000000080000000-0x0000000180000000           4G 1   R W   AF BLK\n");
    ASSERT_TRUE(dump.added);
    EXPECT_FALSE(dump.space().ipa_bits_certain);
    EXPECT_EQ(dump.space().ipa_bits, 33U);
    EXPECT_FALSE(dump.space().initial_level);
}

TEST(ReportSource, ATraceHasFaultsByRegion) {
    const Read trace = read(sample("kvm/events_1_1__02_trace-events.txt"));
    ASSERT_TRUE(trace.added);
    EXPECT_TRUE(trace.data().spaces.empty());
    ASSERT_EQ(trace.data().faults.size(), 1U);
    const ReportFaults& faults = trace.data().faults[0];
    EXPECT_TRUE(faults.by_region);
    ASSERT_EQ(faults.sizes.size(), 1U);
    EXPECT_EQ(faults.sizes[0].bytes, 0x4000'0000U);
    EXPECT_EQ(faults.sizes[0].faults, 12U);
    ASSERT_EQ(faults.kinds.size(), 2U);
    EXPECT_EQ(faults.kinds[0].kind, "translation, level 1, write, emulated");
    EXPECT_EQ(faults.kinds[0].faults, 8U);
}

TEST(ReportSource, AnAttachedMachineHasASpaceForEachVmid) {
    std::string map = map_of(block);
    const Read attach = read(
        R"({"running": true, "stopped_seconds": 0.0123, "cpus": [], "notes": ["a note"], "stage2": [
            {"vmid": 1, "cpus": [0, 2], "error": null, "map": )" +
        map + R"(}, {"vmid": 2, "cpus": [1], "error": "VTCR_EL2: nonsense", "map": null},
              {"vmid": 3, "cpus": [3], "error": null, "map": )" +
        map_of("") + "}]}");
    ASSERT_TRUE(attach.added) << attach.added.error();
    ASSERT_EQ(attach.data().spaces.size(), 2U);
    EXPECT_EQ(attach.data().spaces[0].name, "input: VMID 1 on CPUs 0, 2");
    EXPECT_EQ(attach.data().spaces[0].runs.size(), 1U);
    EXPECT_EQ(attach.data().spaces[1].name, "input: VMID 3 on CPU 3");
    EXPECT_TRUE(attach.data().spaces[1].runs.empty());
    EXPECT_EQ(attach.data().sources[0].notes,
              (std::vector<std::string>{"a note", "VMID 2 on CPU 1: VTCR_EL2: nonsense"}));
    EXPECT_EQ(attach.data().sources[0].facts.at(0).value, "0.012 s");
}

TEST(ReportSource, AnExplanationHasReasonsByAddress) {
    const Read slots = read(R"({"table": {"granule": 4096, "ipa_bits": 40, "pa_bits": 48,
        "lpa2": false, "initial_level": 1}, "slots": [
        {"ipa": "0x80200000", "bytes": 4194304, "pa": "0x0", "runs": [
          {"ipa": "0x80200000", "bytes": 2097152, "pa": "0x200000", "mapping_bytes": 2097152,
           "backed": true, "reason": "slot start", "words": "it begins here"}], "runs_left_out": 7},
        {"ipa": "0x90000000", "bytes": 8192, "pa": null, "runs": [
          {"ipa": "0x90000000", "bytes": 4096, "pa": "0x5000", "mapping_bytes": 4096,
           "backed": true, "reason": "cap", "words": "so small"},
          {"ipa": "0x90001000", "bytes": 4096, "pa": null, "mapping_bytes": 0,
           "backed": false, "reason": "backing", "words": "there is no memory"}],
         "runs_left_out": 0, "advice": [{"mapping_bytes": 2097152, "steps": ["do this", "do that"]}]}
        ]})");
    ASSERT_TRUE(slots.added) << slots.added.error();
    ASSERT_EQ(slots.space().runs.size(), 3U);
    EXPECT_EQ(slots.kind(0).level, 2);
    EXPECT_EQ(slots.kind(0).reason, "slot start");
    EXPECT_EQ(slots.kind(1).level, 3);
    EXPECT_EQ(slots.kind(2).kind, "unbacked");
    EXPECT_EQ(slots.space().notes,
              (std::vector<std::string>{
                  "slot 0x80200000: 7 runs behind the first ones are not in the input",
                  "slot 0x90000000: for 2 MiB: do this, and do that"}));
    ASSERT_EQ(slots.data().reasons.size(), 1U);
    const ReportReasons& reasons = slots.data().reasons[0];
    EXPECT_TRUE(reasons.in_bytes);
    ASSERT_EQ(reasons.rows.size(), 3U);
    EXPECT_EQ(reasons.rows[0].bytes, 0x20'0000U);
    EXPECT_EQ(reasons.rows[0].amount, 0x20'0000U);
    EXPECT_EQ(reasons.rows[2].bytes, 0U);

    const Read fault = read(R"({"table": {"granule": 65536, "ipa_bits": 40, "initial_level": 2},
        "fault": "0x80001000", "mapping": {"ipa": "0x80000000", "pa": "0x100000000",
        "bytes": 536870912, "contiguous_bytes": 536870912, "limited_by": "geometry"}})");
    ASSERT_TRUE(fault.added) << fault.added.error();
    EXPECT_EQ(fault.space().runs.at(0).pa, 0x1'0000'0000U);
    EXPECT_EQ(fault.kind(0).level, 2);
}

constexpr const char* run_report = R"({"version": 1,
    "guest": {"name": "linux", "state": "stopped", "reason": "no memory", "cpus": 2,
              "memory_bytes": 1073741824, "extent_bytes": 2097152},
    "geometry": {"granule_bytes": 4096, "ipa_bits": 40, "initial_level": 1},
    "mappings": [{"level": 2, "size": 2097152, "count": 3, "contiguous": 2}],
    "faults": [{"kind": "translation", "count": 5}],
    "chosen": [{"level": 2, "limited_by": "slot end", "count": 4},
               {"level": 2, "limited_by": "cap", "count": 1},
               {"level": 77, "limited_by": "cap", "count": 9}])";

TEST(ReportSource, ARunHasFaultsAndReasons) {
    const Read run = read(std::string{run_report} + "}");
    ASSERT_TRUE(run.added) << run.added.error();
    EXPECT_TRUE(run.data().spaces.empty());
    EXPECT_EQ(run.data().sources[0].facts.at(0).value, "linux, stopped (no memory)");
    ASSERT_EQ(run.data().mapped.size(), 1U);
    EXPECT_EQ(run.data().mapped[0].sizes[0].mapped_bytes, 0x60'0000U);
    EXPECT_EQ(run.data().mapped[0].sizes[0].contiguous_bytes, 0x40'0000U);
    ASSERT_EQ(run.data().faults.size(), 1U);
    ASSERT_EQ(run.data().faults[0].sizes.size(), 1U);
    EXPECT_EQ(run.data().faults[0].sizes[0].faults, 5U);
    ASSERT_EQ(run.data().reasons.size(), 1U);
    EXPECT_FALSE(run.data().reasons[0].in_bytes);
    EXPECT_EQ(run.data().reasons[0].rows.size(), 2U);
}

TEST(ReportSource, ARunWithRunsHasASpace) {
    const Read run =
        read(std::string{run_report} + R"(, "runs": [)" + block + R"(], "runs_left_out": 3})");
    ASSERT_TRUE(run.added) << run.added.error();
    ASSERT_EQ(run.data().spaces.size(), 1U);
    EXPECT_EQ(run.space().runs.size(), 1U);
    EXPECT_EQ(run.space().notes,
              std::vector<std::string>{"3 runs behind the last one are not in the report"});
    // The report's own sums, which leave nothing out.
    ASSERT_EQ(run.data().mapped.size(), 1U);
    EXPECT_EQ(run.data().mapped[0].sizes[0].bytes, 0x20'0000U);
}

TEST(ReportSource, ARunOfSeveralGuestsHasASpaceForEach) {
    const std::string runs = std::string{R"(, "runs": [)"} + block + "]";
    const Read run = read(run_report + runs + R"(, "others": [)" + run_report + runs + "}, " +
                          run_report + R"(, "runs": []}]})");
    ASSERT_TRUE(run.added) << run.added.error();
    const ReportData& data = run.data();
    ASSERT_EQ(data.spaces.size(), 2U); // the third has nothing mapped
    EXPECT_EQ(data.spaces[0].name, "input: linux");
    EXPECT_EQ(data.spaces[0].runs.size(), 1U);
    EXPECT_EQ(data.spaces[1].runs.size(), 1U);
    EXPECT_EQ(data.mapped.size(), 3U);
    EXPECT_EQ(data.faults.size(), 3U);
    EXPECT_EQ(data.reasons.size(), 3U);
}

// Changes are runs of another kind.
TEST(ReportSource, KvmsFiguresHaveNoAddresses) {
    const Read kvm = read(R"({"tables": [{"vm": "123-4", "nested": "0x5", "notes": ["so"],
        "page_tables": {"mapped": [{"level": 3, "size": 4096, "bytes": 8192},
                                   {"level": 2, "size": 2097152, "bytes": 2097152}]},
        "change": {"runs": [{"kind": "mapped", "start": "0x0"}], "more_runs": 0}},
        {"vm": "5-6", "nested": null, "page_tables": null}],
        "traces": [], "notes": ["a note"]})");
    ASSERT_TRUE(kvm.added) << kvm.added.error();
    EXPECT_TRUE(kvm.data().spaces.empty());
    ASSERT_EQ(kvm.data().mapped.size(), 1U);
    EXPECT_EQ(kvm.data().mapped[0].name, "123-4/nested/0x5");
    EXPECT_EQ(kvm.data().mapped[0].sizes.at(0).bytes, 0x20'0000U);
    EXPECT_EQ(kvm.data().mapped[0].sizes.at(1).entries, 2U);
    EXPECT_EQ(kvm.data().sources[0].notes,
              (std::vector<std::string>{"a note", "123-4/nested/0x5: so"}));
}

TEST(ReportSource, SeveralInputsAreOneReport) {
    ReportSources sources;
    for (const std::string& text : {std::string{run_report} + "}", map_of(block)}) {
        std::istringstream stream{text};
        ASSERT_TRUE(sources.add_text("one", stream));
    }
    EXPECT_EQ(sources.data().sources.size(), 2U);
    EXPECT_EQ(sources.data().mapped.size(), 2U);
    EXPECT_EQ(sources.data().spaces.at(0).source, 1U);
    EXPECT_EQ(sources.data().faults.at(0).source, 0U);
}

std::string page_at(std::uint64_t ipa, std::uint64_t size = 4096, std::uint64_t entries = 1) {
    return fmt::format(R"({{"ipa": "{:#x}", "size": {}, "level": 3, "entries": {},
                            "kind": "leaf", "pa": "0x1000"}})",
                       ipa, size, entries);
}

std::string pages(std::uint64_t count, std::uint64_t distance) {
    std::string runs = page_at(0);
    for (std::uint64_t i = 1; i < count; ++i) {
        runs += ',';
        runs += page_at(i * distance);
    }
    return runs;
}

TEST(ReportSource, WhatMakesNoSenseIsLeftOutAndSaid) {
    const std::string runs[] = {page_at(0x3000),
                                page_at(0x1000),
                                page_at(0x1000),
                                page_at(0x5000, 3 * 4096, 2),
                                page_at(0x5800),
                                page_at(0x9000, 0),
                                page_at(std::uint64_t{1} << 40),
                                page_at(~std::uint64_t{0xfff}),
                                page_at(0x7000, 4096, 0)};
    const Read map = read(map_of(fmt::format("{}", fmt::join(runs, ","))));
    ASSERT_TRUE(map.added) << map.added.error();
    ASSERT_EQ(map.space().runs.size(), 2U);
    EXPECT_EQ(map.space().runs[0].ipa, 0x1000U);
    EXPECT_EQ(map.space().runs[1].ipa, 0x3000U);
    EXPECT_EQ(map.space().skipped,
              (std::vector<std::string>{
                  "1 run is left out: what is before them covers the same addresses",
                  "1 run is left out: beyond the 40-bit IPA space",
                  "5 runs are left out: their size or address is none that such an entry can "
                  "have"}));
    EXPECT_EQ(map.data().mapped[0].sizes.at(0).entries, 2U);
}

TEST(ReportSource, SumsHaveTheRunsThatAreTooMany) {
    const Read map = read(map_of(pages(100, 0x2000)), 10);
    ASSERT_TRUE(map.added);
    EXPECT_EQ(map.space().runs.size(), 10U);
    EXPECT_EQ(map.space().runs_left_out, 90U);
    EXPECT_EQ(map.data().mapped[0].sizes.at(0).entries, 100U);
    EXPECT_EQ(map.space().skipped,
              std::vector<std::string>{
                  "90 runs are left out: a page has no more than 10; sums have them all"});
}

TEST(ReportSource, OtherFormsAreAnError) {
    expect_failure("{}", "expected the JSON of twofold run, map, attach map, kvm or explain");
    expect_failure(R"({"version": 1, "names": []})",
                   "expected the JSON of twofold run, map, attach map, kvm or explain");
    expect_failure(R"({"vtcr": "0", "vttbr": "0", "granule": 8192, "ipa_bits": 40, "runs": []})",
                   "expected granule of 4096, 16384 or 65536, and ipa_bits up to 52");
    expect_failure(R"({"vtcr": "0", "vttbr": "0", "granule": 4096, "ipa_bits": 53, "runs": []})",
                   "expected granule of 4096, 16384 or 65536, and ipa_bits up to 52");
    expect_failure(R"({"cpus": [], "stage2": [{"vmid": 1, "cpus": [0], "walk": null}]})",
                   "expected the JSON of `attach map`, not of `attach walk`");
    for (const std::string& text :
         {map_of("3"), map_of("{}"), map_of(R"({"ipa": 3, "size": 1, "kind": "leaf"})"),
          map_of(R"({"ipa": "0x0", "size": "all", "kind": "leaf"})"),
          std::string{R"({"cpus": [], "stage2": 3})"}, std::string{R"({"cpus": [], "stage2": {}})"},
          std::string{R"({"tables": [3], "traces": []})"},
          std::string{R"({"table": {}, "slots": []})"},
          std::string{R"({"table": [], "slots": []})"},
          std::string{R"({"version": 1, "faults": [], "chosen": 3})"},
          std::string{R"({"version": 1, "faults": [], "geometry": null, "runs": [{}]})"},
          std::string{R"({"version": 1, "faults": [], "run": []})"}}) {
        const Read wrong = read(text);
        EXPECT_TRUE(!wrong.added || wrong.data().empty()) << text;
    }
    const Read elsewhere = read("a poem\nof two lines\n");
    ASSERT_FALSE(elsewhere.added);
    EXPECT_EQ(elsewhere.added.error(),
              "input: expected stage2_page_tables of KVM or a trace with kvm_guest_fault, and no "
              "line is of either");
}

TEST(ReportSource, BrokenJsonIsAnError) {
    const std::string cut = std::string{map_head} + block;
    expect_failure(cut, fmt::format("no JSON at byte {}", cut.size() + 1));
    expect_failure("{\"a\": nul}", "no JSON at byte 10");
    expect_failure(std::string("{\0}", 3), "no JSON at byte 2");
    expect_failure("{\"a\": \"\xff\"}", "no JSON at byte 8");
    expect_failure("{} {}", "no JSON at byte 4");
    expect_failure(R"({"a": 1e300})", "a number is too large");
}

TEST(ReportSource, HugeInputsAreBounded) {
    constexpr std::size_t many = std::size_t{16} << 20;
    expect_failure(fmt::format(R"({{"a": "{}"}})", std::string(many, 'x')),
                   "a string is longer than 65536 bytes");
    expect_failure(fmt::format(R"({{"{}": 1}})", std::string(many, 'x')),
                   "an object has more than 4096 keys, or long ones");
    expect_failure(fmt::format(R"({{"a": {}}})", std::string(many, '[')),
                   "it is more than 32 levels deep");
    std::string keys = "{\"a\": 0";
    for (int i = 0; i < 5000; ++i) {
        keys += fmt::format(",\"k{}\":0", i);
    }
    expect_failure(keys + "}", "an object has more than 4096 keys, or long ones");
    std::string values = "{\"a\": [0";
    for (int i = 0; i < 1'100'000; ++i) {
        values += ",{}";
    }
    expect_failure(values + "]}", "there are more than 1000000 values beside runs");
    const Read line = read(std::string(many, '0'));
    ASSERT_FALSE(line.added);
    const Read zeros = read(std::string(many, '\0'));
    ASSERT_FALSE(zeros.added);
}

// What a run has in it does not count as a value beside runs.
TEST(ReportSource, ManyRunsAreNotManyValues) {
    const Read map = read(map_of(pages(250'000, 4096)));
    ASSERT_TRUE(map.added) << map.added.error();
    EXPECT_EQ(map.space().runs.size(), 250'000U);
}

} // namespace
} // namespace twofold::tool
