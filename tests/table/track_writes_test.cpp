// SPDX-License-Identifier: MIT
// Stage2::track_writes(): what is writable becomes writable-clean, by one step each, and what was
// dirty is told.
#include "bad_ranges.hpp"
#include "sweeping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t raw_contiguous = std::uint64_t{1} << 52;

Visits track(Machine& m, std::uint64_t ipa, std::uint64_t length) {
    Visits visits;
    EXPECT_TRUE(m.table.track_writes(Ipa{ipa}, length, m.owed, into(visits)));
    return visits;
}
model::WalkResult store(Machine& m, std::uint64_t ipa) {
    const auto config =
        walk_config(m.features, m.geometry, m.table.root(),
                    VtcrOptions{.hardware_access_flag = true, .hardware_dirty_state = true});
    return model::walk(config, m.port, Ipa{ipa}, {.kind = model::AccessKind::store});
}

TEST(TrackWrites, EveryWritableLeafOnce) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, with(Permissions::rwx()));
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    EXPECT_EQ(track(m, 0, ipa_limit), Visits{});
    EXPECT_EQ(m.leaves(), every_size(raw_rx | raw_dbm));
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    expect_quiet(m);
    m.table.discharge(m.owed);
    // All are clean now.
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    EXPECT_EQ(track(m, 0, ipa_limit), Visits{});
    EXPECT_TRUE(m.owed.empty());
}

TEST(TrackWrites, EveryDirtyLeafIsToldAndClean) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, dirty);
    EXPECT_EQ(track(m, 0, ipa_limit), visits_of_every_size);
    EXPECT_EQ(m.leaves(), every_size(raw_r | raw_dbm));
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    expect_quiet(m);
}

TEST(TrackWrites, WritableLeavesGetDbmAndNoOthers) {
    struct Row {
        const char* name = {};
        Attributes attributes = {};
        std::uint64_t raw = {}; // of a page, afterwards
        bool owes = {};
        bool told = {};
    };
    const Row rows[] = {
        {"rw", with(Permissions::rw()), 0x0048'0000'0000'075b, true, false},
        {"write alone", with({.write = true}), 0x0048'0000'0000'071b, true, false},
        {"dirty", dirty, 0x0048'0000'0000'075b, true, true},
        {"clean", clean, 0x0048'0000'0000'075b, false, false},
        // Hardware would let them be written.
        {"read-only", with(Permissions::r()), 0x0040'0000'0000'075b, false, false},
        {"no access", with({}), 0x0040'0000'0000'071b, false, false},
        {"the rest of the descriptor",
         {.permissions = {.read = true, .write = true, .execute_el0 = true},
          .type = MemoryType::normal_nc,
          .shareability = Shareability::outer,
          .access_flag = false,
          .software = 15},
         0x07a8'0000'0000'0257,
         true,
         false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 4 * KiB, row.attributes);
        EXPECT_EQ(track(m, 0, ipa_limit), row.told ? (Visits{{first_ipa, 4 * KiB}}) : Visits{});
        EXPECT_EQ(m.raw({1, 0, 0}), first_pa | row.raw);
        EXPECT_EQ(m.owed.empty(), !row.owes);
        m.table.discharge(m.owed);
        const bool writable = (row.raw & raw_dbm) != 0;
        EXPECT_EQ(store(m, first_ipa).translated(), writable);
        EXPECT_EQ(harvest(m, 0, ipa_limit), writable ? (Visits{{first_ipa, 4 * KiB}}) : Visits{});
    }
}

// Stretches of one kind end where another begins.
TEST(TrackWrites, NeighboursOfEveryKind) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, with(Permissions::rw()), 4 * KiB);
    map(m, first_ipa + 0x4000, first_pa + 0x4000, 0x4000, dirty, 4 * KiB);
    map(m, first_ipa + 0x8000, first_pa + 0x8000, 0x1000, with(Permissions::r()), 4 * KiB);
    map(m, first_ipa + 0xa000, first_pa + 0xa000, 0x1000, clean, 4 * KiB);
    map(m, first_ipa + 0xb000, first_pa + 0xb000, 0x1000, dirty, 4 * KiB);
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa + 0xc000}, 0x1000, m.owed));
    m.table.discharge(m.owed);
    // By stretches, for a visitor that wants them.
    std::vector<std::array<std::uint64_t, 3>> told;
    ASSERT_TRUE(m.table.track_writes(Ipa{first_ipa}, 2 * MiB, m.owed,
                                     [&](Ipa start, std::uint64_t size, std::uint64_t count) {
                                         told.push_back({start.value, size, count});
                                     }));
    EXPECT_EQ(told, (std::vector<std::array<std::uint64_t, 3>>{{first_ipa + 0x4000, 0x1000, 4},
                                                               {first_ipa + 0xb000, 0x1000, 1}}));
    const auto tracked = [](std::uint64_t offset, std::uint64_t pages) {
        return run_of(first_ipa + offset, 4 * KiB, (first_pa + offset) | raw_r | raw_dbm | raw_page,
                      pages);
    };
    EXPECT_EQ(m.leaves(),
              join({tracked(0, 8),
                    run_of(first_ipa + 0x8000, 4 * KiB, (first_pa + 0x8000) | raw_r | raw_page, 1),
                    tracked(0x9000, 3), tracked(0xd000, 499)}));
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first_ipa}, 0x8000, 3},
                                              {Ipa{first_ipa + 0x9000}, 0x1000, 3},
                                              {Ipa{first_ipa + 0xb000}, 0x1000, 3},
                                              {Ipa{first_ipa + 0xd000}, 2 * MiB - 0xd000, 3}}));
}

