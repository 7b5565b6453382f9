// SPDX-License-Identifier: MIT
// Stage2::write_protect(): no leaf of the range, nor hardware, lets a write through.
#include "sweeping.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

TEST(WriteProtect, EveryLeafOnce) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, with(Permissions::rwx()));
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    ASSERT_TRUE(m.table.write_protect(Ipa{0}, ipa_limit, m.owed));
    EXPECT_EQ(m.leaves(), every_size(raw_rx));
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    EXPECT_EQ(m.owed.tables_to_free(), 0U);
    expect_quiet(m);
    // Nothing is left to take away.
    m.table.discharge(m.owed);
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    ASSERT_TRUE(m.table.write_protect(Ipa{0}, ipa_limit, m.owed));
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
        map(m, first_ipa, first_pa, GiB, row.attributes);
        ASSERT_TRUE(m.table.write_protect(Ipa{first_ipa}, GiB, m.owed));
        EXPECT_EQ(m.raw({1}), first_pa | row.raw);
        EXPECT_EQ(m.owed.empty(), !row.owes);
        // With hardware's management of dirty state too.
        const auto config =
            walk_config(m.features, m.geometry, m.table.root(),
                        VtcrOptions{.hardware_access_flag = true, .hardware_dirty_state = true});
        const auto store =
            model::walk(config, m.port, Ipa{first_ipa},
                        {.kind = model::AccessKind::store, .level = model::AccessLevel::el0});
        EXPECT_TRUE(store.faulted(model::FaultKind::permission, 1));
    }
}

TEST(WriteProtect, ABlockThatReachesBeyondIsProtectedAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * GiB, with(Permissions::rw()));
    // The last page of the second block and the first of the third.
    ASSERT_TRUE(m.table.write_protect(Ipa{0xbfff'f000}, 8 * KiB, m.owed));
    EXPECT_EQ(m.leaves(),
              join({run_of(first_ipa, GiB, first_pa | raw_rw | raw_block, 1),
                    run_of(0x8000'0000, GiB, (first_pa + GiB) | raw_r | raw_block, 2),
                    run_of(0x1'0000'0000, GiB, (first_pa + 3 * GiB) | raw_rw | raw_block, 1)}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x8000'0000}, 2 * GiB, 1}}));
    expect_quiet(m);
}

TEST(WriteProtect, PagesOfTheRangeAlone) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * MiB, with(Permissions::rw()), 4 * KiB);
    ASSERT_TRUE(m.table.write_protect(Ipa{first_ipa + 0x1f'e000}, 16 * KiB, m.owed));
    EXPECT_EQ(
        m.leaves(),
        join({run_of(first_ipa, 4 * KiB, first_pa | raw_rw | raw_page, 510),
              run_of(first_ipa + 0x1f'e000, 4 * KiB, 0x80'001f'e000 | raw_r | raw_page, 4),
              run_of(first_ipa + 0x20'2000, 4 * KiB, 0x80'0020'2000 | raw_rw | raw_page, 510)}));
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first_ipa + 0x1f'e000}, 16 * KiB, 3}}));
}

TEST(WriteProtect, AnAccessFlagThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, {.permissions = Permissions::rw(), .access_flag = false});
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_af; };
    ASSERT_TRUE(m.table.write_protect(Ipa{first_ipa}, GiB, m.owed));
    EXPECT_EQ(m.raw({1}), first_pa | raw_r | raw_block);
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{first_ipa}, GiB, 1}}));
}

} // namespace
} // namespace twofold::test
