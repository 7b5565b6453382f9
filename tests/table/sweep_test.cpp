// SPDX-License-Identifier: MIT
// Stage2::write_protect(), test_and_clear_young() and collect_dirty(): single bits of all leaves of
// a range, blocks as a whole, and no update of hardware is lost on the way.
#include "blocks.hpp"
#include "machine.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t first = 0x4000'0000;
constexpr std::uint64_t output = 0x80'0000'0000;
constexpr std::uint64_t whole = std::uint64_t{1} << 40;
constexpr Attributes clean{.permissions = Permissions::r(), .dbm = true};
constexpr Attributes dirty{.permissions = Permissions::rw(), .dbm = true};

void map(Machine& m, std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
         const Attributes& attributes, std::uint64_t size = ~std::uint64_t{0}) {
    ASSERT_TRUE(m.table.map({.ipa = Ipa{ipa},
                             .pa = Pa{pa},
                             .length = length,
                             .attributes = attributes,
                             .max_size = size},
                            m.owed));
    ASSERT_TRUE(m.owed.empty());
}
std::vector<InvalidationRange> ranges_of(const Invalidation& owed) {
    return {owed.ranges().begin(), owed.ranges().end()};
}

// What a visitor was told, in order.
using Visits = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
auto into(Visits& visits) {
    return [&visits](Ipa start, std::uint64_t size) { visits.emplace_back(start.value, size); };
}
Visits young(Machine& m, std::uint64_t ipa, std::uint64_t length, Invalidation* owed = nullptr) {
    Visits visits;
    EXPECT_TRUE(m.table.test_and_clear_young(Ipa{ipa}, length, into(visits), owed));
    return visits;
}
Visits harvest(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    Visits visits;
    EXPECT_TRUE(m.table.collect_dirty(Ipa{ipa}, length, m.owed, into(visits)));
    return visits;
}