TEST(TrackWrites, ABlockThatReachesBeyondIsTrackedAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * GiB, with(Permissions::rw()));
    EXPECT_EQ(track(m, 0xbfff'f000, 8 * KiB), Visits{});
    EXPECT_EQ(m.leaves(),
              join({run_of(first_ipa, GiB, first_pa | raw_rw | raw_block, 1),
                    run_of(0x8000'0000, GiB, (first_pa + GiB) | raw_r | raw_dbm | raw_block, 2),
                    run_of(0x1'0000'0000, GiB, (first_pa + 3 * GiB) | raw_rw | raw_block, 1)}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x8000'0000}, 2 * GiB, 1}}));
}

// Two runs of 16 pages; a page of the first is in the range, and one of the second, which is dirty
// in another of its entries.
TEST(TrackWrites, ARunAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 64 * KiB, with(Permissions::rw()));
    map(m, first_ipa + 64 * KiB, first_pa + 64 * KiB, 64 * KiB, clean);
    m.set_raw({1, 0, 20}, m.raw({1, 0, 20}) | raw_write);
    ASSERT_NE(m.raw({1, 0, 0}) & m.raw({1, 0, 31}) & raw_contiguous, 0U);
    EXPECT_EQ(track(m, first_ipa + 0xf000, 0x2000), (Visits{{first_ipa + 64 * KiB, 64 * KiB}}));
    EXPECT_EQ(
        m.marked_leaves(),
        run_of(first_ipa, 4 * KiB, first_pa | raw_r | raw_dbm | raw_contiguous | raw_page, 32));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{first_ipa}, 128 * KiB, 3}}));
    m.table.discharge(m.owed);
    EXPECT_TRUE(store(m, first_ipa + 0x3000).translated());
    EXPECT_EQ(harvest(m, first_ipa, 128 * KiB), (Visits{{first_ipa, 64 * KiB}}));
}

// No moment at which a leaf could be written unnoticed after hardware was asked to notice, nor one
// at which a guest would be refused.
TEST(TrackWrites, EachLeafInOneStep) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 128 * KiB, with(Permissions::rw()), 64 * KiB); // runs
    map(m, first_ipa + 2 * MiB, first_pa + 2 * MiB, 2 * MiB, with(Permissions::rw()));
    unsigned changes = 0;
    m.port.on_change = [&] {
        std::uint64_t tracked = 0;
        for (const RawLeaf& leaf : m.marked_leaves()) {
            const bool dbm = (leaf.raw & raw_dbm) != 0;
            EXPECT_NE(dbm, (leaf.raw & raw_write) != 0) << leaf;
            tracked += dbm ? 1 : 0;
        }
        EXPECT_EQ(tracked, ++changes);
    };
    EXPECT_EQ(track(m, first_ipa, 4 * MiB), Visits{});
    EXPECT_EQ(changes, 33U);
}

