// SPDX-License-Identifier: MIT
// Stage2::entry(), and what is done at the entry that it has found without another walk: map_at(),
// relax_now_at().
#include "geometries.hpp"
#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;

// What hardware would find there.
std::uint64_t translated(Machine& m, std::uint64_t ipa) { return m.translate(ipa).value_or(0); }

// The same in every geometry, whether its descriptors are of the usual kind or not.
TEST(FoundEntry, AHoleIsFilledByEachSizeInEveryGeometry) {
    unsigned mapped = 0;
    for (const Geometry& g : every_geometry(full_features())) {
        SCOPED_TRACE(name_of(g));
        for (Level level = g.top_leaf_level(); level <= page_level; ++level) {
            const std::uint64_t size = g.entry_size(level);
            if (size > g.ipa_limit() / 2) {
                continue;
            }
            Machine m{full_features(),
                      {.granule = g.granule(),
                       .ipa_bits = g.ipa_bits(),
                       .lpa2 = g.lpa2(),
                       .initial_level = g.initial_level()}};
            const std::uint64_t ipa = g.ipa_limit() - size;
            const std::uint64_t pa = std::uint64_t{1} << 47;
            const RawEntry hole = m.table.entry(Ipa{ipa + size - 1});
            ASSERT_FALSE(hole.is_leaf);
            ASSERT_EQ(hole.raw, 0U);
            ASSERT_TRUE(m.table.map_at(hole, request(ipa, pa, size, Permissions::r(), size)));
            EXPECT_EQ(translated(m, ipa + size - 1), pa + size - 1);
            const RawEntry leaf = m.table.entry(Ipa{ipa});
            ASSERT_TRUE(leaf.is_leaf);
            EXPECT_EQ(leaf.level, level);
            EXPECT_FALSE(m.table.allows(leaf, AccessKind::write));
            EXPECT_TRUE(m.table.allows(leaf, AccessKind::read));
            EXPECT_FALSE(m.table.allows(leaf, AccessKind::fetch));
            const auto write = model::Access{.kind = model::AccessKind::store};
            ASSERT_FALSE(m.walk(ipa, write).translated());
            ASSERT_TRUE(m.table.relax_now_at(leaf, Ipa{ipa + size - 1}, Permissions::rwx()));
            EXPECT_TRUE(m.walk(ipa, write).translated());
            EXPECT_TRUE(m.table.allows(m.table.entry(Ipa{ipa}), AccessKind::fetch));
            ASSERT_EQ(m.discharged.size(), 1U);
            EXPECT_EQ(m.discharged[0].scope, InvalidationScope::local);
            ASSERT_EQ(m.discharged[0].ranges.size(), 1U);
            EXPECT_EQ(m.discharged[0].ranges[0].start, Ipa{ipa});
            EXPECT_EQ(m.discharged[0].ranges[0].length, size);
            ++mapped;
        }
    }
    EXPECT_GT(mapped, 300U);
}

TEST(FoundEntry, AHoleThatWasFilledMeanwhileIsNot) {
    Machine m{full_features(), two_levels()};
    map(m, first_ipa + page, first_pa + page, page);
    const RawEntry hole = m.table.entry(Ipa{first_ipa});
    ASSERT_EQ(hole.level, page_level);
    map(m, first_ipa, first_pa, page, with(Permissions::r()));
    const auto before = m.memory();
    EXPECT_EQ(m.table.map_at(hole, request(first_ipa, first_pa + MiB, page)).error(),
              Error::already_mapped);
    EXPECT_EQ(m.memory(), before);
}

// A table has come to where the hole was: the page finds its way into it, the block does not.
TEST(FoundEntry, ATableThatCameMeanwhileIsUsed) {
    Machine m{full_features(), two_levels()};
    const RawEntry hole = m.table.entry(Ipa{first_ipa});
    ASSERT_EQ(hole.level, page_level - 1);
    map(m, first_ipa + page, first_pa + page, page);
    EXPECT_EQ(m.table.map_at(hole, request(first_ipa, first_pa, 2 * MiB)).error(),
              Error::already_mapped);
    ASSERT_TRUE(m.table.map_at(hole, request(first_ipa, first_pa, page)));
    EXPECT_EQ(translated(m, first_ipa), first_pa);
}

