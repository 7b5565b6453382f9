// SPDX-License-Identifier: MIT
// The end of a Stage2: all of its tables go back, in steps or at once, and those of one that was
// moved.
#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace twofold::test {
namespace {

TEST(Stage2, MovesAndFreesAllItsTables) {
    HostPort port{Machine::arena_base, 8 * MiB};
    Invalidation owed;
    {
        const auto geometry = *Geometry::make(full_features(), three_levels());
        Stage2<HostPort> table{port, geometry, full_features(),
                               *Stage2<HostPort>::allocate_root(port, geometry)};
        ASSERT_TRUE(table.map(request(0x4000'1000, 0, GiB), owed));
        // IPA and PA differ by 4 KiB modulo 2 MiB: pages over two entries of level 1 (2 tables),
        // 513 tables of pages.
        EXPECT_EQ(port.live(), 1U + 2U + 513U);
        const Pa root = table.root();
        const Stage2<HostPort> moved{std::move(table)};
        EXPECT_EQ(moved.root(), root);
        EXPECT_EQ(port.live(), 516U);
    }
    EXPECT_TRUE(owed.empty());
    EXPECT_EQ(port.live(), 0U);
}

TEST(Destroy, GivesEverythingBackInSteps) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    for (std::uint64_t i = 0; i < 64; ++i) {
        ASSERT_TRUE(m.table.map(request(first_ipa * i + 4 * KiB, first_pa, 4 * KiB), m.owed));
    }
    EXPECT_EQ(m.port.live(), 1U + 128U);
    m.adversary.expect_clean();
    m.adversary.stop(); // no CPU uses the tables from here on
    unsigned steps = 0;
    Progress progress;
    do {
        progress.budget = 10;
        ++steps;
        EXPECT_LE(steps, 20U);
    } while (!m.table.destroy(progress) && steps < 20);
    EXPECT_EQ(m.port.live(), 0U);
    EXPECT_GE(steps, 12U);
    EXPECT_EQ(m.port.invalidations, 0U);
}

} // namespace
} // namespace twofold::test
