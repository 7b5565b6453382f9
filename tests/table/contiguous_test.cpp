// SPDX-License-Identifier: MIT
// Contiguous runs: where the bit is set, and what a change of a part or of all does to a run.
#include "machine.hpp"

namespace twofold::test {
namespace {

constexpr std::uint64_t contiguous = std::uint64_t{1} << 52;
constexpr std::uint64_t base = 0x4000'0000;
constexpr std::uint64_t output = 0x80'0000'0000;

struct Shape {
    const char* name = {};
    GeometryRequest request = {};
    std::uint64_t leaf = {};
    std::uint64_t run = {}; // leaves in a run, by the manual's table
};
const Shape shapes[] = {
    {"4K pages", three_levels(), 4 * KiB, 16},
    {"4K, 2M blocks", three_levels(), 2 * MiB, 16},
    {"16K pages", {.granule = Granule::k16, .ipa_bits = 40}, 16 * KiB, 128},
    {"16K, 32M blocks", {.granule = Granule::k16, .ipa_bits = 40}, 32 * MiB, 32},
    {"64K pages", {.granule = Granule::k64, .ipa_bits = 40}, 64 * KiB, 32},
};

void map(Machine& m, std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
         std::uint64_t max_size = ~std::uint64_t{0}, const Attributes& attributes = {}) {
    Attributes a = attributes;
    a.permissions.read = true;
    ASSERT_TRUE(m.table.map(
        {.ipa = Ipa{ipa}, .pa = Pa{pa}, .length = length, .attributes = a, .max_size = max_size},
        m.owed));
}
std::uint64_t marked(Machine& m) {
    std::uint64_t count = 0;
    for (const RawLeaf& leaf : m.marked_leaves()) {
        count += (leaf.raw & contiguous) != 0 ? 1 : 0;
    }
    return count;
}

TEST(Contiguous, AWholeAlignedRunIsMarked) {
    for (const Shape& s : shapes) {
        SCOPED_TRACE(s.name);
        const std::uint64_t run = s.run * s.leaf;
        const std::uint64_t start = 64 * run;
        { // In a new table, and in one that is there.
            Machine m{full_features(), s.request};
            map(m, start, 128 * run, run, run);
            EXPECT_EQ(marked(m), s.run);
            map(m, start + 2 * run, 256 * run, run, run);
            EXPECT_EQ(marked(m), 2 * s.run);
            EXPECT_EQ(m.leaves().size(), 2 * s.run); // looks at each run
            EXPECT_TRUE(m.owed.empty());
        }
        { // One leaf more at each end stands alone.
            Machine m{full_features(), s.request};
            map(m, start - s.leaf, 128 * run - s.leaf, run + 2 * s.leaf, run);
            EXPECT_EQ(marked(m), s.run);
            EXPECT_EQ(m.leaves().size(), s.run + 2);
        }
        { // The caller allows no more than the leaf.
            Machine m{full_features(), s.request};
            map(m, start, 128 * run, run, s.leaf);
            EXPECT_EQ(marked(m), 0U);
        }
        { // The memory is not aligned to a run.
            Machine m{full_features(), s.request};
            map(m, start, 128 * run + s.leaf, run, run);
            EXPECT_EQ(marked(m), 0U);
        }
        { // One leaf short.
            Machine m{full_features(), s.request};
            map(m, start, 128 * run, run - s.leaf, run);
            EXPECT_EQ(marked(m), 0U);
        }
    }
}

// A part of a run changes: it is broken, invalidated as a whole, and stands again without the bit.
TEST(Contiguous, ARunIsLeftBeforeAPartOfItChanges) {
    for (const Shape& s : shapes) {
        for (const std::uint64_t index : {std::uint64_t{0}, s.run / 2, s.run - 1}) {
            SCOPED_TRACE(std::string{s.name} + " " + std::to_string(index));
            const std::uint64_t run = s.run * s.leaf;
            const std::uint64_t start = 64 * run;
            Machine m{full_features(), s.request};
            map(m, start, 128 * run, run, run);
            m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
                EXPECT_TRUE(m.marked_leaves().empty()); // not one of them is valid
                note(all);
            };
            ASSERT_TRUE(m.table.unmap(Ipa{start + index * s.leaf}, s.leaf, m.owed));
            ASSERT_EQ(m.discharged.size(), 1U);
            ASSERT_EQ(m.discharged[0].ranges.size(), 1U);
            EXPECT_EQ(m.discharged[0].ranges[0].start, Ipa{start});
            EXPECT_EQ(m.discharged[0].ranges[0].length, run);
            EXPECT_EQ(marked(m), 0U);
            const auto left = m.marked_leaves();
            ASSERT_EQ(left.size(), s.run - 1);
            for (const RawLeaf& leaf : left) {
                EXPECT_NE(leaf.ipa, start + index * s.leaf);
                EXPECT_EQ(m.translate(leaf.ipa), leaf.ipa + 64 * run);
            }
            EXPECT_EQ(m.table.counters().runs_unmarked, 1U);
        }
    }
}

TEST(Contiguous, AChangeOfTheWholeRunIsMadeInPlace) {
    Machine m{full_features(), three_levels()};
    map(m, base, output, 64 * KiB, 64 * KiB, {.permissions = Permissions::rw()});
    ASSERT_TRUE(m.table.protect(Ipa{base}, 64 * KiB, Permissions::r(), m.owed));
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.owed.ranges().size(), 1U);
    EXPECT_EQ(marked(m), 16U);
    EXPECT_EQ(m.leaves(), run_of(base, 4 * KiB, output | raw_r | raw_page, 16));
}