// Until it is invalidated, what stood there may be in a TLB.
TEST(FoundEntry, AHoleThatWaitsForItsInvalidationIsNotFilled) {
    Machine m{full_features(), two_levels()};
    map(m, first_ipa, first_pa, 2 * page);
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa}, page, m.owed));
    const RawEntry early = m.table.entry(Ipa{first_ipa});
    EXPECT_EQ(m.table.map_at(early, request(first_ipa, first_pa + MiB, page)).error(),
              Error::again);
    m.table.discharge(m.owed);
    const RawEntry late = m.table.entry(Ipa{first_ipa});
    EXPECT_TRUE(m.table.map_at(late, request(first_ipa, first_pa + MiB, page)));
}

TEST(FoundEntry, BadRequestsChangeNothing) {
    Machine m{full_features(), two_levels()};
    map(m, first_ipa + page, first_pa + page, page);
    const RawEntry hole = m.table.entry(Ipa{first_ipa});
    const auto before = m.memory();
    EXPECT_EQ(m.table.map_at(hole, request(first_ipa, first_pa + 8, page)).error(),
              Error::pa_misaligned);
    EXPECT_EQ(m.table.map_at(hole, request(first_ipa + 8, first_pa, page)).error(),
              Error::ipa_misaligned);
    EXPECT_EQ(m.table.map_at(hole, request(first_ipa, std::uint64_t{1} << 60, page)).error(),
              Error::pa_out_of_range);
    EXPECT_EQ(m.memory(), before);
}

// Not to another output, nor to a larger leaf, nor where there is none any more.
TEST(FoundEntry, ALeafThatChangedMeanwhileIsNotRelaxed) {
    for (const bool pages : {true, false}) {
        SCOPED_TRACE(pages);
        const std::uint64_t size = pages ? page : 2 * MiB;
        Machine m{full_features(), two_levels()};
        map(m, first_ipa, first_pa, size, with(Permissions::r()));
        const RawEntry leaf = m.table.entry(Ipa{first_ipa});
        map(m, first_ipa, first_pa + 16 * MiB, size, with(Permissions::r()));
        m.table.discharge(m.owed);
        auto before = m.memory();
        EXPECT_EQ(m.table.relax_now_at(leaf, Ipa{first_ipa}, Permissions::rw()).error(),
                  Error::again);
        EXPECT_EQ(m.memory(), before);
        ASSERT_TRUE(m.table.unmap(Ipa{first_ipa}, size, m.owed));
        m.table.discharge(m.owed);
        before = m.memory();
        EXPECT_EQ(m.table.relax_now_at(leaf, Ipa{first_ipa}, Permissions::rw()).error(),
                  Error::not_mapped);
        EXPECT_EQ(m.memory(), before);
    }
}

TEST(FoundEntry, ABlockInItsPlaceIsNotRelaxed) {
    Machine m{full_features(), two_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, with(Permissions::r()), page);
    const RawEntry leaf = m.table.entry(Ipa{first_ipa});
    ASSERT_EQ(leaf.level, page_level);
    ASSERT_TRUE(m.table.collapse(Ipa{first_ipa}, 2 * MiB, m.owed));
    m.table.discharge(m.owed);
    ASSERT_EQ(m.table.entry(Ipa{first_ipa}).level, page_level - 1);
    const auto before = m.memory();
    EXPECT_EQ(m.table.relax_now_at(leaf, Ipa{first_ipa}, Permissions::rw()).error(), Error::again);
    EXPECT_EQ(m.memory(), before);
}

// In a contiguous run it leaves the run first, which is the long way.
TEST(FoundEntry, ALeafOfARunIsRelaxedAlone) {
    Machine m{full_features(), two_levels()};
    map(m, first_ipa, first_pa, 64 * KiB, with(Permissions::r()));
    const RawEntry leaf = m.table.entry(Ipa{first_ipa + 3 * page});
    ASSERT_EQ(leaf.raw >> 52 & 1, 1U);
    ASSERT_TRUE(m.table.relax_now_at(leaf, Ipa{first_ipa + 3 * page}, Permissions::rw()));
    const auto write = model::Access{.kind = model::AccessKind::store};
    EXPECT_TRUE(m.walk(first_ipa + 3 * page, write).translated());
    EXPECT_FALSE(m.walk(first_ipa + 2 * page, write).translated());
    EXPECT_FALSE(m.walk(first_ipa + 4 * page, write).translated());
    EXPECT_TRUE(m.owed.empty());
}

} // namespace
} // namespace twofold::test
