// SPDX-License-Identifier: MIT
// Invalidation: what is owed after each call, worked out by hand.
#include <twofold/table/invalidation.hpp>

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace twofold::test {
namespace {

constexpr auto local = InvalidationScope::local;
constexpr auto everywhere = InvalidationScope::inner_shareable;

// Clears what a test added: an obligation may not be dropped.
struct Owed : Invalidation {
    ~Owed() { clear(); }
};

std::vector<InvalidationRange> ranges_of(const Invalidation& owed) {
    return {owed.ranges().begin(), owed.ranges().end()};
}

TEST(Invalidation, StartsWithNothingOwed) {
    const Invalidation owed;
    EXPECT_TRUE(owed.empty());
    EXPECT_FALSE(owed.needs_tlbi());
    EXPECT_FALSE(owed.whole_vmid());
    EXPECT_TRUE(owed.ranges().empty());
    EXPECT_EQ(owed.tables_to_free(), 0U);
    EXPECT_FALSE(owed.overlaps(Ipa{0}, ~std::uint64_t{0}));
    EXPECT_EQ(owed.scope(), local);
    EXPECT_TRUE(owed.leaf_only());
}

TEST(Invalidation, MergesNeighboursOfOneLevel) {
    Owed owed;
    owed.add_leaf(Ipa{0x20'0000}, 0x20'0000, 2);
    owed.add_leaf(Ipa{0x40'0000}, 0x20'0000, 2);
    owed.add_leaf(Ipa{0x60'0000}, 0x20'0000, 2);
    EXPECT_EQ(ranges_of(owed), (std::vector<InvalidationRange>{{Ipa{0x20'0000}, 0x60'0000, 2}}));
    EXPECT_EQ(owed.ranges()[0].end(), Ipa{0x80'0000});
}

TEST(Invalidation, KeepsApartWhatIsNotANeighbourOrOfAnotherLevel) {
    Owed owed;
    owed.add_leaf(Ipa{0x1000}, 0x1000, 3);
    owed.add_leaf(Ipa{0x3000}, 0x1000, 3);     // a gap of a page
    owed.add_leaf(Ipa{0x4000}, 0x20'0000, 2);  // adjacent, another level
    owed.add_table(Ipa{0x20'4000}, 0x20'0000); // adjacent, of any level
    owed.add_table(Ipa{0x40'4000}, 0x20'0000); // merges
    owed.add_leaf(Ipa{0}, 0x1000, 3);          // before the first
    EXPECT_EQ(ranges_of(owed), (std::vector<InvalidationRange>{{Ipa{0x1000}, 0x1000, 3},
                                                               {Ipa{0x3000}, 0x1000, 3},
                                                               {Ipa{0x4000}, 0x20'0000, 2},
                                                               {Ipa{0x20'4000}, 0x40'0000, {}},
                                                               {Ipa{0}, 0x1000, 3}}));
}

TEST(Invalidation, JoinsWhatOverlaps) {
    Owed owed;
    owed.add_leaf(Ipa{0x1000}, 0x2000, 3);
    owed.add_leaf(Ipa{0x2000}, 0x1000, 3); // once more
    owed.add_leaf(Ipa{0x2000}, 0x2000, 3); // and further
    EXPECT_EQ(ranges_of(owed), (std::vector<InvalidationRange>{{Ipa{0x1000}, 0x3000, 3}}));
    // Another level in the same place is not the same entry.
    owed.add_leaf(Ipa{0}, 0x20'0000, 2);
    EXPECT_EQ(owed.ranges().size(), 2U);
}

TEST(Invalidation, TableTakesInWhatLiesBelowIt) {
    Owed owed;
    owed.add_leaf(Ipa{0x1000}, 0x1000, 3); // outside
    owed.add_leaf(Ipa{0x20'1000}, 0x1000, 3);
    owed.add_leaf(Ipa{0x20'4000}, 0x1000, 3);
    owed.add_table(Ipa{0x20'0000}, 0x20'0000);
    EXPECT_EQ(ranges_of(owed), (std::vector<InvalidationRange>{{Ipa{0x1000}, 0x1000, 3},
                                                               {Ipa{0x20'0000}, 0x20'0000, {}}}));
    // What it takes in may have kept it from its neighbour.
    owed.add_leaf(Ipa{0x40'0000}, 0x1000, 3);
    owed.add_table(Ipa{0x40'0000}, 0x20'0000);
    EXPECT_EQ(ranges_of(owed), (std::vector<InvalidationRange>{{Ipa{0x1000}, 0x1000, 3},
                                                               {Ipa{0x20'0000}, 0x40'0000, {}}}));
    // Partly outside, before or after: stays.
    Owed across;
    across.add_leaf(Ipa{0x1f'f000}, 0x2000, 3);
    across.add_table(Ipa{0x20'0000}, 0x20'0000);
    EXPECT_EQ(across.ranges().size(), 2U);
    Owed beyond;
    beyond.add_leaf(Ipa{0x3f'f000}, 0x2000, 3);
    beyond.add_table(Ipa{0x20'0000}, 0x20'0000);
    EXPECT_EQ(beyond.ranges().size(), 2U);
    // A leaf takes nothing in: its TLBI removes entries of its own level only.
    Owed leaf;
    leaf.add_leaf(Ipa{0x20'1000}, 0x1000, 3);
    leaf.add_leaf(Ipa{0x20'0000}, 0x20'0000, 2);
    EXPECT_EQ(leaf.ranges().size(), 2U);
}

TEST(Invalidation, BecomesTheWholeVmidWhenRangesOverflow) {
    Owed owed;
    for (unsigned i = 0; i < 8; ++i) {
        owed.add_leaf(Ipa{0x2000 * std::uint64_t{i}}, 0x1000, 3, local);
        EXPECT_FALSE(owed.whole_vmid());
        EXPECT_EQ(owed.ranges().size(), i + 1);
    }
    // Full, but a neighbour of the last needs no room.
    owed.add_leaf(Ipa{0xf000}, 0x1000, 3, local);
    EXPECT_FALSE(owed.whole_vmid());
    EXPECT_EQ(owed.scope(), local);
    EXPECT_TRUE(owed.leaf_only());

    owed.add_leaf(Ipa{0x11000}, 0x1000, 3, local);
    EXPECT_TRUE(owed.whole_vmid());
    EXPECT_TRUE(owed.needs_tlbi());
    EXPECT_TRUE(owed.ranges().empty());
    EXPECT_FALSE(owed.leaf_only());
    EXPECT_EQ(owed.scope(), everywhere);
    EXPECT_TRUE(owed.overlaps(Ipa{0x7fff'f000}, 0x1000));

    // More changes nothing.
    owed.add_leaf(Ipa{0x5'0000}, 0x1000, 3);
    EXPECT_TRUE(owed.ranges().empty());
}

TEST(Invalidation, ReachesAsFarAsItsWidestChange) {
    Owed owed;
    owed.add_leaf(Ipa{0x1000}, 0x1000, 3, local);
    EXPECT_EQ(owed.scope(), local);
    owed.add_leaf(Ipa{0x2000}, 0x1000, 3, everywhere);
    EXPECT_EQ(owed.scope(), everywhere);
    EXPECT_EQ(owed.ranges().size(), 1U);
    owed.add_leaf(Ipa{0x3000}, 0x1000, 3, local);
    EXPECT_EQ(owed.scope(), everywhere);

    Owed table;
    table.add_leaf(Ipa{0}, 0x1000, 3, local);
    table.add_table(Ipa{0x20'0000}, 0x20'0000);
    EXPECT_EQ(table.scope(), everywhere);

    Owed whole;
    whole.add_whole_vmid();
    EXPECT_EQ(whole.scope(), everywhere);
    EXPECT_FALSE(whole.leaf_only());
}

TEST(Invalidation, TableMakesCachedTableEntriesGoToo) {
    Owed owed;
    owed.add_leaf(Ipa{0}, 0x1000, 3);
    EXPECT_TRUE(owed.leaf_only());
    owed.add_table(Ipa{0x20'0000}, 0x20'0000);
    EXPECT_FALSE(owed.leaf_only());
    owed.add_leaf(Ipa{0x40'0000}, 0x1000, 3);
    EXPECT_FALSE(owed.leaf_only());
}

TEST(Invalidation, OverlapsToTheByte) {
    Owed owed;
    owed.add_leaf(Ipa{0x4000}, 0x2000, 3);
    owed.add_leaf(Ipa{0x10000}, 0x1000, 3);
    EXPECT_FALSE(owed.overlaps(Ipa{0x3000}, 0x1000));
    EXPECT_TRUE(owed.overlaps(Ipa{0x3000}, 0x1001));
    EXPECT_TRUE(owed.overlaps(Ipa{0x5fff}, 1));
    EXPECT_FALSE(owed.overlaps(Ipa{0x6000}, 0xa000));
    EXPECT_TRUE(owed.overlaps(Ipa{0x6000}, 0xb000));
    EXPECT_TRUE(owed.overlaps(Ipa{0x4800}, 0x100));
    EXPECT_TRUE(owed.overlaps(Ipa{0}, 0x10'0000));
    EXPECT_FALSE(owed.overlaps(Ipa{0x11000}, 0x1000));
}

TEST(Invalidation, MovesItsObligationAndKeepsNone) {
    Owed from;
    from.add_leaf(Ipa{0x4000}, 0x1000, 3);
    from.add_table(Ipa{0x20'0000}, 0x20'0000);
    from.tables().head = Pa{0x9000};
    from.tables().count = 1;
    Invalidation to{std::move(from)};
    EXPECT_TRUE(from.empty()); // NOLINT(bugprone-use-after-move): what a move leaves is defined
    EXPECT_EQ(from.scope(), local);
    EXPECT_TRUE(from.leaf_only());
    EXPECT_EQ(ranges_of(to), (std::vector<InvalidationRange>{{Ipa{0x4000}, 0x1000, 3},
                                                             {Ipa{0x20'0000}, 0x20'0000, {}}}));
    EXPECT_EQ(to.tables_to_free(), 1U);
    EXPECT_EQ(to.tables().head, Pa{0x9000});
    EXPECT_EQ(to.scope(), everywhere);
    EXPECT_FALSE(to.leaf_only());

    Owed whole;
    whole.add_whole_vmid();
    Invalidation taken{std::move(whole)};
    EXPECT_TRUE(taken.whole_vmid());
    EXPECT_FALSE(whole.needs_tlbi()); // NOLINT(bugprone-use-after-move)

    to.clear();
    taken.clear();
    EXPECT_TRUE(to.empty());
    EXPECT_EQ(to.scope(), local);
    EXPECT_TRUE(to.leaf_only());
    EXPECT_TRUE(taken.empty());
}

TEST(Invalidation, TablesAloneAreAnObligation) {
    Owed owed;
    owed.tables().head = Pa{0x1000};
    owed.tables().count = 1;
    EXPECT_FALSE(owed.empty());
    EXPECT_FALSE(owed.needs_tlbi());
}

TEST(InvalidationDeathTest, DroppingAnObligationTraps) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            Invalidation owed;
            owed.add_leaf(Ipa{0x1000}, 0x1000, 3);
        },
        "");
    EXPECT_DEATH(
        {
            Invalidation owed;
            owed.tables().count = 1;
        },
        "");
}

} // namespace
} // namespace twofold::test
