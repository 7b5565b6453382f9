// SPDX-License-Identifier: MIT
// Each allocation of each operation fails in turn: nothing changes, nothing leaks, and what was
// owed before is still owed.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace twofold::test {
namespace {

using Result = std::expected<void, Error>;

MapRequest request(std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
                   std::uint64_t max_size = ~std::uint64_t{0}) {
    return {.ipa = Ipa{ipa},
            .pa = Pa{pa},
            .length = length,
            .attributes = with(Permissions::rwx()),
            .max_size = max_size};
}

struct Case {
    const char* name = {};
    GeometryRequest geometry = {};
    std::function<void(Machine&)> before = {}; // leaves something owed in a few
    std::function<Result(Machine&)> run = {};
    unsigned tables = {}; // that the operation takes, by hand
};

void nothing(Machine&) {}
void one_gib(Machine& m) { (void)m.table.map(request(GiB, 0x80'0000'0000, GiB), m.owed); }
void three_gib(Machine& m) { (void)m.table.map(request(GiB, 0x80'0000'0000, 3 * GiB), m.owed); }

const Case cases[] = {
    {"first page", three_levels(), nothing,
     [](Machine& m) { return m.table.map(request(0x4000'0000, 0, 4 * KiB), m.owed); }, 2},
    {"first page of five levels", five_levels(), nothing,
     [](Machine& m) { return m.table.map(request(0x4000'0000, 0, 4 * KiB), m.owed); }, 4},
    {"first page, if absent", three_levels(), nothing,
     [](Machine& m) { return m.table.map_if_absent(request(0x4000'0000, 0, 4 * KiB)); }, 2},
    {"page beside another", three_levels(),
     [](Machine& m) { (void)m.table.map(request(0x4000'0000, 0, 4 * KiB), m.owed); },
     [](Machine& m) { return m.table.map(request(0x4020'0000, 0, 4 * KiB), m.owed); }, 1},
    // A table over each GiB, and pages at both ends.
    {"pages at both ends of 2 GiB", three_levels(), nothing,
     [](Machine& m) {
         return m.table.map(request(0x4000'1000, 0x80'0000'1000, 2 * GiB - 8 * KiB), m.owed);
     },
     4},
    // One table over 16 MiB, and 8 of pages.
    {"pages by max_size", three_levels(), nothing,
     [](Machine& m) { return m.table.map(request(GiB, 0, 16 * MiB, 4 * KiB), m.owed); }, 9},
    {"pages by misalignment, over a boundary of 1 GiB", three_levels(), nothing,
     [](Machine& m) {
         return m.table.map_if_absent(request(2 * GiB - 4 * MiB, 0x80'0000'1000, 8 * MiB));
     },
     6},
    // 1 + 1: a table of 2 MiB blocks, one of pages.
    {"page over a block", three_levels(), one_gib,
     [](Machine& m) { return m.table.map(request(0x4020'1000, 0, 4 * KiB), m.owed); }, 2},
    // Both ends of the range in one block: a table of blocks, two of pages.
    {"range inside a block", three_levels(), one_gib,
     [](Machine& m) { return m.table.map(request(0x4010'0000, 0x90'0010'0000, 4 * MiB), m.owed); },
     3},
    {"range across three blocks", three_levels(), three_gib,
     [](Machine& m) {
         return m.table.map(request(0x7ff0'0000, 0x90'3ff0'0000, GiB + 2 * MiB), m.owed);
     },
     4},
    // A table over the GiB, and 512 x 2 MiB need no more.
    {"blocks over a larger block", three_levels(), one_gib,
     [](Machine& m) { return m.table.map(request(GiB, 0x80'0000'0000, GiB, 2 * MiB), m.owed); }, 1},
    {"unmap of a page in a block", three_levels(), one_gib,
     [](Machine& m) { return m.table.unmap(Ipa{0x4020'1000}, 4 * KiB, m.owed); }, 2},
    {"unmap of a page in a block of 512 GiB", five_levels(),
     [](Machine& m) { (void)m.table.map(request(0, 0, 512 * GiB), m.owed); },
     [](Machine& m) { return m.table.unmap(Ipa{0x4020'1000}, 4 * KiB, m.owed); }, 3},
    {"unmap that cuts two blocks", three_levels(), three_gib,
     [](Machine& m) { return m.table.unmap(Ipa{0x7fff'f000}, GiB + 8 * KiB, m.owed); }, 4},
    {"protect of a page in a block", three_levels(), one_gib,
     [](Machine& m) {
         return m.table.protect(Ipa{0x4020'1000}, 4 * KiB, Permissions::r(), m.owed);
     },
     2},
    {"protect that cuts two blocks", three_levels(), three_gib,
     [](Machine& m) {
         return m.table.protect(Ipa{0x7fff'f000}, GiB + 8 * KiB, Permissions::r(), m.owed);
     },
     4},
    {"64K: page of a block of 4 TiB",
     {.granule = Granule::k64, .ipa_bits = 52},
     [](Machine& m) { (void)m.table.map(request(0, 0, 4 * TiB), m.owed); },
     [](Machine& m) { return m.table.unmap(Ipa{0x8001'0000}, 64 * KiB, m.owed); },
     2},
    {"16K LPA2: page of a block of 64 GiB",
     {.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true},
     [](Machine& m) { (void)m.table.map(request(0, 0, 64 * GiB), m.owed); },
     [](Machine& m) { return m.table.unmap(Ipa{0x8000'4000}, 16 * KiB, m.owed); },
     2},
    {"with something owed already", three_levels(),
     [](Machine& m) {
         three_gib(m);
         (void)m.table.map(request(0x1'0000'0000, 0, 4 * KiB), m.owed);
         (void)m.table.unmap(Ipa{0x1'0000'0000}, 4 * KiB, m.owed); // two tables to free
         (void)m.table.unmap(Ipa{GiB}, GiB, m.owed);
     },
     [](Machine& m) { return m.table.map(request(0x4000'0000, 0, 2 * GiB - 4 * KiB), m.owed); }, 2},
};

TEST(MemoryFailure, EachAllocationInTurn) {
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        Machine m{full_features(), c.geometry, 2 * MiB};
        c.before(m);
        const auto memory = m.memory();
        const auto leaves = m.leaves();
        const std::size_t live = m.port.live();
        const std::vector<InvalidationRange> ranges{m.owed.ranges().begin(), m.owed.ranges().end()};
        const std::uint64_t to_free = m.owed.tables_to_free();
        const TableCounters counters = m.table.counters();
        unsigned invalidations = 0;
        m.port.on_invalidate = [&](const Invalidation&) { ++invalidations; };
        unsigned failures = 0;
        for (;; ++failures) {
            ASSERT_LE(failures, c.tables);
            SCOPED_TRACE(failures);
            m.port.allocations_until_failure = failures;
            const Result result = c.run(m);
            if (result) {
                break;
            }
            ASSERT_EQ(result.error(), Error::out_of_memory);
            ASSERT_EQ(m.port.live(), live);
            ASSERT_TRUE(m.memory() == memory);
            ASSERT_EQ(invalidations, 0U);
            ASSERT_EQ(
                (std::vector<InvalidationRange>{m.owed.ranges().begin(), m.owed.ranges().end()}),
                ranges);
            ASSERT_EQ(m.owed.tables_to_free(), to_free);
            ASSERT_EQ(m.table.counters().tables, counters.tables);
            ASSERT_EQ(m.table.counters().tables_made, counters.tables_made);
            ASSERT_EQ(m.table.counters().breaks, counters.breaks);
        }
        // With one allocation fewer than it needs it fails; with all of them it succeeds, and
        // none was taken for nothing.
        EXPECT_EQ(failures, c.tables);
        EXPECT_EQ(m.port.failures, c.tables);
        m.table.discharge(m.owed);
        EXPECT_EQ(m.port.live(), 1 + m.table.counters().tables);
        EXPECT_NE(m.leaves(), leaves);
        // All that was made is freed again when everything goes.
        const std::uint64_t limit = std::uint64_t{1} << c.geometry.ipa_bits;
        ASSERT_TRUE(m.table.unmap(Ipa{0}, limit, m.owed));
        m.table.discharge(m.owed);
        EXPECT_EQ(m.port.live(), 1U);
        EXPECT_EQ(m.table.counters().tables, 0U);
    }
}

TEST(MemoryFailure, WhatNeedsNoTableCannotFail) {
    Machine m{full_features(), three_levels()};
    three_gib(m);
    m.port.allocations_until_failure = 0;
    EXPECT_TRUE(m.table.map(request(GiB, 0x90'0000'0000, 2 * GiB), m.owed));
    EXPECT_TRUE(m.table.protect(Ipa{GiB}, GiB, Permissions::r(), m.owed));
    EXPECT_TRUE(m.table.relax(Ipa{GiB}, Permissions::rwx(), m.owed));
    EXPECT_TRUE(m.table.make_young(Ipa{GiB}));
    EXPECT_TRUE(m.table.unmap(Ipa{0}, 4 * GiB, m.owed));
    EXPECT_TRUE(m.table.map_if_absent(request(0x10'0000'0000, 0, GiB)));
    EXPECT_EQ(m.port.failures, 0U);
}

TEST(MemoryFailure, NoRootNoTable) {
    HostPort port{Machine::arena_base, 2 * MiB};
    port.allocations_until_failure = 0;
    const auto geometry = *Geometry::make(full_features(), three_levels());
    const auto root = Stage2<HostPort>::allocate_root(port, geometry);
    ASSERT_FALSE(root);
    EXPECT_EQ(root.error(), Error::out_of_memory);
    EXPECT_EQ(port.live(), 0U);
}

} // namespace
} // namespace twofold::test
