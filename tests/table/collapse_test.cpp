// SPDX-License-Identifier: MIT
// Stage2::collapse(): tables of leaves that say the same become blocks, nothing else does, and what
// hardware notes in the leaves up to the last moment is in the block.
#include "blocks.hpp"
#include "machine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t first = 0x4000'0000;
constexpr std::uint64_t output = 0x80'0000'0000;
constexpr std::uint64_t whole = std::uint64_t{1} << 40;
// Of a table descriptor: tables lie below 2^48.
constexpr std::uint64_t table_address = 0x0000'ffff'ffff'f000;

// Maps with leaves of no more than `size`.
void map(Machine& m, std::uint64_t ipa, std::uint64_t pa, std::uint64_t length, std::uint64_t size,
         const Attributes& attributes = with(Permissions::rw())) {
    ASSERT_TRUE(m.table.map({.ipa = Ipa{ipa},
                             .pa = Pa{pa},
                             .length = length,
                             .attributes = attributes,
                             .max_size = size},
                            m.owed));
    ASSERT_TRUE(m.owed.empty());
}
std::uint64_t collapse(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    const auto made = m.table.collapse(Ipa{ipa}, length, m.owed);
    EXPECT_TRUE(made);
    return made.value_or(~std::uint64_t{0});
}
// Nothing is to be done in the range, so nothing is.
void expect_untouched(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    EXPECT_EQ(collapse(m, ipa, length), 0U); // but for runs, which are marked now
    const auto before = m.memory();
    const unsigned invalidations = m.port.invalidations;
    const auto breaks = m.table.counters().breaks;
    EXPECT_EQ(collapse(m, ipa, length), 0U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.invalidations, invalidations);
    EXPECT_EQ(m.table.counters().breaks, breaks);
    EXPECT_TRUE(m.memory() == before);
}

// The last block of the input space, while an adversary looks on.
TEST(Collapse, EveryBlockOfEveryGeometry) {
    unsigned blocks = 0;
    for_every_block_level([&](Machine& m, Level level) {
        const Geometry& g = m.geometry;
        const std::uint64_t size = size_at(g, level);
        const std::uint64_t ipa = (std::uint64_t{1} << g.ipa_bits()) - size;
        const std::uint64_t pa = high_output(g) + size;
        map(m, ipa, pa, size, size_at(g, level + 1),
            {.permissions = Permissions::rx(), .type = MemoryType::normal_nc, .software = 6});
        // [5:2] MemAttr 0101, [7:6] S2AP 01, [9:8] SH 11, [10] AF, [58:55] 0110.
        const std::uint64_t bits = 0x0300'0000'0000'0754;
        ASSERT_EQ(m.leaves(), leaves_of(g, level + 1, ipa, pa, size, bits));
        const std::size_t live = m.port.live();
        const std::uint64_t inside[] = {0, size / 2 - 1, size / 2, size - 1};
        m.port.on_change = [&] {
            for (const std::uint64_t at : inside) {
                const auto found = m.translate(ipa + at);
                EXPECT_TRUE(!found || *found == pa + at);
            }
        };
        EXPECT_EQ(collapse(m, ipa, size), 1U);
        EXPECT_EQ(m.leaves(), leaves_of(g, level, ipa, pa, size, bits));
        for (const std::uint64_t at : inside) {
            EXPECT_EQ(m.translate(ipa + at), pa + at);
        }
        EXPECT_EQ(m.port.invalidations, 1U);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.live(), live - 1);
        m.adversary.expect_clean();
        ++blocks;
    });
    EXPECT_GT(blocks, 250U);
}

// A full table of the largest leaves is as good as it gets.
TEST(Collapse, NoBlockWhereTheArchitectureHasNone) {
    struct Row {
        const char* name = {};
        GeometryRequest request = {};
        unsigned pa_bits = 52;
        std::uint64_t leaf = {};
        std::uint64_t table = {}; // covered by one table of such leaves
    };
    const Row rows[] = {
        {"4K, level 0", {.granule = Granule::k4, .ipa_bits = 48}, 52, GiB, 512 * GiB},
        {"16K, level 1",
         {.granule = Granule::k16, .ipa_bits = 47, .initial_level = 1},
         52,
         32 * MiB,
         64 * GiB},
        {"4K LPA2, level -1", five_levels(), 52, 512 * GiB, 256 * TiB},
        {"64K, level 1, 48 bits of output",
         {.granule = Granule::k64, .ipa_bits = 48, .initial_level = 1},
         48,
         512 * MiB,
         4 * TiB},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        CpuFeatures features = full_features();
        features.pa_bits = static_cast<std::uint8_t>(row.pa_bits);
        Machine m{features, row.request};
        map(m, row.table, row.table, row.table, ~std::uint64_t{0});
        ASSERT_EQ(m.leaves().size(), row.table / row.leaf);
        ASSERT_EQ(m.leaves()[0].size, row.leaf);
        ASSERT_EQ(m.port.live(), 2U);
        expect_untouched(m, 0, std::uint64_t{1} << row.request.ipa_bits);
    }
}