TEST(TrackWrites, AnAccessFlagThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    const Attributes old{.permissions = Permissions::rw(), .access_flag = false};
    map(m, first_ipa, first_pa, GiB, old);
    map(m, first_ipa + GiB, first_pa + GiB, 64 * KiB, old);
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_af; };
    EXPECT_EQ(track(m, first_ipa, 2 * GiB), Visits{});
    EXPECT_EQ(m.leaves(), join({run_of(first_ipa, GiB, first_pa | raw_r | raw_dbm | raw_block, 1),
                                run_of(first_ipa + GiB, 4 * KiB,
                                       (first_pa + GiB) | raw_r | raw_dbm | raw_page, 16)}));
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first_ipa}, GiB, 1},
                                              {Ipa{first_ipa + GiB}, 64 * KiB, 3}}));
}

// Another CPU changes the leaf just before: what is read-only by then stays so, as does what is
// gone, or there anew.
TEST(TrackWrites, ALeafThatChangesMeanwhile) {
    using Change = void (*)(Machine&, Invalidation&);
    struct Row {
        const char* name = {};
        Change change = {};
        std::uint64_t raw = {};
    };
    const Row rows[] = {
        {"protected",
         [](Machine& m, Invalidation& owed) {
             EXPECT_TRUE(m.table.protect(Ipa{first_ipa}, 4 * KiB, Permissions::r(), owed));
         },
         first_pa | raw_r | raw_page},
        {"relaxed",
         [](Machine& m, Invalidation& owed) {
             EXPECT_TRUE(m.table.relax(Ipa{first_ipa}, Permissions::rwx(), owed));
         },
         first_pa | raw_rx | raw_dbm | raw_page},
        {"mapped anew",
         [](Machine& m, Invalidation& owed) {
             EXPECT_TRUE(m.table.unmap(Ipa{first_ipa}, 4 * KiB, owed));
             m.table.discharge(owed);
             EXPECT_TRUE(m.table.map_if_absent(
                 request(first_ipa, first_pa + 4 * KiB, 4 * KiB, Permissions::rw(), 4 * KiB)));
         },
         (first_pa + 4 * KiB) | raw_r | raw_dbm | raw_page},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 8 * KiB, with(Permissions::rw()), 4 * KiB);
        m.port.on_atomic = [&](std::uint64_t&) {
            if (m.port.on_atomic) {
                m.port.on_atomic = nullptr;
                Invalidation owed;
                row.change(m, owed);
                m.table.discharge(owed);
            }
        };
        EXPECT_EQ(track(m, first_ipa, 8 * KiB), Visits{});
        EXPECT_EQ(m.raw({1, 0, 0}), row.raw);
        EXPECT_EQ(m.raw({1, 0, 1}), (first_pa + 4 * KiB) | raw_r | raw_dbm | raw_page);
    }
}

// Who loses a race sixteen times says so, and how far it came.
TEST(TrackWrites, ALeafThatChangesAgainAndAgain) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 12 * KiB, with(Permissions::rw()), 4 * KiB);
    const Ipa second{first_ipa + 4 * KiB};
    unsigned changes = 0;
    bool busy = false;
    m.port.on_atomic = [&](std::uint64_t& word) {
        if (busy || (word & 0xf000) != 0x1000) {
            return;
        }
        busy = true;
        Invalidation owed;
        const bool execute = ++changes % 2 == 1;
        EXPECT_TRUE(m.table.protect(second, 4 * KiB,
                                    {.read = true, .write = true, .execute_el0 = execute}, owed));
        m.table.discharge(owed);
        busy = false;
    };
    Progress progress;
    const auto visit = [](Ipa, std::uint64_t) { ADD_FAILURE() << "a visit"; };
    EXPECT_EQ(m.table.track_writes(Ipa{first_ipa}, 12 * KiB, m.owed, visit, &progress).error(),
              Error::again);
    EXPECT_EQ(progress.next, second);
    EXPECT_EQ(changes, 18U); // at the end and the start of a stretch, and sixteen times alone
    EXPECT_EQ(m.raw({1, 0, 0}), first_pa | raw_r | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 0, 2}), (first_pa + 8 * KiB) | raw_rw | raw_page);
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{first_ipa}, 4 * KiB, 3}}));
    m.port.on_atomic = nullptr;
    ASSERT_TRUE(m.table.track_writes(Ipa{first_ipa}, 12 * KiB, m.owed, visit, &progress));
    EXPECT_EQ(m.raw({1, 0, 1}) & (raw_write | raw_dbm), raw_dbm);
    EXPECT_EQ(m.raw({1, 0, 2}) & (raw_write | raw_dbm), raw_dbm);
}