// A leaf of every size, with holes before, between and behind.
void map_every_size(Machine& m, const Attributes& attributes) {
    map(m, first + GiB - 4 * MiB, output + GiB - 4 * MiB, 2 * MiB, attributes);
    map(m, first + GiB - 8 * KiB, output + GiB - 8 * KiB, 4 * KiB, attributes);
    map(m, first + GiB, output + GiB, GiB + 2 * MiB + 4 * KiB, attributes);
}
std::vector<RawLeaf> every_size(std::uint64_t bits) {
    return join({run_of(0x7fc0'0000, 2 * MiB, 0x80'3fc0'0000 | bits | raw_block, 1),
                 run_of(0x7fff'e000, 4 * KiB, 0x80'3fff'e000 | bits | raw_page, 1),
                 run_of(0x8000'0000, GiB, 0x80'4000'0000 | bits | raw_block, 1),
                 run_of(0xc000'0000, 2 * MiB, 0x80'8000'0000 | bits | raw_block, 1),
                 run_of(0xc020'0000, 4 * KiB, 0x80'8020'0000 | bits | raw_page, 1)});
}
const Visits visits_of_every_size = {{0x7fc0'0000, 2 * MiB},
                                     {0x7fff'e000, 4 * KiB},
                                     {0x8000'0000, GiB},
                                     {0xc000'0000, 2 * MiB},
                                     {0xc020'0000, 4 * KiB}};
const std::vector<InvalidationRange> owed_for_every_size = {{Ipa{0x7fc0'0000}, 2 * MiB, 2},
                                                            {Ipa{0x7fff'e000}, 4 * KiB, 3},
                                                            {Ipa{0x8000'0000}, GiB, 1},
                                                            {Ipa{0xc000'0000}, 2 * MiB, 2},
                                                            {Ipa{0xc020'0000}, 4 * KiB, 3}};

// A sweep changes bits where they stand: no break, no memory, nothing invalidated by itself.
void expect_quiet(Machine& m) {
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.port.failures, 0U);
    EXPECT_EQ(m.table.counters().breaks, 0U);
    EXPECT_EQ(m.table.counters().blocks_split, 0U);
    m.port.allocations_until_failure.reset();
}

TEST(WriteProtect, EveryLeafOnce) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, with(Permissions::rwx()));
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    ASSERT_TRUE(m.table.write_protect(Ipa{0}, whole, m.owed));
    EXPECT_EQ(m.leaves(), every_size(raw_rx));
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    EXPECT_EQ(m.owed.tables_to_free(), 0U);
    expect_quiet(m);
    // Nothing is left to take away.
    m.table.discharge(m.owed);
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    ASSERT_TRUE(m.table.write_protect(Ipa{0}, whole, m.owed));
    EXPECT_TRUE(m.owed.empty());
}

TEST(WriteProtect, TakesTheWriteBitAndDbmAndNothingElse) {
    struct Row {
        const char* name = {};
        Attributes attributes = {};
        std::uint64_t raw = {}; // a block's bits beside its address, protected
        bool owes = {};
    };
    const Row rows[] = {
        {"rw", with(Permissions::rw()), 0x0040'0000'0000'0759, true},
        {"write alone", with({.write = true}), 0x0040'0000'0000'0719, true},
        {"dirty", dirty, 0x0040'0000'0000'0759, true},
        // Hardware would give the permission back.
        {"clean", clean, 0x0040'0000'0000'0759, true},
        {"read-only", with(Permissions::r()), 0x0040'0000'0000'0759, false},
        {"no access", with({}), 0x0040'0000'0000'0719, false},
        {"the rest of the descriptor",
         {.permissions = {.read = true, .write = true, .execute_el0 = true},
          .type = MemoryType::normal_nc,
          .shareability = Shareability::outer,
          .access_flag = false,
          .dbm = true,
          .nt = true,
          .software = 15},
         0x07a0'0000'0001'0255,
         true},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first, output, GiB, row.attributes);
        ASSERT_TRUE(m.table.write_protect(Ipa{first}, GiB, m.owed));
        EXPECT_EQ(m.raw({1}), output | row.raw);
        EXPECT_EQ(m.owed.empty(), !row.owes);
        // With hardware's management of dirty state too.
        const auto config =
            walk_config(m.features, m.geometry, m.table.root(),
                        VtcrOptions{.hardware_access_flag = true, .hardware_dirty_state = true});
        const auto store =
            model::walk(config, m.port, Ipa{first},
                        {.kind = model::AccessKind::store, .level = model::AccessLevel::el0});
        EXPECT_TRUE(store.faulted(model::FaultKind::permission, 1));
    }
}

TEST(WriteProtect, ABlockThatReachesBeyondIsProtectedAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 4 * GiB, with(Permissions::rw()));
    // The last page of the second block and the first of the third.
    ASSERT_TRUE(m.table.write_protect(Ipa{0xbfff'f000}, 8 * KiB, m.owed));
    EXPECT_EQ(m.leaves(),
              join({run_of(first, GiB, output | raw_rw | raw_block, 1),
                    run_of(0x8000'0000, GiB, (output + GiB) | raw_r | raw_block, 2),
                    run_of(0x1'0000'0000, GiB, (output + 3 * GiB) | raw_rw | raw_block, 1)}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x8000'0000}, 2 * GiB, 1}}));
    expect_quiet(m);
}

TEST(WriteProtect, PagesOfTheRangeAlone) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 4 * MiB, with(Permissions::rw()), 4 * KiB);
    ASSERT_TRUE(m.table.write_protect(Ipa{first + 0x1f'e000}, 16 * KiB, m.owed));
    EXPECT_EQ(m.leaves(),
              join({run_of(first, 4 * KiB, output | raw_rw | raw_page, 510),
                    run_of(first + 0x1f'e000, 4 * KiB, 0x80'001f'e000 | raw_r | raw_page, 4),
                    run_of(first + 0x20'2000, 4 * KiB, 0x80'0020'2000 | raw_rw | raw_page, 510)}));
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first + 0x1f'e000}, 16 * KiB, 3}}));
}

TEST(WriteProtect, AnAccessFlagThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, {.permissions = Permissions::rw(), .access_flag = false});
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_af; };
    ASSERT_TRUE(m.table.write_protect(Ipa{first}, GiB, m.owed));
    EXPECT_EQ(m.raw({1}), output | raw_r | raw_block);
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{first}, GiB, 1}}));
}

TEST(TestAndClearYoung, EveryYoungLeafUpwards) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, with(Permissions::rwx()));
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    EXPECT_EQ(young(m, 0, whole), visits_of_every_size);
    EXPECT_EQ(m.leaves(), every_size(raw_rwx & ~raw_af));
    EXPECT_TRUE(m.owed.empty());
    // Old now.
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    EXPECT_EQ(young(m, 0, whole, &m.owed), Visits{});
    EXPECT_TRUE(m.owed.empty());
    m.port.on_atomic = nullptr;
    // One is used again.
    ASSERT_TRUE(m.table.make_young(Ipa{0xc010'0000}));
    EXPECT_EQ(young(m, 0, whole, &m.owed), (Visits{{0xc000'0000, 2 * MiB}}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0xc000'0000}, 2 * MiB, 2}}));
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    expect_quiet(m);
}

TEST(TestAndClearYoung, OwesEachLeafToWhoAsks) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, dirty);
    EXPECT_EQ(young(m, 0, whole, &m.owed), visits_of_every_size);
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    // Dirty state is another matter.
    EXPECT_EQ(m.leaves(), every_size((raw_rw | raw_dbm) & ~raw_af));
}

// The visitor hears of the block, not of the part in the range; an old neighbour is not touched.
TEST(TestAndClearYoung, ABlockThatReachesBeyondCountsAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 2 * GiB, with(Permissions::rwx()));
    EXPECT_EQ(young(m, 0x7fff'f000, 4 * KiB), (Visits{{first, GiB}}));
    EXPECT_EQ(m.raw({1}), (output | raw_rwx | raw_block) & ~raw_af);
    EXPECT_EQ(m.raw({2}), (output + GiB) | raw_rwx | raw_block);
    EXPECT_EQ(young(m, 0x7fff'f000, 8 * KiB), (Visits{{0x8000'0000, GiB}}));
}

TEST(TestAndClearYoung, PagesOfTheRangeAlone) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 4 * MiB, with(Permissions::rwx()), 4 * KiB);
    EXPECT_EQ(young(m, first + 0x1f'f000, 8 * KiB),
              (Visits{{first + 0x1f'f000, 4 * KiB}, {first + 0x20'0000, 4 * KiB}}));
    EXPECT_EQ(m.leaves(),
              join({run_of(first, 4 * KiB, output | raw_rwx | raw_page, 511),
                    run_of(first + 0x1f'f000, 4 * KiB,
                           (0x80'001f'f000 | raw_rwx | raw_page) & ~raw_af, 2),
                    run_of(first + 0x20'1000, 4 * KiB, 0x80'0020'1000 | raw_rwx | raw_page, 511)}));
    // A hole of a gigabyte, and one of a page.
    EXPECT_EQ(young(m, 0, first), Visits{});
    EXPECT_EQ(young(m, first + 4 * MiB, 4 * KiB), Visits{});
}

TEST(TestAndClearYoung, DirtyStateThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, clean);
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_write; };
    EXPECT_EQ(young(m, first, GiB), (Visits{{first, GiB}}));
    EXPECT_EQ(m.raw({1}), (output | raw_rw | raw_dbm | raw_block) & ~raw_af);
}

TEST(CollectDirty, EveryDirtyLeafUpwards) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, dirty);
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    EXPECT_EQ(harvest(m, 0, whole), visits_of_every_size);
    EXPECT_EQ(m.leaves(), every_size(raw_r | raw_dbm));
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    expect_quiet(m);
    m.table.discharge(m.owed);
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    EXPECT_EQ(harvest(m, 0, whole), Visits{});
    EXPECT_TRUE(m.owed.empty());
}

// Writable without DBM says nothing of what was written, nor does DBM alone.
TEST(CollectDirty, DirtyIsDbmWithTheWriteBit) {
    struct Row {
        const char* name = {};
        Attributes attributes = {};
        bool found = {};
        std::uint64_t raw = {}; // of a page, afterwards
    };
    const Row rows[] = {
        {"dirty", dirty, true, 0x0048'0000'0000'075b},
        {"clean", clean, false, 0x0048'0000'0000'075b},
        {"rw", with(Permissions::rw()), false, 0x0040'0000'0000'07db},
        {"read-only", with(Permissions::r()), false, 0x0040'0000'0000'075b},
        {"dirty and old",
         {.permissions = Permissions::rw(), .access_flag = false, .dbm = true},
         true,
         0x0048'0000'0000'035b},
        {"dirty, not readable, NC, software 1",
         {.permissions = {.write = true},
          .type = MemoryType::normal_nc,
          .dbm = true,
          .software = 1},
         true,
         0x00c8'0000'0000'0717},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first, output, 4 * KiB, row.attributes);
        EXPECT_EQ(harvest(m, 0, whole), row.found ? (Visits{{first, 4 * KiB}}) : Visits{});
        EXPECT_EQ(m.raw({1, 0, 0}), output | row.raw);
        EXPECT_EQ(m.owed.empty(), !row.found);
    }
}

TEST(CollectDirty, OnlyWhatIsDirtyIsOwed) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 2 * MiB, clean, 4 * KiB);
    for (const unsigned i : {0U, 1U, 7U, 511U}) {
        m.set_raw({1, 0, i}, m.raw({1, 0, i}) | raw_write);
    }
    EXPECT_EQ(harvest(m, first, GiB), (Visits{{first, 4 * KiB},
                                              {first + 0x1000, 4 * KiB},
                                              {first + 0x7000, 4 * KiB},
                                              {first + 0x1f'f000, 4 * KiB}}));
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first}, 8 * KiB, 3},
                                              {Ipa{first + 0x7000}, 4 * KiB, 3},
                                              {Ipa{first + 0x1f'f000}, 4 * KiB, 3}}));
    EXPECT_EQ(m.leaves(), run_of(first, 4 * KiB, output | raw_r | raw_dbm | raw_page, 512));
}

TEST(CollectDirty, ABlockThatReachesBeyondCountsAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 3 * GiB, dirty);
    EXPECT_EQ(harvest(m, 0x7fff'f000, 8 * KiB), (Visits{{first, GiB}, {0x8000'0000, GiB}}));
    EXPECT_EQ(m.leaves(), join({run_of(first, GiB, output | raw_r | raw_dbm | raw_block, 2),
                                run_of(0xc000'0000, GiB,
                                       (output + 2 * GiB) | raw_rw | raw_dbm | raw_block, 1)}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{first}, 2 * GiB, 1}}));
}

TEST(CollectDirty, PagesOfTheRangeAlone) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, 4 * MiB, dirty, 4 * KiB);
    EXPECT_EQ(harvest(m, first + 0x1f'f000, 8 * KiB),
              (Visits{{first + 0x1f'f000, 4 * KiB}, {first + 0x20'0000, 4 * KiB}}));
    EXPECT_EQ(m.raw({1, 0, 510}), 0x80'001f'e000 | raw_rw | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 0, 511}), 0x80'001f'f000 | raw_r | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 1, 0}), 0x80'0020'0000 | raw_r | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 1, 1}), 0x80'0020'1000 | raw_rw | raw_dbm | raw_page);
}

TEST(CollectDirty, AnAccessFlagThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB,
        {.permissions = Permissions::rw(), .access_flag = false, .dbm = true});
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_af; };
    EXPECT_EQ(harvest(m, first, GiB), (Visits{{first, GiB}}));
    EXPECT_EQ(m.raw({1}), output | raw_r | raw_dbm | raw_block);
}

// The walker writes as a guest under VTCR_EL2.HD does, before and after each atomic operation of
// the engine, there and elsewhere. Each change from clean to dirty is reported once.
TEST(CollectDirty, ReportsAreWhatWasWritten) {
    Machine m{full_features(), three_levels()};
    const std::uint64_t limit = first + 2 * GiB;
    map(m, first, output, 4 * MiB, clean, 4 * KiB);
    map(m, first + 4 * MiB, output + 4 * MiB, 64 * MiB, clean, 2 * MiB);
    map(m, first + GiB, output + GiB, GiB, clean);
    const auto config =
        walk_config(m.features, m.geometry, m.table.root(),
                    VtcrOptions{.hardware_access_flag = true, .hardware_dirty_state = true});
    // By the start of the leaf.
    std::map<std::uint64_t, unsigned> written;
    std::map<std::uint64_t, unsigned> reported;
    std::mt19937_64 random{2};
    const auto write = [&](std::uint64_t ipa) {
        const auto size = ipa < first + 4 * MiB ? 4 * KiB : ipa < first + GiB ? 2 * MiB : GiB;
        const auto result =
            model::walk(config, m.port, Ipa{ipa}, {.kind = model::AccessKind::store});
        ASSERT_TRUE(result.translated());
        if (result.updates.size() != 0) {
            ++written[ipa & ~(size - 1)];
        }
    };
    const auto write_somewhere = [&] {
        const std::uint64_t spans[] = {4 * MiB, 4 * MiB, 68 * MiB, 2 * GiB};
        std::uint64_t ipa = first + random() % spans[random() % 4];
        if (ipa >= first + 68 * MiB && ipa < first + GiB) {
            ipa = limit - 1; // the hole
        }
        write(ipa);
    };
    // Where the sweep is now, it comes no more: most updates that could be lost are there.
    std::uint64_t place = first;
    m.port.on_atomic = [&](std::uint64_t&) {
        write_somewhere();
        write(place);
    };
    m.port.on_change = [&] {
        write_somewhere();
        write(place);
    };
    const auto collect = [&](std::uint64_t ipa, std::uint64_t length) {
        ASSERT_TRUE(m.table.collect_dirty(Ipa{ipa}, length, m.owed, [&](Ipa start, std::uint64_t) {
            ++reported[start.value];
            place = start.value;
        }));
        m.table.discharge(m.owed);
    };
    for (unsigned round = 0; round < 300; ++round) {
        for (unsigned i = 0; i < 20; ++i) {
            write_somewhere();
        }
        if (round % 3 == 0) {
            const std::uint64_t at = align_down(random() % (2 * GiB), 4 * KiB);
            collect(first + at, std::min(2 * GiB - at, 4 * KiB * (1 + random() % 4096)));
        } else {
            collect(first, 2 * GiB);
        }
    }
    m.port.on_atomic = nullptr;
    m.port.on_change = nullptr;
    EXPECT_NE(written, reported); // some is dirty still
    collect(first, 2 * GiB);
    EXPECT_EQ(written, reported);
    EXPECT_GT(written.size(), 1000U);
    collect(first, 2 * GiB);
    EXPECT_EQ(written, reported);
}

// Bits of the last leaf of the input space go, and its output, which uses every address bit, stays.
TEST(Sweep, EveryGeometry) {
    unsigned blocks = 0;
    for_every_block_level([&](Machine& m, Level level) {
        const Geometry& g = m.geometry;
        const std::uint64_t size = size_at(g, level);
        const std::uint64_t page = size_at(g, 3);
        const std::uint64_t limit = std::uint64_t{1} << g.ipa_bits();
        const std::uint64_t ipa = limit - size;
        const std::uint64_t pa = high_output(g) + size;
        map(m, ipa, pa, size, dirty);
        EXPECT_EQ(harvest(m, limit - page, page), (Visits{{ipa, size}}));
        EXPECT_EQ(m.leaves(), leaves_of(g, level, ipa, pa, size, raw_r | raw_dbm));
        EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{ipa}, size, level}}));
        m.table.discharge(m.owed);
        m.adversary.expect_clean();
        ASSERT_TRUE(m.table.write_protect(Ipa{0}, limit, m.owed));
        EXPECT_EQ(m.leaves(), leaves_of(g, level, ipa, pa, size, raw_r));
        EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{ipa}, size, level}}));
        m.table.discharge(m.owed);
        m.adversary.expect_clean();
        EXPECT_EQ(young(m, 0, limit, &m.owed), (Visits{{ipa, size}}));
        EXPECT_EQ(m.leaves(), leaves_of(g, level, ipa, pa, size, raw_r & ~raw_af));
        EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{ipa}, size, level}}));
        m.table.discharge(m.owed);
        ++blocks;
    });
    EXPECT_GT(blocks, 250U);
}

TEST(Sweep, EveryErrorChangesNothing) {
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
        {first, ~std::uint64_t{0xfff}, Error::ipa_out_of_range},
    };
    Machine m{full_features(), three_levels()};
    map(m, first, output, GiB, dirty);
    const auto before = m.memory();
    for (const Row& row : rows) {
        const Ipa ipa{row.ipa};
        const auto visit = [](Ipa, std::uint64_t) { ADD_FAILURE() << "a visit"; };
        EXPECT_EQ(m.table.write_protect(ipa, row.length, m.owed).error(), row.error);
        EXPECT_EQ(m.table.test_and_clear_young(ipa, row.length, visit, &m.owed).error(), row.error);
        EXPECT_EQ(m.table.collect_dirty(ipa, row.length, m.owed, visit).error(), row.error);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
    }
}

} // namespace
} // namespace twofold::test
