// SPDX-License-Identifier: MIT
// When a table that was unlinked may be used again: not while a CPU that was there before is still.
#include "port/limbo.hpp"
#include "port/quiescence.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace twofold::hyp {
namespace {

TEST(Quiescence, NobodyInsideHoldsNothing) {
    Quiescence<4> q;
    EXPECT_TRUE(q.passed(q.stamp()));
}

TEST(Quiescence, WhoCameBeforeHoldsItUntilHeLeaves) {
    Quiescence<4> q;
    q.enter(2);
    const std::uint64_t stamp = q.stamp();
    EXPECT_FALSE(q.passed(stamp));
    q.enter(1); // later: cannot have found it
    EXPECT_FALSE(q.passed(stamp));
    q.leave(2);
    EXPECT_TRUE(q.passed(stamp));
}

TEST(Quiescence, WhoHasLeftAndComeBackHoldsNothing) {
    Quiescence<4> q;
    q.enter(0);
    const std::uint64_t stamp = q.stamp();
    q.leave(0);
    q.enter(0);
    EXPECT_TRUE(q.passed(stamp));
    // But what is unlinked from now on he may hold.
    EXPECT_FALSE(q.passed(q.stamp()));
    EXPECT_TRUE(q.passed(stamp));
}

TEST(Quiescence, EachCpuCounts) {
    for (unsigned last = 0; last < 4; ++last) {
        Quiescence<4> q;
        for (unsigned cpu = 0; cpu < 4; ++cpu)
            q.enter(cpu);
        const std::uint64_t stamp = q.stamp();
        for (unsigned cpu = 0; cpu < 4; ++cpu) {
            if (cpu != last)
                q.leave(cpu);
        }
        EXPECT_FALSE(q.passed(stamp)) << "CPU " << last << " is inside";
        q.leave(last);
        EXPECT_TRUE(q.passed(stamp));
    }
}

TEST(Quiescence, LaterStampsPassLater) {
    Quiescence<2> q;
    const std::uint64_t first = q.stamp();
    q.enter(0);
    const std::uint64_t second = q.stamp();
    EXPECT_LT(first, second);
    EXPECT_TRUE(q.passed(first));
    EXPECT_FALSE(q.passed(second));
}

// Tables of 4 KiB and one of 16 KiB, each word its own number with bit 0 set: valid descriptors.
class LimboTest : public testing::Test {
protected:
    static constexpr std::uint64_t page = 4096;

    struct alignas(16384) Table {
        std::uint64_t words[2048];
    };

    LimboTest() {
        for (Table& table : tables) {
            for (std::uint64_t i = 0; i < 2048; ++i)
                table.words[i] = i << 12 | 1;
        }
    }
    Pa pa(unsigned i) { return Pa{reinterpret_cast<std::uintptr_t>(&tables[i])}; }

    std::vector<Table> tables{3};
    Limbo limbo;
};

constexpr auto always = [](std::uint64_t) { return true; };
constexpr auto never = [](std::uint64_t) { return false; };

TEST_F(LimboTest, GivesBackWhatHasPassedInTheOrderInWhichItCame) {
    EXPECT_FALSE(limbo.take(always));
    limbo.add(pa(1), page, 10);
    limbo.add(pa(0), 4 * page, 11);
    limbo.add(pa(2), page, 12);
    EXPECT_EQ(limbo.bytes(), 6 * page);
    EXPECT_FALSE(limbo.take(never));
    const auto until_11 = [](std::uint64_t stamp) { return stamp <= 11; };
    auto block = limbo.take(until_11);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->pa, pa(1));
    EXPECT_EQ(block->bytes, page);
    block = limbo.take(until_11);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->pa, pa(0));
    EXPECT_EQ(block->bytes, 4 * page);
    EXPECT_FALSE(limbo.take(until_11));
    EXPECT_EQ(limbo.bytes(), page);
    // Emptied and filled anew.
    EXPECT_EQ(limbo.take(always)->pa, pa(2));
    EXPECT_FALSE(limbo.take(always));
    EXPECT_EQ(limbo.bytes(), 0U);
    limbo.add(pa(0), page, 13);
    EXPECT_EQ(limbo.take(always)->pa, pa(0));
}

TEST_F(LimboTest, KeepsLargeStampsWhole) {
    constexpr std::uint64_t large = (std::uint64_t{1} << 60) + 12345;
    limbo.add(pa(0), page, large);
    std::uint64_t seen = 0;
    EXPECT_FALSE(limbo.take([&](std::uint64_t stamp) {
        seen = stamp;
        return false;
    }));
    EXPECT_EQ(seen, large);
}

// A CPU that still looks there meets three entries that are broken (bits [1:0] = 10), and all
// others as they were.
TEST_F(LimboTest, LeavesDescriptorsReadable) {
    limbo.add(pa(0), page, 7);
    limbo.add(pa(1), page, 8);
    for (const unsigned table : {0U, 1U}) {
        for (std::uint64_t i = 0; i < 512; ++i) {
            const std::uint64_t word = tables[table].words[i];
            if (i >= 1 && i <= 3)
                EXPECT_EQ(word & 3, 2U) << i;
            else
                EXPECT_EQ(word, i << 12 | 1) << i;
        }
    }
}

TEST_F(LimboTest, WithQuiescenceNothingIsReusedUnderAReader) {
    Quiescence<2> q;
    const auto passed = [&](std::uint64_t stamp) { return q.passed(stamp); };
    q.enter(0); // unlinks
    q.enter(1); // may have found it
    limbo.add(pa(0), page, q.stamp());
    EXPECT_FALSE(limbo.take(passed));
    q.leave(0);
    EXPECT_FALSE(limbo.take(passed));
    q.enter(0);
    limbo.add(pa(1), page, q.stamp());
    q.leave(1);
    // The first has passed, the second not: CPU 0 has been inside all along.
    EXPECT_EQ(limbo.take(passed)->pa, pa(0));
    EXPECT_FALSE(limbo.take(passed));
    q.leave(0);
    EXPECT_EQ(limbo.take(passed)->pa, pa(1));
}

} // namespace
} // namespace twofold::hyp
