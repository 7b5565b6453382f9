// SPDX-License-Identifier: MIT
// Stage2::test_and_clear_young(): which leaves were used since the last time.
#include "sweeping.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

TEST(TestAndClearYoung, EveryYoungLeafUpwards) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, with(Permissions::rwx()));
    m.port.allocations_until_failure = 0;
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 5U); };
    EXPECT_EQ(young(m, 0, ipa_limit), visits_of_every_size);
    EXPECT_EQ(m.leaves(), every_size(raw_rwx & ~raw_af));
    EXPECT_TRUE(m.owed.empty());
    // Old now.
    m.port.on_atomic = [](std::uint64_t&) { ADD_FAILURE() << "an atomic"; };
    EXPECT_EQ(young(m, 0, ipa_limit, &m.owed), Visits{});
    EXPECT_TRUE(m.owed.empty());
    m.port.on_atomic = nullptr;
    // One is used again.
    ASSERT_TRUE(m.table.make_young(Ipa{0xc010'0000}));
    EXPECT_EQ(young(m, 0, ipa_limit, &m.owed), (Visits{{0xc000'0000, 2 * MiB}}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0xc000'0000}, 2 * MiB, 2}}));
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
    expect_quiet(m);
}

TEST(TestAndClearYoung, OwesEachLeafToWhoAsks) {
    Machine m{full_features(), three_levels()};
    map_every_size(m, dirty);
    EXPECT_EQ(young(m, 0, ipa_limit, &m.owed), visits_of_every_size);
    EXPECT_EQ(ranges_of(m.owed), owed_for_every_size);
    // Dirty state is another matter.
    EXPECT_EQ(m.leaves(), every_size((raw_rw | raw_dbm) & ~raw_af));
}

// The visitor hears of the block, not of the part in the range; an old neighbour is not touched.
TEST(TestAndClearYoung, ABlockThatReachesBeyondCountsAsAWhole) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * GiB, with(Permissions::rwx()));
    EXPECT_EQ(young(m, 0x7fff'f000, 4 * KiB), (Visits{{first_ipa, GiB}}));
    EXPECT_EQ(m.raw({1}), (first_pa | raw_rwx | raw_block) & ~raw_af);
    EXPECT_EQ(m.raw({2}), (first_pa + GiB) | raw_rwx | raw_block);
    EXPECT_EQ(young(m, 0x7fff'f000, 8 * KiB), (Visits{{0x8000'0000, GiB}}));
}

TEST(TestAndClearYoung, PagesOfTheRangeAlone) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * MiB, with(Permissions::rwx()), 4 * KiB);
    EXPECT_EQ(young(m, first_ipa + 0x1f'f000, 8 * KiB),
              (Visits{{first_ipa + 0x1f'f000, 4 * KiB}, {first_ipa + 0x20'0000, 4 * KiB}}));
    EXPECT_EQ(m.leaves(), join({run_of(first_ipa, 4 * KiB, first_pa | raw_rwx | raw_page, 511),
                                run_of(first_ipa + 0x1f'f000, 4 * KiB,
                                       (0x80'001f'f000 | raw_rwx | raw_page) & ~raw_af, 2),
                                run_of(first_ipa + 0x20'1000, 4 * KiB,
                                       0x80'0020'1000 | raw_rwx | raw_page, 511)}));
    // A hole of a gigabyte, and one of a page.
    EXPECT_EQ(young(m, 0, first_ipa), Visits{});
    EXPECT_EQ(young(m, first_ipa + 4 * MiB, 4 * KiB), Visits{});
}

TEST(TestAndClearYoung, DirtyStateThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, clean);
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_write; };
    EXPECT_EQ(young(m, first_ipa, GiB), (Visits{{first_ipa, GiB}}));
    EXPECT_EQ(m.raw({1}), (first_pa | raw_rw | raw_dbm | raw_block) & ~raw_af);
}

} // namespace
} // namespace twofold::test
