// SPDX-License-Identifier: MIT
// Changes of ranges exclude each other by stripes of 1 GiB, modulo 64; faults are never kept out.
// What another CPU asks for is asked here while the first waits for its invalidation.
#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace twofold::test {
namespace {

// Breaks a block of 1 GiB at first_ipa, and calls `other` as CPU 1 before that is made anew.
void beside(Machine& m, const std::function<void(Invalidation&)>& other) {
    map(m, first_ipa, first_pa, GiB);
    unsigned calls = 0;
    m.port.on_invalidate = [&](const Invalidation&) {
        if (calls++ == 0) {
            m.port.current_cpu = 1;
            Invalidation owed;
            other(owed);
            m.table.discharge(owed);
            m.port.current_cpu = 0;
        }
    };
    ASSERT_TRUE(m.table.map(request(first_ipa, first_pa + GiB, GiB), m.owed));
    EXPECT_GE(calls, 1U);
    m.port.on_invalidate = nullptr;
    EXPECT_EQ(m.translate(first_ipa), first_pa + GiB);
}

TEST(Stripes, ARangeThatAnotherCpuChangesIsNotTouched) {
    Machine m{full_features(), {.granule = Granule::k4, .ipa_bits = 43}, 8 * MiB};
    constexpr std::uint64_t turn = 64 * GiB; // the same stripe again
    const Ipa here{first_ipa};
    beside(m, [&](Invalidation& owed) {
        const auto memory = m.memory();
        const auto visit = [](Ipa, std::uint64_t) { ADD_FAILURE() << "a visit"; };
        EXPECT_EQ(m.table.unmap(here, 2 * GiB, owed).error(), Error::again);
        EXPECT_EQ(m.table.protect(here, GiB - 4 * KiB, Permissions::r(), owed).error(),
                  Error::again);
        EXPECT_EQ(m.table.map(request(first_ipa, 0, GiB), owed).error(), Error::again);
        EXPECT_EQ(m.table.annotate(here, GiB, 1, owed).error(), Error::again);
        EXPECT_EQ(m.table.split(here, GiB, 2 * MiB, owed).error(), Error::again);
        EXPECT_EQ(m.table.map_if_absent(request(first_ipa + turn, 0, 2 * GiB)).error(),
                  Error::again);
        EXPECT_EQ(m.table.write_protect(here, GiB, owed).error(), Error::again);
        EXPECT_EQ(m.table.collect_dirty(here, GiB, owed, visit).error(), Error::again);
        EXPECT_EQ(m.table.test_and_clear_young(here, GiB, visit).error(), Error::again);
        EXPECT_EQ(m.table.collapse(here, GiB, owed).error(), Error::again);
        EXPECT_TRUE(owed.empty());
        EXPECT_EQ(m.memory(), memory);
    });
}

TEST(Stripes, OtherRangesAndFaultsGoOn) {
    Machine m{full_features(), {.granule = Granule::k4, .ipa_bits = 43}, 8 * MiB};
    const std::uint64_t next = first_ipa + GiB;
    const std::uint64_t turn = first_ipa + 64 * GiB;
    beside(m, [&](Invalidation& owed) {
        EXPECT_TRUE(m.table.map(request(next, first_pa, 2 * GiB), owed));
        EXPECT_TRUE(m.table.unmap(Ipa{next}, 4 * KiB, owed));
        // One leaf, in the stripe that is taken.
        EXPECT_TRUE(m.table.map_if_absent(request(turn, first_pa, 4 * KiB, Permissions::r())));
        EXPECT_TRUE(m.table.relax(Ipa{turn}, Permissions::rw(), owed));
        EXPECT_TRUE(m.table.make_young(Ipa{turn}));
        EXPECT_TRUE(m.table.unmap(Ipa{turn}, 4 * KiB, owed));
    });
    EXPECT_EQ(m.translate(next), std::nullopt);
    EXPECT_EQ(m.translate(next + 4 * KiB), first_pa + 4 * KiB);
    EXPECT_EQ(m.translate(turn), std::nullopt);
}

// What is broken comes back: the guest is to fault again.
TEST(Stripes, AFaultOnABrokenEntryIsAskedToComeAgain) {
    Machine m{full_features(), {.granule = Granule::k4, .ipa_bits = 43}, 8 * MiB};
    beside(m, [&](Invalidation& owed) {
        EXPECT_EQ(m.translate(first_ipa), std::nullopt);
        EXPECT_EQ(m.table.map_if_absent(request(first_ipa, 0, 4 * KiB)).error(), Error::again);
        EXPECT_EQ(m.table.relax(Ipa{first_ipa}, Permissions::rw(), owed).error(), Error::again);
        EXPECT_EQ(m.table.make_young(Ipa{first_ipa}).error(), Error::again);
        EXPECT_EQ(m.table.unmap(Ipa{first_ipa}, GiB, owed).error(), Error::again);
    });
}

} // namespace
} // namespace twofold::test