TEST(Contiguous, RelaxTakesItsPageOutOfTheRun) {
    Machine m{full_features(), three_levels()};
    map(m, base, output, 64 * KiB, 64 * KiB, {.permissions = Permissions::r()});
    ASSERT_TRUE(m.table.relax(Ipa{base + 5 * 4 * KiB}, Permissions::rw(), m.owed));
    EXPECT_EQ(marked(m), 0U);
    auto expected = run_of(base, 4 * KiB, output | raw_r | raw_page, 16);
    expected[5].raw |= raw_write;
    EXPECT_EQ(m.leaves(), expected);
}

// Hardware may note an access to any page of a run in any of its entries.
TEST(Contiguous, WhatOneEntryNotesAllMayHaveMeant) {
    const Attributes clean{.permissions = Permissions::r(), .access_flag = false, .dbm = true};
    {
        Machine m{full_features(), three_levels()};
        map(m, base, output, 64 * KiB, 64 * KiB, clean);
        for (const unsigned noted : {3U, 12U}) {
            m.set_raw({1, 0, noted}, m.raw({1, 0, noted}) | raw_af | raw_write);
        }
        std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
        const auto visit = [&](Ipa start, std::uint64_t size) {
            seen.emplace_back(start.value, size);
        };
        // Asked for another page of the run.
        ASSERT_TRUE(m.table.collect_dirty(Ipa{base + 9 * 4 * KiB}, 4 * KiB, m.owed, visit));
        ASSERT_TRUE(m.table.test_and_clear_young(Ipa{base}, 4 * KiB, visit, &m.owed));
        EXPECT_EQ(seen, (decltype(seen){{base, 64 * KiB}, {base, 64 * KiB}}));
        EXPECT_EQ(marked(m), 16U);
        EXPECT_EQ(m.leaves(),
                  run_of(base, 4 * KiB, output | (raw_r & ~raw_af) | raw_dbm | raw_page, 16));
    }
    {
        Machine m{full_features(), three_levels()};
        map(m, base, output, 64 * KiB, 64 * KiB, clean);
        m.set_raw({1, 0, 3}, m.raw({1, 0, 3}) | raw_af | raw_write);
        ASSERT_TRUE(m.table.unmap(Ipa{base}, 4 * KiB, m.owed));
        EXPECT_EQ(m.leaves(),
                  run_of(base + 4 * KiB, 4 * KiB,
                         (output + 4 * KiB) | raw_r | raw_dbm | raw_write | raw_page, 15));
    }
}