// 512 blocks of 2 MiB, eight to an invalidation, and then the one that they make.
TEST(Collapse, FromPagesToTheLargestBlockInOneCall) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, 4 * KiB);
    ASSERT_EQ(m.port.live(), 1U + 513U);
    EXPECT_EQ(collapse(m, first, GiB), 513U);
    EXPECT_EQ(m.leaves(), run_of(first, GiB, output | raw_rw | raw_block, 1));
    EXPECT_EQ(m.port.live(), 1U);
    ASSERT_EQ(m.discharged.size(), 65U);
    for (unsigned i = 0; i < 64; ++i) {
        EXPECT_EQ(m.discharged[i].ranges,
                  (std::vector<InvalidationRange>{{Ipa{first + 16 * MiB * i}, 16 * MiB, {}}}));
    }
    EXPECT_EQ(m.discharged[64].ranges, (std::vector<InvalidationRange>{{Ipa{first}, GiB, {}}}));
    for (const Discharged& d : m.discharged) {
        EXPECT_FALSE(d.leaf_only);
        EXPECT_FALSE(d.whole);
        EXPECT_EQ(d.scope, InvalidationScope::inner_shareable);
    }
    const TableCounters& c = m.table.counters();
    EXPECT_EQ(c.tables, 0U);
    EXPECT_EQ(c.tables_freed, 513U);
    EXPECT_EQ(c.breaks, 513U);
    EXPECT_EQ(c.invalidations, 65U);
    expect_untouched(m, 0, whole);
}

// Less than a full batch below: what waits is made before the table above it is looked at.
TEST(Collapse, OneTableOfPagesAmongBlocks) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, 2 * MiB);
    ASSERT_TRUE(m.table.split(Ipa{first + 34 * MiB}, 4 * MiB, 4 * KiB, m.owed));
    m.discharged.clear();
    EXPECT_EQ(collapse(m, first, GiB), 3U);
    EXPECT_EQ(m.raw({1}), output | raw_rw | raw_block);
    ASSERT_EQ(m.discharged.size(), 2U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{first + 34 * MiB}, 4 * MiB, {}}}));
    EXPECT_EQ(m.discharged[1].ranges, (std::vector<InvalidationRange>{{Ipa{first}, GiB, {}}}));
    EXPECT_EQ(m.port.live(), 1U);
}

TEST(Collapse, TakesBackASplit) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    const Attributes a{.permissions = Permissions::rw(), .dbm = true, .software = 5};
    map(m, first, output, 2 * GiB, GiB, a);
    const auto before = m.leaves();
    ASSERT_TRUE(m.table.split(Ipa{first}, 2 * GiB, 4 * KiB, m.owed));
    EXPECT_EQ(collapse(m, first, 2 * GiB), 1026U);
    EXPECT_EQ(m.leaves(), before);
    EXPECT_EQ(m.port.live(), 1U);
}

