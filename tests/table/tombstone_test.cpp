// SPDX-License-Identifier: MIT
// What was unmapped and not invalidated: nobody may put anything there, until it is.
#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

// A CPU may go on using what was there, so that something new would be valid beside the old.
TEST(Tombstone, NothingIsMappedBeforeTheInvalidation) {
    for (const std::uint64_t size : {4 * KiB, 2 * MiB, GiB}) {
        SCOPED_TRACE(size);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, GiB, with(Permissions::rwx()), size);
        const auto again = request(first_ipa, first_pa + GiB, size, Permissions::rwx(), size);
        ASSERT_TRUE(m.table.unmap(Ipa{first_ipa}, size, m.owed));
        EXPECT_EQ(m.translate(first_ipa), std::nullopt);
        const auto memory = m.memory();
        const auto early = m.table.map_if_absent(again);
        ASSERT_FALSE(early);
        EXPECT_EQ(early.error(), Error::again);
        EXPECT_EQ(m.memory(), memory);
        m.table.discharge(m.owed);
        EXPECT_EQ(m.port.invalidations, 1U);
        ASSERT_TRUE(m.table.map_if_absent(again));
        EXPECT_EQ(m.translate(first_ipa), first_pa + GiB);
    }
}

// Each waits for the obligation of the call that removed it, and for no other.
TEST(Tombstone, OneObligationDoesNotEndAnother) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, with(Permissions::rwx()), 4 * KiB);
    Invalidation other;
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa}, 4 * KiB, m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa + 4 * KiB}, 4 * KiB, other));
    m.table.discharge(m.owed);
    EXPECT_TRUE(m.table.map_if_absent(request(first_ipa, first_pa, 4 * KiB)));
    const auto next = request(first_ipa + 4 * KiB, first_pa + 4 * KiB, 4 * KiB);
    const auto early = m.table.map_if_absent(next);
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error(), Error::again);
    m.table.discharge(other);
    EXPECT_TRUE(m.table.map_if_absent(next));
}

// map() owes an invalidation of its own, which covers what somebody else has not completed.
TEST(Tombstone, MapInvalidatesForTheOther) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB, with(Permissions::rwx()), 4 * KiB);
    Invalidation other;
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa}, 4 * KiB, other));
    ASSERT_EQ(m.port.invalidations, 0U);
    m.port.on_invalidate = [&](const Invalidation& all) {
        EXPECT_TRUE(all.overlaps(Ipa{first_ipa}, 4 * KiB));
        EXPECT_EQ(m.translate(first_ipa), std::nullopt);
    };
    ASSERT_TRUE(m.table.map(request(first_ipa, first_pa + GiB, 4 * KiB), m.owed));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_EQ(m.translate(first_ipa), first_pa + GiB);
    m.port.on_invalidate = nullptr;
    m.table.discharge(other);
}

} // namespace
} // namespace twofold::test
