// SPDX-License-Identifier: MIT
// Traces of kvm_guest_fault, in the forms of ftrace, trace-cmd and perf.
#include "sample_files.hpp"
#include "tools/kvm/kvm_source.hpp"
#include "tools/kvm/kvm_words.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

NamedTrace trace_of(const std::string& text) {
    KvmSource source = read_kvm_text("trace", text, {});
    EXPECT_EQ(source.traces.size(), 1U);
    return source.traces.empty() ? NamedTrace{} : source.traces[0];
}

const FaultRow& row(const FaultTrace& trace, FaultKind kind, AccessKind access, Level level,
                    bool device = false) {
    return trace.rows.at(
        {.kind = kind, .access = access, .stage1_walk = false, .level = level, .device = device});
}

// Two faults on 1 GiB, each 144 ms until the guest runs on, and a write to a device.
TEST(FaultTrace, ColdWritesToLargePages) {
    const FaultTrace trace = trace_of(sample("kvm/h1g_2_1__01_trace-cold-write-fault.txt")).trace;
    EXPECT_EQ(trace.faults, 3U);
    EXPECT_EQ(trace.events, 11U);
    EXPECT_EQ(trace.lost, 0U);
    EXPECT_NEAR(trace.duration(), 1.024103 - 0.735455, 1e-9);
    const FaultRow& memory = row(trace, FaultKind::translation, AccessKind::write, 1);
    EXPECT_EQ(memory.count, 2U);
    EXPECT_EQ(memory.regions.size(), 2U);
    EXPECT_EQ(memory.timed, 2U);
    EXPECT_NEAR(memory.longest, 0.879817 - 0.735455, 1e-9);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::write, 1, true).count, 1U);
    ASSERT_EQ(trace.threads.size(), 1U);
    EXPECT_EQ(trace.threads.at("66").name, "vmm-66");
}

// 40 lines, counted with grep by hsr.
TEST(FaultTrace, AGuestThatBoots) {
    const FaultTrace trace = trace_of(sample("kvm/4k__02_trace-head-4k.txt")).trace;
    EXPECT_EQ(trace.faults, 40U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::fetch, 1).count, 1U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::fetch, 2).count, 2U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::fetch, 3).count, 4U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::read, 2).count, 1U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::read, 3).count, 3U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::write, 2).count, 3U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::write, 3).count, 26U);
}

TEST(FaultTrace, AThreadWhoseNameIsLearntLater) {
    const FaultTrace trace = trace_of(sample("kvm/events_1_1__02_trace-events.txt")).trace;
    ASSERT_EQ(trace.threads.size(), 1U);
    EXPECT_EQ(trace.threads.at("46").name, "vmm-46");
    EXPECT_EQ(trace.threads.at("46").faults, 12U);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::read, 1, true).count, 4U);
}

// ESR_EL2: EC 0x24, DFSC 0b001111: a permission fault at level 3, WnR.
TEST(FaultTrace, FormsOfOtherTools) {
    for (const char* const line :
         {"   qemu-system-aar-812   [003]   100.250000: kvm_guest_fault:      ipa 0x80001000, hsr "
          "0x9200004f, hxfar 0xffff800012345678, pc 0xffff800010000000",
          "qemu-system-aar   812 [003]   100.250000: kvm:kvm_guest_fault: ipa 0x80001000, hsr "
          "0x9200004f, hxfar 0xffff800012345678, pc 0xffff800010000000"}) {
        const FaultTrace trace = trace_of(line).trace;
        EXPECT_EQ(row(trace, FaultKind::permission, AccessKind::write, 3).count, 1U) << line;
        EXPECT_EQ(trace.threads.count("812"), 1U);
        EXPECT_EQ(trace.first, 100.25);
    }
}

TEST(FaultTrace, WhatTheKernelLost) {
    const NamedTrace trace = trace_of("# tracer: nop\n"
                                      "# entries-in-buffer/entries-written: 92/100   #P:1\n"
                                      "CPU:0 [LOST 5 EVENTS]\n"
                                      "  vmm-66 [000] ..... 1.0: kvm_guest_fault: ipa 0x1000, hsr "
                                      "0x92000047, hxfar 0x0, pc 0x0\n");
    EXPECT_EQ(trace.trace.lost, 13U);
    EXPECT_NE(trace_text(trace, Granule::k4).find("the kernel lost 13 events"), std::string::npos);
}

TEST(FaultTrace, LinesThatAreNotAsTheyShouldBe) {
    const NamedTrace named =
        trace_of("  vmm-66 [000] ..... 12345: kvm_guest_fault: ipa 0x1000, hsr 0x92000047, hxfar "
                 "0x0, pc 0x0\n"
                 "  vmm-66 [000] ..... 1.5: kvm_guest_fault: ipa 0x1000\n"
                 "  vmm-66 [000] ..... 1.5: kvm_guest_fault: ipa zero, hsr 0x92000047\n"
                 "  vmm-66 [000] ..... 1.5: kvm_guest_fault: ipa 0x0, hsr 0x56000000\n"
                 "  vmm-66 [000] ..... 1.5: kvm_guest_fault: " +
                 std::string(16 << 20, 'x') + "\n");
    const FaultTrace& trace = named.trace;
    EXPECT_EQ(trace.faults, 1U);
    EXPECT_EQ(trace.unreadable, 4U);
    EXPECT_EQ(trace.first_unreadable, 2U);
    EXPECT_FALSE(trace.clock_is_seconds);
    EXPECT_TRUE(trace_json(named, Granule::k4).at("seconds").is_null());
}

TEST(FaultTrace, ThreadsAndRegionsAreBounded) {
    std::string text;
    for (unsigned i = 0; i < 6000; ++i) {
        text += fmt::format("x-{0} [0] . 1.{0:06}: kvm_guest_fault: ipa {0:#x}000, hsr 0x92000047, "
                            "hxfar 0x0\n",
                            i);
    }
    const FaultTrace trace = trace_of(text).trace;
    EXPECT_EQ(trace.faults, 6000U);
    EXPECT_EQ(trace.threads.size(), most_threads);
    EXPECT_EQ(trace.other_threads, 6000 - most_threads);
    EXPECT_EQ(row(trace, FaultKind::translation, AccessKind::write, 3).count, 6000U);
}

TEST(FaultTrace, JsonHasAStableShape) {
    const auto json = trace_json(
        trace_of("  vmm-66 [000] ..... 1.0: kvm_guest_fault: ipa 0x1000, hsr 0x92000047, hxfar "
                 "0x0, pc 0x0\n"
                 "  vmm-66 [000] ..... 1.5: kvm_entry: PC: 0x0\n"
                 "  vmm-66 [000] ..... 3.0: kvm_guest_fault: ipa 0x1fff, hsr 0x92000047, hxfar "
                 "0x0, pc 0x0\n"),
        Granule::k4);
    EXPECT_EQ(json, nlohmann::ordered_json::parse(R"({
        "name": "trace", "faults": 2, "events": 3, "seconds": 2.0,
        "rows": [{"kind": "translation", "level": 3, "access": "write", "stage1_walk": false,
                  "emulated": false, "region_bytes": 4096, "faults": 2, "rate": 1.0, "regions": 1,
                  "regions_exact": true, "timed": 1, "mean_seconds": 0.5, "longest_seconds": 0.5}],
        "by_thread": [{"thread": "vmm-66", "faults": 2}], "other_threads": 0, "lost_events": 0,
        "unreadable_lines": 0, "notes": []})"))
        << json.dump(2);
}

} // namespace
} // namespace twofold::tool