// Tables far apart, so that their ranges do not join.
TEST(Collapse, EightTablesShareAnInvalidation) {
    struct Row {
        unsigned tables = {};
        std::vector<unsigned> batches = {};
    };
    const Row rows[] = {{1, {1}}, {8, {8}}, {9, {8, 1}}, {16, {8, 8}}, {19, {8, 8, 3}}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.tables);
        Machine m{full_features(), three_levels()};
        for (unsigned i = 0; i < row.tables; ++i) {
            map(m, first + 4 * MiB * i, output + 2 * MiB * i, 2 * MiB, 4 * KiB);
        }
        unsigned done = 0;
        m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
            const unsigned batch = row.batches.at(m.discharged.size());
            for (unsigned i = 0; i < row.tables; ++i) {
                const std::uint64_t type = i < done ? 1 : i < done + batch ? 2 : 3;
                EXPECT_EQ(m.raw({1, 2 * i}) & 3, type) << i;
            }
            done += batch;
            note(all);
        };
        EXPECT_EQ(collapse(m, 0, whole), row.tables);
        ASSERT_EQ(m.discharged.size(), row.batches.size());
        unsigned at = 0;
        for (std::size_t b = 0; b < row.batches.size(); ++b) {
            std::vector<InvalidationRange> ranges;
            for (unsigned i = 0; i < row.batches[b]; ++i, ++at) {
                ranges.push_back({Ipa{first + 4 * MiB * at}, 2 * MiB, {}});
            }
            EXPECT_EQ(m.discharged[b].ranges, ranges);
            EXPECT_FALSE(m.discharged[b].whole);
        }
        std::vector<RawLeaf> expected;
        for (unsigned i = 0; i < row.tables; ++i) {
            expected.push_back(
                {first + 4 * MiB * i, 2 * MiB, (output + 2 * MiB * i) | raw_rw | raw_block});
        }
        EXPECT_EQ(m.leaves(), expected);
        EXPECT_EQ(m.port.live(), 2U);
    }
}

TEST(Collapse, TablesAreFreedAfterTheirInvalidation) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 6 * MiB, 4 * KiB);
    std::string events;
    m.port.on_invalidate = [&](const Invalidation& all) {
        events += 'i';
        EXPECT_EQ(all.tables_to_free(), 0U);
        EXPECT_EQ(m.port.live(), 5U);
        for (unsigned i = 0; i < 3; ++i) {
            EXPECT_EQ(m.raw({1, i}) & 3, 2U);
        }
    };
    m.port.on_free = [&](Pa, std::uint64_t bytes) {
        events += 'f';
        EXPECT_EQ(bytes, 4 * KiB);
        for (unsigned i = 0; i < 3; ++i) {
            EXPECT_EQ(m.raw({1, i}), (output + 2 * MiB * i) | raw_rw | raw_block);
        }
    };
    const unsigned completions = m.port.completions;
    EXPECT_EQ(collapse(m, first, 6 * MiB), 3U);
    EXPECT_EQ(events, "ifff");
    EXPECT_GT(m.port.completions, completions);
    EXPECT_EQ(m.port.live(), 2U);
    EXPECT_EQ(m.table.counters().tables, 1U);
    EXPECT_EQ(m.table.counters().tables_freed, 3U);
}

TEST(Collapse, NeedsNoMemory) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 4 * MiB, 4 * KiB);
    m.port.allocations_until_failure = 0;
    EXPECT_EQ(collapse(m, 0, whole), 2U);
    EXPECT_EQ(m.port.failures, 0U);
    m.port.allocations_until_failure.reset();
}

TEST(Collapse, WhatWasOwedGoesWithTheFirstInvalidation) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 2 * MiB, 4 * KiB);
    map(m, 0x2'0000'0000, output, 4 * KiB, 4 * KiB);
    ASSERT_TRUE(m.table.unmap(Ipa{0x2'0000'0000}, GiB, m.owed));
    ASSERT_TRUE(m.table.protect(Ipa{first}, 2 * MiB, Permissions::r(), m.owed));
    ASSERT_EQ(m.port.invalidations, 0U);
    // A range without a table to replace leaves it owed.
    EXPECT_EQ(collapse(m, 0x1'0000'0000, GiB), 0U);
    ASSERT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.owed.tables_to_free(), 2U);
    EXPECT_EQ(collapse(m, first, GiB), 1U);
    EXPECT_EQ(m.raw({1, 0}), output | raw_r | raw_block);
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].tables, 2U);
    EXPECT_EQ(m.discharged[0].ranges.size(), 2U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 2U);
}

