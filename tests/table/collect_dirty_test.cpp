// SPDX-License-Identifier: MIT
// Stage2::collect_dirty(): what hardware found written is reported once, and never lost.
#include "sweeping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace twofold::test {
namespace {

TEST(CollectDirty, EveryDirtyLeafUpwards) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, dirty);
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    EXPECT_EQ(harvest(m, 0, ipa_limit), visits_of_every_size);
    EXPECT_EQ(m.leaves(), every_size(raw_r | raw_dbm));
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    expect_quiet(m);
    m.table.discharge(m.owed);
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    EXPECT_EQ(harvest(m, 0, ipa_limit), Visits{});
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
        map(m, first_ipa, first_pa, 4 * KiB, row.attributes);
        EXPECT_EQ(harvest(m, 0, ipa_limit), row.found ? (Visits{{first_ipa, 4 * KiB}}) : Visits{});
        EXPECT_EQ(m.raw({1, 0, 0}), first_pa | row.raw);
        EXPECT_EQ(m.owed.empty(), !row.found);
    }
}

TEST(CollectDirty, OnlyWhatIsDirtyIsOwed) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, clean, 4 * KiB);
    for (const unsigned i : {0U, 1U, 7U, 511U}) {
        m.set_raw({1, 0, i}, m.raw({1, 0, i}) | raw_write);
    }
    EXPECT_EQ(harvest(m, first_ipa, GiB), (Visits{{first_ipa, 4 * KiB},
                                                  {first_ipa + 0x1000, 4 * KiB},
                                                  {first_ipa + 0x7000, 4 * KiB},
                                                  {first_ipa + 0x1f'f000, 4 * KiB}}));
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first_ipa}, 8 * KiB, 3},
                                              {Ipa{first_ipa + 0x7000}, 4 * KiB, 3},
                                              {Ipa{first_ipa + 0x1f'f000}, 4 * KiB, 3}}));
    EXPECT_EQ(m.leaves(), run_of(first_ipa, 4 * KiB, first_pa | raw_r | raw_dbm | raw_page, 512));
}

TEST(CollectDirty, ABlockThatReachesBeyondCountsAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 3 * GiB, dirty);
    EXPECT_EQ(harvest(m, 0x7fff'f000, 8 * KiB), (Visits{{first_ipa, GiB}, {0x8000'0000, GiB}}));
    EXPECT_EQ(m.leaves(), join({run_of(first_ipa, GiB, first_pa | raw_r | raw_dbm | raw_block, 2),
                                run_of(0xc000'0000, GiB,
                                       (first_pa + 2 * GiB) | raw_rw | raw_dbm | raw_block, 1)}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{first_ipa}, 2 * GiB, 1}}));
}

TEST(CollectDirty, PagesOfTheRangeAlone) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * MiB, dirty, 4 * KiB);
    EXPECT_EQ(harvest(m, first_ipa + 0x1f'f000, 8 * KiB),
              (Visits{{first_ipa + 0x1f'f000, 4 * KiB}, {first_ipa + 0x20'0000, 4 * KiB}}));
    EXPECT_EQ(m.raw({1, 0, 510}), 0x80'001f'e000 | raw_rw | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 0, 511}), 0x80'001f'f000 | raw_r | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 1, 0}), 0x80'0020'0000 | raw_r | raw_dbm | raw_page);
    EXPECT_EQ(m.raw({1, 1, 1}), 0x80'0020'1000 | raw_rw | raw_dbm | raw_page);
}

TEST(CollectDirty, AnAccessFlagThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB,
        {.permissions = Permissions::rw(), .access_flag = false, .dbm = true});
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_af; };
    EXPECT_EQ(harvest(m, first_ipa, GiB), (Visits{{first_ipa, GiB}}));
    EXPECT_EQ(m.raw({1}), first_pa | raw_r | raw_dbm | raw_block);
}

// The walker writes as a guest under VTCR_EL2.HD does, before and after each atomic operation of
// the engine, there and elsewhere. Each change from clean to dirty is reported once.
TEST(CollectDirty, ReportsAreWhatWasWritten) {
    Machine m{full_features(), three_levels()};
    const std::uint64_t limit = first_ipa + 2 * GiB;
    map(m, first_ipa, first_pa, 4 * MiB, clean, 4 * KiB);
    map(m, first_ipa + 4 * MiB, first_pa + 4 * MiB, 64 * MiB, clean, 2 * MiB);
    map(m, first_ipa + GiB, first_pa + GiB, GiB, clean);
    const auto config =
        walk_config(m.features, m.geometry, m.table.root(),
                    VtcrOptions{.hardware_access_flag = true, .hardware_dirty_state = true});
    // By the start of the leaf.
    std::map<std::uint64_t, unsigned> written;
    std::map<std::uint64_t, unsigned> reported;
    std::mt19937_64 random{2};
    const auto write = [&](std::uint64_t ipa) {
        const auto size = ipa < first_ipa + 4 * MiB ? 4 * KiB
                          : ipa < first_ipa + GiB   ? 2 * MiB
                                                    : GiB;
        const auto result =
            model::walk(config, m.port, Ipa{ipa}, {.kind = model::AccessKind::store});
        ASSERT_TRUE(result.translated());
        if (result.updates.size() != 0) {
            ++written[ipa & ~(size - 1)];
        }
    };
    const auto write_somewhere = [&] {
        const std::uint64_t spans[] = {4 * MiB, 4 * MiB, 68 * MiB, 2 * GiB};
        std::uint64_t ipa = first_ipa + random() % spans[random() % 4];
        if (ipa >= first_ipa + 68 * MiB && ipa < first_ipa + GiB) {
            ipa = limit - 1; // the hole
        }
        write(ipa);
    };
    // Where the sweep is now, it comes no more: most updates that could be lost are there.
    std::uint64_t place = first_ipa;
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
            collect(first_ipa + at, std::min(2 * GiB - at, 4 * KiB * (1 + random() % 4096)));
        } else {
            collect(first_ipa, 2 * GiB);
        }
    }
    m.port.on_atomic = nullptr;
    m.port.on_change = nullptr;
    EXPECT_NE(written, reported); // some is dirty still
    collect(first_ipa, 2 * GiB);
    EXPECT_EQ(written, reported);
    EXPECT_GT(written.size(), 1000U);
    collect(first_ipa, 2 * GiB);
    EXPECT_EQ(written, reported);
}

} // namespace
} // namespace twofold::test