TEST(TrackWrites, EveryErrorChangesNothing) {
    const auto visit = [](Ipa, std::uint64_t) { ADD_FAILURE() << "a visit"; };
    CpuFeatures without = full_features();
    without.dirty_state = false;
    Machine old{without, three_levels()};
    map(old, first_ipa, first_pa, GiB, with(Permissions::rw()));
    EXPECT_EQ(old.table.track_writes(Ipa{first_ipa}, GiB, old.owed, visit).error(),
              Error::dbm_needs_hafdbs);
    EXPECT_EQ(old.leaves(), run_of(first_ipa, GiB, first_pa | raw_rw | raw_block, 1));

    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, dirty);
    const auto before = m.memory();
    for (const BadRange& row : bad_ranges) {
        EXPECT_EQ(m.table.track_writes(Ipa{row.ipa}, row.length, m.owed, visit).error(), row.error);
    }
    EXPECT_EQ(m.memory(), before);
    EXPECT_TRUE(m.owed.empty());
}

// A guest writes before and after each atomic operation of the engine. From the end of the call on,
// each page that it has written since it was found clean is found dirty.
TEST(TrackWrites, WhatIsWrittenAfterwardsIsFound) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, 2 * MiB, with(Permissions::rw()), 4 * KiB);
        map(m, first_ipa + 2 * MiB, first_pa + 2 * MiB, 6 * MiB, with(Permissions::rw()), 2 * MiB);
        std::mt19937_64 random{seed};
        const auto leaf_of = [](std::uint64_t ipa) {
            return ipa & ~((ipa < first_ipa + 2 * MiB ? 4 * KiB : 2 * MiB) - 1);
        };
        std::set<std::uint64_t> written;
        std::set<std::uint64_t> told;
        const auto write_somewhere = [&] {
            const std::uint64_t ipa =
                first_ipa + random() % (random() % 2 == 0 ? 64 * KiB : 8 * MiB);
            ASSERT_TRUE(store(m, ipa).translated());
            written.insert(leaf_of(ipa));
        };
        const auto note = [&](Ipa start, std::uint64_t) { told.insert(start.value); };
        m.port.on_atomic = [&](std::uint64_t&) { write_somewhere(); };
        m.port.on_change = write_somewhere;
        // Logging starts: what is written meanwhile may be before or after.
        ASSERT_TRUE(m.table.track_writes(Ipa{first_ipa}, 8 * MiB, m.owed, note));
        m.table.discharge(m.owed);
        EXPECT_TRUE(told.empty());
        written.clear();
        for (unsigned i = 0; i < 50; ++i) {
            write_somewhere();
        }
        // It starts anew, with some leaves dirty.
        ASSERT_TRUE(m.table.track_writes(Ipa{first_ipa}, 8 * MiB, m.owed, note));
        m.table.discharge(m.owed);
        m.port.on_atomic = nullptr;
        m.port.on_change = nullptr;
        ASSERT_TRUE(m.table.collect_dirty(Ipa{first_ipa}, 8 * MiB, m.owed, note));
        EXPECT_TRUE(std::ranges::includes(told, written));
        // Nothing was told that was never written.
        EXPECT_LT(told.size(), 515U);
    }
}

} // namespace
} // namespace twofold::test