// One leaf of 512 that is not like the others, wherever it stands.
TEST(Collapse, AnyOtherDifferenceKeepsTheTable) {
    struct Row {
        const char* name = {};
        std::uint64_t and_mask = ~std::uint64_t{0};
        std::uint64_t flip = {};
    };
    const Row rows[] = {
        {"hole", 0, 0},
        {"invalid, the rest in place", ~std::uint64_t{0}, 1},
        {"a note of software in an invalid entry", 0, 0xa0},
        {"a reserved type", ~std::uint64_t{0}, 2},
        {"[2] MemAttr", ~std::uint64_t{0}, 0x4},
        {"[5] MemAttr", ~std::uint64_t{0}, 0x20},
        {"[6] S2AP read", ~std::uint64_t{0}, 0x40},
        {"[7] S2AP write", ~std::uint64_t{0}, 0x80},
        {"[8] SH", ~std::uint64_t{0}, 0x100},
        {"[9] SH", ~std::uint64_t{0}, 0x200},
        {"[11] FnXS", ~std::uint64_t{0}, 0x800},
        {"[51] DBM", ~std::uint64_t{0}, raw_dbm},
        {"[53] XN", ~std::uint64_t{0}, 0x0020'0000'0000'0000},
        {"[54] XN", ~std::uint64_t{0}, 0x0040'0000'0000'0000},
        {"[55] software", ~std::uint64_t{0}, 0x0080'0000'0000'0000},
        {"[58] software", ~std::uint64_t{0}, 0x0400'0000'0000'0000},
        {"[63] ignored by hardware", ~std::uint64_t{0}, 0x8000'0000'0000'0000},
        {"another page", ~std::uint64_t{0}, 0x1000},
        {"another GiB", ~std::uint64_t{0}, 0x4000'0000},
        {"another half of the output space", ~std::uint64_t{0}, 0x8000'0000'0000},
    };
    Machine m{full_features(), three_levels()};
    map(m, first, output, 2 * MiB, 4 * KiB);
    for (const Row& row : rows) {
        for (const unsigned i : {0U, 1U, 255U, 511U}) {
            SCOPED_TRACE(std::string{row.name} + " at " + std::to_string(i));
            const std::uint64_t raw = m.raw({1, 0, i});
            m.set_raw({1, 0, i}, (raw & row.and_mask) ^ row.flip);
            expect_untouched(m, first, GiB);
            if (HasFailure()) {
                return; // the table may be gone
            }
            m.set_raw({1, 0, i}, raw);
        }
    }
    EXPECT_EQ(collapse(m, first, GiB), 1U);
}

TEST(Collapse, AWritableBitThatDiffersIsDirtyStateOnlyWithDbm) {
    for (const unsigned dirty : {0U, 1U, 300U, 511U}) {
        Machine m{full_features(), three_levels()};
        map(m, first, output, 2 * MiB, 4 * KiB, with(Permissions::r()));
        m.set_raw({1, 0, dirty}, m.raw({1, 0, dirty}) | raw_write);
        expect_untouched(m, first, GiB);
    }
}

TEST(Collapse, WhatHardwareNotedInAnyLeafIsInTheBlock) {
    constexpr std::uint64_t clean = (raw_r & ~raw_af) | raw_dbm;
    struct Row {
        const char* name = {};
        std::vector<unsigned> young = {};
        std::vector<unsigned> dirty = {};
        std::uint64_t block = {};
    };
    const Row rows[] = {
        {"old and clean", {}, {}, clean},
        {"first young", {0}, {}, clean | raw_af},
        {"one young", {100}, {}, clean | raw_af},
        {"last young", {511}, {}, clean | raw_af},
        {"first dirty", {}, {0}, clean | raw_write},
        {"one dirty", {}, {317}, clean | raw_write},
        {"last dirty", {}, {511}, clean | raw_write},
        {"one young, another dirty", {3}, {4}, clean | raw_af | raw_write},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first, output, 2 * MiB, 4 * KiB,
            {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
        for (const unsigned i : row.young) {
            m.set_raw({1, 0, i}, m.raw({1, 0, i}) | raw_af);
        }
        for (const unsigned i : row.dirty) {
            m.set_raw({1, 0, i}, m.raw({1, 0, i}) | raw_write);
        }
        EXPECT_EQ(collapse(m, first, GiB), 1U);
        EXPECT_EQ(m.leaves(), run_of(first, 2 * MiB, output | row.block | raw_block, 1));
    }
}

// A single page of a gigabyte, and what it noted goes up two levels.
TEST(Collapse, WhatHardwareNotedGoesUpEveryLevel) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, 4 * KiB,
        {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
    m.set_raw({1, 511, 511}, m.raw({1, 511, 511}) | raw_af | raw_write);
    EXPECT_EQ(collapse(m, 0, whole), 513U);
    EXPECT_EQ(m.raw({1}), output | raw_rw | raw_dbm | raw_block);
}

// Hardware's turn before any of the engine's atomic operations: as long as the leaf is valid what
// it notes is kept, and it writes to no leaf that is not.
TEST(Collapse, UpdatesUpToTheFreezeAreKept) {
    constexpr std::uint64_t clean = (raw_r & ~raw_af) | raw_dbm;
    // Two tables: 512 leaves and the entry above, each.
    for (const unsigned moment : {0U, 1U, 511U, 512U, 513U, 514U, 770U, 1024U, 1025U}) {
        for (const std::uint64_t update : {raw_af, raw_write}) {
            for (const unsigned page : {0U, 1U, 300U, 511U}) {
                SCOPED_TRACE(std::to_string(page) + " at " + std::to_string(moment));
                Machine m{full_features(), three_levels()};
                map(m, first, output, 4 * MiB, 4 * KiB,
                    {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
                const Pa second{m.raw({1, 1}) & table_address};
                unsigned calls = 0;
                std::uint64_t noted = 0;
                m.port.on_atomic = [&](std::uint64_t&) {
                    auto entries = m.port.table(second);
                    if (calls++ == moment && (entries.load(page) & 1) != 0) {
                        entries.store(page, entries.load(page) | update);
                        noted = update;
                    }
                };
                EXPECT_EQ(collapse(m, first, GiB), 2U);
                EXPECT_GE(calls, 1026U);
                EXPECT_EQ(noted != 0, moment <= 513 + page) << "not when it was meant";
                EXPECT_EQ(m.leaves(),
                          join({run_of(first, 2 * MiB, output | clean | raw_block, 1),
                                run_of(first + 2 * MiB, 2 * MiB,
                                       (output + 2 * MiB) | clean | noted | raw_block, 1)}));
            }
        }
    }
}

// What is no block any more when its leaves are frozen gets them back.
TEST(Collapse, ATableThatChangedMeanwhileIsPutBack) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 6 * MiB, 4 * KiB);
    const std::uint64_t link = m.raw({1, 1});
    auto expected =
        join({run_of(first, 2 * MiB, output | raw_rw | raw_block, 1),
              run_of(first + 2 * MiB, 4 * KiB, (output + 2 * MiB) | raw_rw | raw_page, 512),
              run_of(first + 4 * MiB, 2 * MiB, (output + 4 * MiB) | raw_rw | raw_block, 1)});
    expected[1 + 77].raw |= 0x0080'0000'0000'0000;
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t&) {
        if (calls++ == 513 + 50) { // the second table has been looked at
            m.port.table(Pa{link & table_address}).store(77, expected[1 + 77].raw);
        }
    };
    EXPECT_EQ(collapse(m, first, GiB), 2U);
    EXPECT_EQ(m.leaves(), expected);
    EXPECT_EQ(m.raw({1, 1}), link);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 3U);
    EXPECT_EQ(m.table.counters().tables, 2U);
}

TEST(Collapse, LeavesOutOfOrderStay) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 2 * MiB, 4 * KiB);
    const std::uint64_t a = m.raw({1, 0, 8});
    const std::uint64_t b = m.raw({1, 0, 9});
    m.set_raw({1, 0, 8}, b);
    m.set_raw({1, 0, 9}, a);
    expect_untouched(m, first, GiB);
    // All of them the same page.
    for (unsigned i = 0; i < 512; ++i) {
        m.set_raw({1, 0, i}, a);
    }
    expect_untouched(m, first, GiB);
    // Downwards.
    for (unsigned i = 0; i < 512; ++i) {
        m.set_raw({1, 0, i}, (output + 4 * KiB * (511 - i)) | raw_rw | raw_page);
    }
    expect_untouched(m, first, GiB);
}

TEST(Collapse, TheOutputHasToBeAlignedToTheBlock) {
    for (const std::uint64_t off : {4 * KiB, 64 * KiB, MiB, 2 * MiB - 4 * KiB}) {
        Machine m{full_features(), three_levels()};
        map(m, first, output + off, 2 * MiB, 4 * KiB);
        expect_untouched(m, first, GiB);
    }
    // Right for 2 MiB, not for 1 GiB.
    for (const std::uint64_t off : {2 * MiB, 512 * MiB, GiB - 2 * MiB}) {
        Machine m{full_features(), three_levels()};
        map(m, first, output + off, GiB, 4 * KiB);
        EXPECT_EQ(collapse(m, first, GiB), 512U);
        EXPECT_EQ(m.leaves(), run_of(first, 2 * MiB, (output + off) | raw_rw | raw_block, 512));
        // In batches of eight; runs of 32 MiB are marked where the memory allows.
        EXPECT_EQ(m.port.invalidations, off == 512 * MiB ? 65U : 64U);
        EXPECT_EQ(m.port.live(), 2U);
        expect_untouched(m, 0, whole);
    }
}

// nT is kept where all blocks have it, as any other bit.
TEST(Collapse, BlocksThatDifferInNtStay) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, 2 * MiB, {.permissions = Permissions::rw(), .nt = true});
    m.set_raw({1, 5}, m.raw({1, 5}) & ~raw_nt);
    expect_untouched(m, first, GiB);
    m.set_raw({1, 5}, m.raw({1, 5}) | raw_nt);
    EXPECT_EQ(collapse(m, first, GiB), 1U);
    EXPECT_EQ(m.raw({1}), output | raw_rw | raw_nt | raw_block);
}

// The hint joins 16 pages; the block is not part of such a run.
TEST(Collapse, TheContiguousHintOfLeavesGoes) {
    constexpr std::uint64_t contiguous = std::uint64_t{1} << 52;
    for (const unsigned begin : {0U, 16U, 496U}) {
        Machine m{full_features(), three_levels()};
        map(m, first, output, 2 * MiB, 4 * KiB);
        for (unsigned i = begin; i < begin + 16; ++i) {
            m.set_raw({1, 0, i}, m.raw({1, 0, i}) | contiguous);
        }
        EXPECT_EQ(collapse(m, first, GiB), 1U);
        EXPECT_EQ(m.leaves(), run_of(first, 2 * MiB, output | raw_rw | raw_block, 1));
    }
}

TEST(Collapse, TablesThatReachBeyondTheRangeStay) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 8 * MiB, 4 * KiB);
    expect_untouched(m, first, 2 * MiB - 4 * KiB);
    expect_untouched(m, first + 4 * KiB, 2 * MiB - 4 * KiB);
    expect_untouched(m, first + 4 * KiB, 2 * MiB);
    expect_untouched(m, first + MiB, 2 * MiB);
    const std::uint64_t left = m.raw({1, 0});
    const std::uint64_t right = m.raw({1, 3});
    // From inside the first table into the last.
    EXPECT_EQ(collapse(m, first + 2 * MiB - 4 * KiB, 4 * MiB + 8 * KiB), 2U);
    EXPECT_EQ(m.raw({1, 0}), left);
    EXPECT_EQ(m.raw({1, 3}), right);
    EXPECT_EQ(
        m.leaves(),
        join({run_of(first, 4 * KiB, output | raw_rw | raw_page, 512),
              run_of(first + 2 * MiB, 2 * MiB, (output + 2 * MiB) | raw_rw | raw_block, 2),
              run_of(first + 6 * MiB, 4 * KiB, (output + 6 * MiB) | raw_rw | raw_page, 512)}));
}