// A run of 2M blocks inside a range that becomes pages is broken as a whole, and takes the tables
// that were reserved for it. Another entry then asks for one more, and the call stops there: what
// it broke beyond that entry must not stay broken, for nobody else may mend it.
TEST(Contiguous, AMapThatStopsInsideARunPutsAllOfItBack) {
    constexpr std::uint64_t hole = 8; // block of the run, one that another CPU has unmapped
    constexpr std::uint64_t moved = 0xc0'0000'0000;
    Machine m{full_features(), three_levels()};
    map(m, base, output, 32 * MiB, 2 * MiB, {.permissions = Permissions::rw()});
    Invalidation others;
    ASSERT_TRUE(m.table.unmap(Ipa{base + hole * 2 * MiB}, 2 * MiB, others));
    for (unsigned i = 0; i < 16; ++i) {
        if (i != hole) {
            m.set_raw({1, i}, m.raw({1, i}) | contiguous);
        }
    }
    m.adversary.stop(); // a run with a hole breaks its rules from the start
    const MapRequest pages{.ipa = Ipa{base},
                           .pa = Pa{moved},
                           .length = 32 * MiB,
                           .attributes = with(Permissions::rw()),
                           .max_size = 4 * KiB};
    const auto stopped = m.table.map(pages, m.owed);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error(), Error::again);
    for (unsigned i = 0; i < 16; ++i) {
        const std::uint64_t type = m.raw({1, i}) & 3;
        EXPECT_EQ(type, i == hole ? 0U : 3U) << i; // a tombstone, and tables
    }
    EXPECT_EQ(m.leaves(), join({run_of(base, 4 * KiB, moved | raw_rw | raw_page, hole * 512),
                                run_of(base + (hole + 1) * 2 * MiB, 4 * KiB,
                                       (moved + (hole + 1) * 2 * MiB) | raw_rw | raw_page,
                                       (15 - hole) * 512)}));
    // Nothing stands in the way of the same call when the other CPU is ready.
    m.table.discharge(others);
    ASSERT_TRUE(m.table.map(pages, m.owed));
    EXPECT_EQ(m.leaves(), run_of(base, 4 * KiB, moved | raw_rw | raw_page, 16 * 512));
}

// However few entries of a run are left, a change of it ends where the run does.
TEST(Contiguous, WhatIsLeftOfARunIsUnmappedUpToItsEnd) {
    Machine m{full_features(), three_levels()};
    map(m, base, output, 128 * KiB, 64 * KiB, {.permissions = Permissions::rw()});
    const auto next_run =
        run_of(base + 64 * KiB, 4 * KiB, (output + 64 * KiB) | raw_rw | raw_page, 16);
    m.adversary.stop(); // half a run breaks its rules
    for (unsigned i = 0; i < 8; ++i) {
        m.set_raw({1, 0, i}, 0);
    }
    ASSERT_TRUE(m.table.unmap(Ipa{base}, 64 * KiB, m.owed));
    EXPECT_EQ(m.leaves(), next_run);
    EXPECT_EQ(marked(m), 16U);
    m.table.discharge(m.owed);
}

TEST(Contiguous, CollapseMarksWhatSingleFaultsHaveCompleted) {
    for (const unsigned bbm : {0U, 1U, 2U}) {
        SCOPED_TRACE(bbm);
        CpuFeatures features = full_features();
        features.bbm = bbm;
        Machine m{features, three_levels()};
        for (std::uint64_t i = 0; i < 16; ++i) {
            ASSERT_TRUE(m.table.map_if_absent({.ipa = Ipa{base + i * 4 * KiB},
                                               .pa = Pa{output + i * 4 * KiB},
                                               .length = 4 * KiB,
                                               .attributes = with(Permissions::rw())}));
        }
        EXPECT_EQ(marked(m), 0U);
        bool valid = true;
        m.port.on_invalidate = [&](const Invalidation&) {
            valid = valid && m.marked_leaves().size() == 16;
        };
        EXPECT_EQ(m.table.collapse(Ipa{base}, 2 * MiB, m.owed), 0U);
        m.table.discharge(m.owed);
        EXPECT_EQ(marked(m), 16U);
        EXPECT_EQ(valid, bbm == 2); // only then without a break
        EXPECT_EQ(m.port.invalidations, 1U);
        EXPECT_EQ(m.leaves(), run_of(base, 4 * KiB, output | raw_rw | raw_page, 16));
    }
}

TEST(Contiguous, SplitToTheSizeOfTheLeavesUnmarksRuns) {
    for (const unsigned bbm : {0U, 2U}) {
        SCOPED_TRACE(bbm);
        CpuFeatures features = full_features();
        features.bbm = bbm;
        Machine m{features, three_levels()};
        map(m, base, output, 128 * KiB, 64 * KiB, {.permissions = Permissions::rw()});
        EXPECT_EQ(marked(m), 32U);
        ASSERT_TRUE(m.table.split(Ipa{base}, 64 * KiB, 4 * KiB, m.owed));
        EXPECT_EQ(marked(m), 16U);
        EXPECT_EQ(m.leaves(), run_of(base, 4 * KiB, output | raw_rw | raw_page, 32));
    }
}

} // namespace
} // namespace twofold::test
