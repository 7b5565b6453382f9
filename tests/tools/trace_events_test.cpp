// SPDX-License-Identifier: MIT
// What becomes of the hypervisor's records: a trace-event file, whatever the records are.
#include "tools/run/temporary_folder.hpp"
#include "tools/trace/trace_events.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace twofold::tool {
namespace {

using Json = nlohmann::json;

// VTCR_EL2 of a 40-bit table of the 4K granule from level 1.
constexpr TraceHeader header{.record_bytes = 64,
                             .cpus = 2,
                             .frequency = 62'500'000, // 16 ns a tick
                             .origin = 1000,
                             .vtcr = 0x806d'3558};

template <class Detail>
TraceRecord record(TraceKind kind, std::uint8_t cpu, std::uint64_t begin, std::uint64_t end,
                   const Detail& detail, std::uint64_t ipa = 0, std::uint64_t size = 0) {
    TraceRecord result{
        .begin = begin, .end = end, .ipa = ipa, .size = size, .kind = kind, .cpu = cpu};
    result.set(detail);
    return result;
}
TraceRecord end_record(std::uint64_t dropped = 0) {
    return record(TraceKind::end, 0, 9000, 9000, TraceRecord::End{.dropped = dropped});
}

class Trace {
public:
    Trace() : folder_{*TemporaryFolder::make()} {}

    void write(const TraceHeader& head, const std::vector<TraceRecord>& records,
               std::size_t bytes_less = 0) {
        std::string text(sizeof(head), '\0');
        std::memcpy(text.data(), &head, sizeof(head));
        for (const TraceRecord& one : records) {
            text.append(reinterpret_cast<const char*>(&one), sizeof(one));
        }
        text.resize(text.size() - bytes_less);
        write(text);
    }
    void write(std::string_view text) { std::ofstream{path(), std::ios::binary} << text; }
    std::filesystem::path path() const { return folder_.path() / "trace.bin"; }

    // The events without the names of process and tracks, of which there have to be `cpus` + 1.
    Json events(std::size_t cpus = 2) {
        auto file = TraceFile::open(path());
        EXPECT_TRUE(file) << file.error();
        std::ostringstream stream;
        std::vector<GuestTrace> traces;
        traces.push_back({"linux", std::move(*file)});
        summary = write_trace_events(traces, stream);
        document = Json::parse(stream.str());
        Json all = document.at("traceEvents");
        for (std::size_t i = 0; i <= cpus; ++i) {
            EXPECT_EQ(all.at(0).at("ph"), "M");
            all.erase(0);
        }
        return all;
    }
    TraceSummary summary;
    Json document;

private:
    TemporaryFolder folder_;
};

TEST(TraceEvents, GuestsAreGroupsOfTracksOnOneClock) {
    const auto work = [](std::uint64_t begin) {
        return record(TraceKind::work, 0, begin, begin + 125, TraceRecord::Work::of("age"));
    };
    Trace first;
    first.write(header, {work(1125), end_record(2)});
    Trace second;
    TraceHeader later = header;
    later.origin = 2000;
    later.cpus = 1;
    second.write(later, {work(2250), work(3000), end_record(1)});
    Trace third;
    third.write(later, {work(2125)});
    std::vector<GuestTrace> traces;
    const auto add = [&traces](const char* guest, const Trace& trace) {
        auto file = TraceFile::open(trace.path());
        ASSERT_TRUE(file) << file.error();
        traces.push_back({guest, std::move(*file)});
    };
    add("linux", first);
    add("vm2", second);
    add("vm3", third);
    std::ostringstream stream;
    const TraceSummary summary = write_trace_events(traces, stream);
    EXPECT_EQ(summary.events(), 4U);
    EXPECT_EQ(summary.dropped, 3U);
    EXPECT_EQ(summary.why_over, "the trace has no end: the machine was stopped before");

    const Json document = Json::parse(stream.str());
    std::vector<std::string> names;
    std::vector<std::vector<double>> times(4);
    for (const Json& event : document.at("traceEvents")) {
        if (event.at("name") == "process_name") {
            names.push_back(event.at("args").at("name"));
            EXPECT_EQ(event.at("pid"), names.size());
        } else if (event.at("ph") == "X") {
            times.at(event.at("pid").get<std::size_t>()).push_back(event.at("ts"));
        }
    }
    EXPECT_EQ(names, (std::vector<std::string>{"stage 2 of guest linux", "stage 2 of guest vm2",
                                               "stage 2 of guest vm3"}));
    // From tick 1000 on, at 16 ns.
    EXPECT_EQ(times, (std::vector<std::vector<double>>{{}, {2}, {20, 32}, {18}}));
    EXPECT_EQ(document.at("otherData").at("events"), 4);
    EXPECT_EQ(document.at("otherData").at("left_out"), 3);
}

TEST(TraceEvents, AFaultAndWhatItDid) {
    Trace trace;
    trace.write(header,
                {record(TraceKind::split, 1, 1200, 1200, TraceRecord::Size{.leaf = 4 * KiB},
                        0x4020'0000, 2 * MiB),
                 record(TraceKind::tlbi, 1, 1300, 1300,
                        TraceRecord::Tlbi{.operand = 6ULL << 44 | 0x40200, // TTL: 4K, level 2
                                          .kind = TlbiKind::ipas2,
                                          .scope = InvalidationScope::inner_shareable,
                                          .last_level = true}),
                 record(TraceKind::fault, 1, 1125, 1500,
                        TraceRecord::Fault{.pa = 0x8020'5000,
                                           .pc = 0xffff'8000'0001'0000,
                                           .kind = FaultKind::permission,
                                           .access = AccessKind::write,
                                           .outcome = Outcome::resume,
                                           .action = FaultAction::split,
                                           .limited_by = LimitedBy::dirty_logging},
                        0x4020'5008, 4 * KiB),
                 end_record()});
    EXPECT_EQ(trace.events(), Json::parse(R"([
        {"name": "write: split, 4 KiB", "cat": "fault", "ph": "X", "pid": 1, "tid": 1, "ts": 2.0, "dur": 6.0,
         "args": {"ipa": "0x40205008", "pa": "0x80205000", "pc": "0xffff800000010000", "fault": "permission",
                  "outcome": "resume", "action": "split", "size": 4096, "limited_by": "dirty logging",
                  "pages_around": 0}},
        {"name": "split of 2 MiB into 4 KiB", "cat": "size", "ph": "i", "pid": 1, "tid": 1, "ts": 3.2, "s": "t",
         "args": {"ipa": "0x40200000", "size": 2097152, "leaf": 4096, "because": "write: split, 4 KiB"}},
        {"name": "TLBI IPAS2LE1IS", "cat": "tlbi", "ph": "i", "pid": 1, "tid": 1, "ts": 4.8, "s": "t",
         "args": {"operand": "0x600000040200", "covers": "IPA 0x40200000, 4K granule, level 2 only",
                  "because": "write: split, 4 KiB"}}])"));
    EXPECT_EQ(trace.document.at("otherData"),
              Json::parse(R"({"events": 3, "left_out": 0, "incomplete": null,
                              "ticks_per_second": 62500000, "vtcr": "0x806d3558"})"));
    EXPECT_EQ(trace_words(trace.summary, "t.json"),
              "trace: 3 events in t.json: 1 fault, 1 TLBI, 1 split, 0 collapses\n");
}

TEST(TraceEvents, AMarkBelongsToTheSliceAroundItOnItsCpu) {
    Trace trace;
    const auto collapse = [](std::uint8_t cpu, std::uint64_t tick) {
        return record(TraceKind::collapse, cpu, tick, tick, TraceRecord::Size{.leaf = 2 * MiB},
                      0x4000'0000, GiB);
    };
    trace.write(header, {collapse(0, 1010), collapse(1, 1020), collapse(0, 1150),
                         record(TraceKind::work, 0, 1100, 1200, TraceRecord::Work::of("collapse")),
                         collapse(0, 1300), end_record()});
    const Json events = trace.events();
    ASSERT_EQ(events.size(), 5U);
    std::vector<std::string> told;
    for (const Json& event : events) {
        if (event.at("ph") == "i") {
            told.push_back(fmt::format("{} {} {}", event.at("tid").get<int>(),
                                       event.at("ts").get<double>(),
                                       event.at("args").at("because").dump()));
            EXPECT_EQ(event.at("name"), "collapse of 2 MiB to 1 GiB");
        } else {
            EXPECT_EQ(event.at("name"), "collapse");
            EXPECT_EQ(event.at("cat"), "work");
        }
    }
    std::ranges::sort(told);
    // Ticks 1010, 1150, 1300 and 1020.
    EXPECT_EQ(told, (std::vector<std::string>{"0 0.16 null", "0 2.4 \"collapse\"", "0 4.8 null",
                                              "1 0.32 null"}));
}

TEST(TraceEvents, WhatIsNotMappedHasNoSize) {
    Trace trace;
    trace.write(header,
                {record(TraceKind::fault, 0, 1000, 1001,
                        TraceRecord::Fault{
                            .pa = ~0ULL, .kind = FaultKind::translation, .outcome = Outcome::mmio},
                        0x900'0018),
                 end_record(7)});
    const Json event = trace.events().at(0);
    EXPECT_EQ(event.at("name"), "read: mmio");
    EXPECT_EQ(event.at("cat"), "mmio");
    EXPECT_TRUE(event.at("args").at("pa").is_null());
    EXPECT_TRUE(event.at("args").at("size").is_null());
    EXPECT_TRUE(event.at("args").at("limited_by").is_null());
    EXPECT_EQ(trace.summary.dropped, 7U);
    EXPECT_EQ(trace_words(trace.summary, "t.json"),
              "trace: 1 event in t.json: 1 fault, 0 TLBIs, 0 splits, 0 collapses; 7 more left out: "
              "--trace-limit\n");
}

TEST(TraceEvents, NamesOfTlbis) {
    struct Row {
        TraceRecord::Tlbi tlbi;
        const char* name;
    };
    constexpr auto all = InvalidationScope::inner_shareable;
    constexpr auto local = InvalidationScope::local;
    const Row rows[] = {
        {{.kind = TlbiKind::ipas2, .scope = local}, "TLBI IPAS2E1"},
        {{.kind = TlbiKind::ripas2, .scope = all, .last_level = true}, "TLBI RIPAS2LE1IS"},
        {{.kind = TlbiKind::ripas2, .scope = all, .nxs = true}, "TLBI RIPAS2E1ISnXS"},
        {{.kind = TlbiKind::vmalle1, .scope = local}, "TLBI VMALLE1"},
        {{.kind = TlbiKind::vmalls12, .scope = all}, "TLBI VMALLS12E1IS"},
    };
    for (const Row& row : rows) {
        Trace trace;
        trace.write(header, {record(TraceKind::tlbi, 0, 1000, 1000, row.tlbi), end_record()});
        EXPECT_EQ(trace.events().at(0).at("name"), row.name);
    }
}

TEST(TraceEvents, ATraceWithoutItsEndIsTold) {
    const TraceRecord one = record(TraceKind::work, 0, 1000, 1001, TraceRecord::Work::of("age"));
    for (const std::size_t missing : {std::size_t{0}, std::size_t{1}, sizeof(TraceRecord) - 1}) {
        Trace trace;
        trace.write(header, {one, one}, missing);
        EXPECT_EQ(trace.events().size(), missing == 0 ? 2U : 1U);
        EXPECT_EQ(trace.summary.why_over, "the trace has no end: the machine was stopped before");
        EXPECT_EQ(trace.document.at("otherData").at("incomplete"), trace.summary.why_over);
    }
}

TEST(TraceEvents, WhatMakesNoSenseEndsIt) {
    const TraceRecord good = record(TraceKind::work, 0, 1000, 1001, TraceRecord::Work::of("age"));
    std::vector<TraceRecord> bad(6, good);
    bad[0].end = 999;
    bad[1].cpu = 2;
    bad[2].kind = static_cast<TraceKind>(trace_kind_count);
    bad[3].kind = TraceKind::fault;
    bad[3].detail[16] = std::byte{200}; // FaultKind
    bad[4].kind = TraceKind::fault;
    bad[4].detail = {};
    bad[4].detail[20] = std::byte{13}; // LimitedBy has 13, from 0
    bad[5].kind = TraceKind::tlbi;
    bad[5].detail = {};
    bad[5].detail[10] = std::byte{2}; // a bool
    for (const TraceRecord& one : bad) {
        Trace trace;
        trace.write(header, {good, one, good, end_record()});
        EXPECT_EQ(trace.events().size(), 1U);
        EXPECT_EQ(trace.summary.why_over,
                  "the trace has a record that makes no sense; it ends there");
    }
}

TEST(TraceEvents, WorkCannotNameItselfAnything) {
    Trace trace;
    trace.write(header, {record(TraceKind::work, 0, 1000, 1001,
                                TraceRecord::Work::of("\"}]\x01\xff</script> and so on and on")),
                         end_record()});
    EXPECT_EQ(trace.events().at(0).at("name"), "\"}]\?\?</script> and so on");
}

TEST(TraceEvents, FilesThatAreNoTraces) {
    Trace trace;
    const auto error = [&] { return TraceFile::open(trace.path()).error(); };
    EXPECT_EQ(error(), "the hypervisor sent no trace");
    for (const std::string_view text :
         {"", "2foldtr1", "something that is long enough for a header"}) {
        trace.write(text);
        EXPECT_EQ(error(), "the hypervisor's trace does not begin as one");
    }
    TraceHeader other = header;
    other.record_bytes = 56;
    trace.write(other, {});
    EXPECT_EQ(error(), "the hypervisor's trace does not begin as one");
    other = header;
    other.frequency = 0;
    trace.write(other, {});
    EXPECT_EQ(error(), "the hypervisor's trace has no CPU or no clock");
}

// A guest may write what it likes.
TEST(TraceEvents, NoiseIsNeverMoreThanNoise) {
    std::mt19937_64 random{7};
    for (unsigned round = 0; round < 300; ++round) {
        std::vector<TraceRecord> records(20);
        for (TraceRecord& one : records) {
            one = record(static_cast<TraceKind>(random() % trace_kind_count),
                         static_cast<std::uint8_t>(random() % 2), 1000, 1000 + random() % 5,
                         TraceRecord::End{}, random(), random());
            for (unsigned i = 0; i < 4; ++i) {
                one.detail[random() % one.detail.size()] = static_cast<std::byte>(random() % 8);
            }
        }
        Trace trace;
        TraceHeader odd = header;
        odd.vtcr = random();
        trace.write(odd, records);
        EXPECT_LE(trace.events().size(), 20U);
    }
}

} // namespace
} // namespace twofold::tool