// All but the last page of a gigabyte: its 511 whole tables become blocks, the gigabyte does not.
TEST(Collapse, APartOfAGigabyteIsNoGigabyte) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, 4 * KiB);
    EXPECT_EQ(collapse(m, first, GiB - 4 * KiB), 511U);
    EXPECT_EQ(m.leaves(), join({run_of(first, 2 * MiB, output | raw_rw | raw_block, 511),
                                run_of(first + GiB - 2 * MiB, 4 * KiB,
                                       (output + GiB - 2 * MiB) | raw_rw | raw_page, 512)}));
    EXPECT_EQ(m.port.live(), 3U);
    // Next time the range is large enough.
    EXPECT_EQ(collapse(m, first, GiB), 2U);
    EXPECT_EQ(m.raw({1}), output | raw_rw | raw_block);
}

TEST(Collapse, EveryErrorChangesNothing) {
    struct Row {
        std::uint64_t ipa = {};
        std::uint64_t length = {};
        Error error = {};
    };
    const Row rows[] = {
        {first + 0x800, 0x1000, Error::ipa_misaligned},
        {first, GiB + 0x800, Error::range_misaligned},
        {first, 0, Error::range_empty},
        {whole, 0x1000, Error::ipa_out_of_range},
        {first, whole, Error::ipa_out_of_range},
    };
    Machine m{full_features(), three_levels()};
    map(m, first, output, 2 * MiB, 4 * KiB);
    const auto before = m.memory();
    for (const Row& row : rows) {
        const auto result = m.table.collapse(Ipa{row.ipa}, row.length, m.owed);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), row.error);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
    }
}

} // namespace
} // namespace twofold::test
