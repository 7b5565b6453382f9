// SPDX-License-Identifier: MIT
// Traces: what is written is read again, and a run that is checked from its trace gives the same
// as one that is checked at once.
#include "table/adversary.hpp"
#include "trace_replay.hpp"

#include <twofold/table/stage2.hpp>

#include <gtest/gtest.h>

namespace twofold::model::testing {
namespace {

TEST(Trace, LinesAreAsDocumented) {
    struct Case {
        Event event;
        const char* line;
    };
    const TlbiOperation leaf{
        .kind = TlbiKind::ipas2, .last_level = true, .operand = 0x7000'0000'0005};
    const TlbiOperation local{.kind = TlbiKind::ripas2,
                              .scope = InvalidationScope::local,
                              .nxs = true,
                              .operand = 0x4000'0000'0010};
    const Case cases[] = {
        {Event::change(EventKind::exchange, 0, Pa{0x4000'2028}, 0x8000'07db, 2),
         "0 exchange 0x40002028 0x800007db 0x2"},
        {Event::change(EventKind::compare_exchange, 12, Pa{0x10}, 0, ~0ULL),
         "12 cas 0x10 0x0 0xffffffffffffffff"},
        {Event::change(EventKind::hardware_update, 3, Pa{8}, 1, 0x401), "3 hardware 0x8 0x1 0x401"},
        {Event::memory(EventKind::allocate, 1, Pa{0x4000'0000}, 0x1000),
         "1 alloc 0x40000000 0x1000"},
        {Event::of(255, Barrier::dsb_ish_nxs), "255 dsb-ish-nxs"},
        {Event::of(0, Barrier::isb), "0 isb"},
        {Event::of(0, leaf), "0 tlbi ipas2 is leaf xs 0x700000000005"},
        {Event::of(0, local), "0 tlbi ripas2 local all nxs 0x400000000010"},
        {Event::context(2, 0x8000'0000, 0x1'0000'4000'0000),
         "2 context 0x80000000 0x1000040000000"},
        {Event::mark(EventKind::section_begin, 7), "7 enter"},
        {Event::mark(EventKind::all_done, 7), "7 all-done"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(to_line(c.event).text(), c.line);
        EXPECT_EQ(event_of(c.line), c.event) << c.line;
    }
}

void expect_back(const Event& event) {
    EXPECT_EQ(event_of(to_line(event).text()), event) << to_line(event).text();
}

TEST(Trace, EveryKindOfEventComesBack) {
    for (unsigned kind = 0; kind <= static_cast<unsigned>(EventKind::teardown); ++kind) {
        const auto k = static_cast<EventKind>(kind);
        expect_back(k <= EventKind::adopt     ? Event::change(k, 5, Pa{0x1238}, 0x17, 0x19)
                    : k <= EventKind::retire  ? Event::memory(k, 5, Pa{0x1000}, 0x2000)
                    : k == EventKind::barrier ? Event::of(5, Barrier::dsb_nsh)
                    : k == EventKind::tlbi    ? Event::of(5, {.kind = TlbiKind::vmalle1})
                    : k == EventKind::context ? Event::context(5, 1, 2)
                                              : Event::mark(k, 5));
    }
    for (unsigned kind = 0; kind <= static_cast<unsigned>(Barrier::isb); ++kind) {
        expect_back(Event::of(5, static_cast<Barrier>(kind)));
    }
    for (unsigned kind = 0; kind <= static_cast<unsigned>(TlbiKind::vmalls12); ++kind) {
        for (unsigned flags = 0; flags < 8; ++flags) {
            expect_back(
                Event::of(5, {.kind = static_cast<TlbiKind>(kind),
                              .scope = (flags & 1) != 0 ? InvalidationScope::local
                                                        : InvalidationScope::inner_shareable,
                              .last_level = (flags & 2) != 0,
                              .nxs = (flags & 4) != 0,
                              .operand = 0x1234'5678'9abc}));
        }
    }
}

TEST(Trace, WhatIsNoEvent) {
    for (const char* line : {"",
                             "0",
                             "0 ",
                             "x isb",
                             "0 isb ",
                             "0 isb 1",
                             "0  isb",
                             "256 isb",
                             "0 barrier",
                             "0 jump",
                             "0 store 0x1 0x2",
                             "0 store 1 0x2 0x3",
                             "0 store 0x1 0x2 0x3 0x4",
                             "0 store 0x 0x2 0x3",
                             "0 store 0x1 0x2 0xG",
                             "0 store 0x1 0x2 0x12345678123456789",
                             "0 tlbi ipas2 is leaf xs",
                             "0 tlbi all is leaf xs 0x0",
                             "0 tlbi ipas2 os leaf xs 0x0",
                             "# comment"}) {
        EXPECT_FALSE(event_of(line)) << line;
    }
    for (const char* line : {"", "twofold-trace 2 4k ipa 40 pa 40 levels 3 vmid 1 bbm 0",
                             "twofold-trace 1 4k ipa 40 pa 40 levels 3 vmid 1 bbm 0 fast",
                             "twofold-trace 1 4k ipa 60 pa 40 levels 3 vmid 1 bbm 0",
                             "twofold-trace 1 4k ipa 40 pa 40 levels 1 vmid 1 bbm 0"}) {
        EXPECT_FALSE(config_of(line)) << line;
    }
}

void expect_back(const CheckerConfig& config) {
    SCOPED_TRACE(header_line(config).text());
    const auto back = config_of(header_line(config).text());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->geometry, config.geometry);
    EXPECT_EQ(back->vmid, config.vmid);
    EXPECT_EQ(back->bbm, config.bbm);
    EXPECT_EQ(back->xnx, config.xnx);
    EXPECT_EQ(back->fwb, config.fwb);
    EXPECT_EQ(back->ttl, config.ttl);
    EXPECT_EQ(back->tlbi_range, config.tlbi_range);
    EXPECT_EQ(back->xs, config.xs);
    EXPECT_EQ(back->hardware_access_flag, config.hardware_access_flag);
    EXPECT_EQ(back->hardware_dirty_state, config.hardware_dirty_state);
    EXPECT_EQ(back->publish_needs_mark, config.publish_needs_mark);
}

TEST(Trace, TheHeaderSaysWhatTheCheckerHasToKnow) {
    for (const Geometry& g : test::every_geometry(test::full_features())) {
        expect_back(CheckerConfig::of(g, test::full_features(), 77));
    }
    const Geometry geometry =
        *Geometry::make(test::full_features(), {.granule = Granule::k4, .ipa_bits = 40});
    bool CheckerConfig::*const flags[] = {&CheckerConfig::xnx,
                                          &CheckerConfig::fwb,
                                          &CheckerConfig::ttl,
                                          &CheckerConfig::tlbi_range,
                                          &CheckerConfig::xs,
                                          &CheckerConfig::hardware_access_flag,
                                          &CheckerConfig::hardware_dirty_state,
                                          &CheckerConfig::publish_needs_mark};
    for (const auto flag : flags) {
        CheckerConfig config{.geometry = geometry};
        config.*flag = true;
        expect_back(config);
    }
    for (const unsigned bbm : {1U, 2U}) {
        expect_back({.geometry = geometry, .bbm = bbm});
    }
}

// The trace of an engine at work: map, break a block for a part of it, unmap all.
std::vector<std::string> trace_of_a_run() {
    const CpuFeatures features = test::full_features();
    const Geometry geometry = *Geometry::make(features, {.granule = Granule::k4, .ipa_bits = 36});
    test::HostPort port{Pa{0x8000'0000}, 4 * MiB};
    test::Adversary adversary{port, geometry, features};
    std::vector<std::string> lines{std::string{header_line(adversary.checker().config()).text()}};
    adversary.port().listen(
        [](void* object, const Event& event) {
            static_cast<std::vector<std::string>*>(object)->emplace_back(to_line(event).text());
        },
        &lines);
    {
        Stage2<test::TestPort> table{
            adversary.port(), geometry, features,
            *Stage2<test::TestPort>::allocate_root(adversary.port(), geometry)};
        adversary.start(table.root());
        Invalidation owed;
        EXPECT_TRUE(table.map({.ipa = Ipa{0}, .pa = Pa{0}, .length = 4 * MiB}, owed));
        EXPECT_TRUE(table.unmap(Ipa{0x5000}, 0x1000, owed));
        table.discharge(owed);
        adversary.expect_clean();
        EXPECT_TRUE(table.unmap(Ipa{0}, 4 * MiB, owed));
        table.discharge(owed);
        adversary.expect_clean();
        adversary.stop();
    }
    EXPECT_TRUE(adversary.failures().empty());
    return lines;
}

TEST(Trace, ARunIsCheckedLater) {
    const std::vector<std::string> lines = trace_of_a_run();
    TraceReplay replay;
    EXPECT_EQ(replay.run(lines), std::nullopt);
    EXPECT_EQ(replay.checker().events(), lines.size() - 1);
    EXPECT_TRUE(replay.reports().empty());
}

TEST(Trace, EveryTlbiOfTheRunIsNeeded) {
    const std::vector<std::string> lines = trace_of_a_run();
    unsigned tlbis = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].find(" tlbi ") != std::string::npos) {
            std::vector<std::string> fewer = lines;
            fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
            TraceReplay replay;
            EXPECT_EQ(replay.run(fewer), std::nullopt);
            EXPECT_FALSE(replay.reports().empty()) << lines[i];
            ++tlbis;
        }
    }
    EXPECT_GE(tlbis, 4U);
}

} // namespace
} // namespace twofold::model::testing
