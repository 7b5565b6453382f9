// SPDX-License-Identifier: MIT
// What write_protect(), test_and_clear_young(), collect_dirty() and track_writes() have in common:
// every format, blocks as a whole, and what they refuse.
#include "bad_ranges.hpp"
#include "blocks.hpp"
#include "sweeping.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

// Bits of the last leaf of the input space go, and its output, which uses every address bit, stays.
TEST(Sweep, EveryGeometry) {
    unsigned blocks = 0;
    const auto no_visit = [](Ipa, std::uint64_t) { ADD_FAILURE() << "a visit"; };
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
        ASSERT_TRUE(m.table.protect(Ipa{0}, limit, Permissions::r(), m.owed));
        ASSERT_TRUE(m.table.protect(Ipa{0}, limit, Permissions::rw(), m.owed));
        m.table.discharge(m.owed);
        ASSERT_TRUE(m.table.track_writes(Ipa{0}, limit, m.owed, no_visit));
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
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB, dirty);
    const auto before = m.memory();
    for (const BadRange& row : bad_ranges) {
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
