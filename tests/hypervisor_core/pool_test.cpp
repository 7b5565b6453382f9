// SPDX-License-Identifier: MIT
// The memory pool, on memory of the host, and the cutting of holes out of ranges.
#include "memory/pool.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace twofold::hyp {
namespace {

struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};

// 16 MiB, aligned to itself.
class Pool : public testing::Test {
protected:
    static constexpr std::uint64_t size = 16 * MiB;

    std::uint64_t base() const { return reinterpret_cast<std::uintptr_t>(memory.get()); }

    std::unique_ptr<void, FreeMemory> memory{std::aligned_alloc(size, size)};
    MemoryPool pool;
};

TEST_F(Pool, GivesAlignedBlocksOfTheSizeAskedFor) {
    pool.add({base(), size});
    for (const std::uint64_t bytes : {4 * KiB, 64 * KiB, 2 * MiB, 4 * KiB}) {
        const auto block = pool.allocate(bytes);
        ASSERT_TRUE(block);
        EXPECT_TRUE(block->is_aligned(bytes));
        EXPECT_GE(block->value, base());
        EXPECT_LE(block->value + bytes, base() + size);
    }
    EXPECT_EQ(pool.total_bytes(), size);
    EXPECT_EQ(pool.free_bytes(), size - 2 * MiB - 64 * KiB - 8 * KiB);
}

TEST_F(Pool, HandsOutEveryPageOnce) {
    pool.add({base(), size});
    std::set<std::uint64_t> pages;
    while (const auto page = pool.allocate(4 * KiB))
        EXPECT_TRUE(pages.insert(page->value).second);
    EXPECT_EQ(pages.size(), 4096U);
    EXPECT_EQ(pool.free_bytes(), 0U);
}

TEST_F(Pool, LeavesPartsOfPagesOut) {
    pool.add({base() + 100, 3 * 4096});
    EXPECT_EQ(pool.total_bytes(), 2 * 4096U);
    pool.add({base() + 8 * 4096 + 1, 4094});
    EXPECT_EQ(pool.total_bytes(), 2 * 4096U);
}

// Whichever came last.
TEST_F(Pool, KeepsLargeBlocksWhileSmallOnesLast) {
    const MemoryRange large{base(), 8 * MiB};
    const MemoryRange small{base() + 8 * MiB, 64 * KiB};
    for (const bool large_first : {true, false}) {
        MemoryPool mixed;
        mixed.add(large_first ? large : small);
        mixed.add(large_first ? small : large);
        for (unsigned i = 0; i < 16; ++i)
            ASSERT_TRUE(mixed.allocate(4 * KiB));
        EXPECT_TRUE(mixed.allocate(8 * MiB)) << large_first;
    }
}

TEST_F(Pool, GivesBackWhatWasFreed) {
    pool.add({base(), 2 * MiB});
    const auto block = pool.allocate(2 * MiB);
    ASSERT_TRUE(block);
    EXPECT_FALSE(pool.allocate(4 * KiB));
    pool.free(*block, 2 * MiB);
    EXPECT_EQ(pool.allocate(2 * MiB), block);
}

TEST_F(Pool, ServesSeveralThreads) {
    pool.add({base(), size});
    std::array<std::vector<std::uint64_t>, 4> taken;
    std::vector<std::thread> threads;
    threads.reserve(taken.size());
    for (auto& mine : taken)
        threads.emplace_back([this, &mine] {
            for (unsigned i = 0; i < 1000; ++i) {
                const auto page = pool.allocate(4 * KiB);
                if (i % 3 == 0)
                    pool.free(*page, 4 * KiB);
                else
                    mine.push_back(page->value);
            }
        });
    for (auto& thread : threads)
        thread.join();
    std::set<std::uint64_t> all;
    for (const auto& mine : taken)
        all.insert(mine.begin(), mine.end());
    EXPECT_EQ(all.size(), 4 * 666U);
    EXPECT_EQ(pool.free_bytes(), size - 4 * 666 * 4096);
}

std::vector<MemoryRange> left(MemoryRange memory, std::vector<MemoryRange> holes) {
    std::array<MemoryRange, 8> result{};
    const std::size_t count = subtract(memory, holes, result);
    return {result.begin(), result.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(Subtract, CutsHolesOut) {
    using Ranges = std::vector<MemoryRange>;
    EXPECT_EQ(left({100, 100}, {}), (Ranges{{100, 100}}));
    EXPECT_EQ(left({100, 100}, {{120, 10}}), (Ranges{{100, 20}, {130, 70}}));
    EXPECT_EQ(left({100, 100}, {{90, 20}, {190, 50}}), (Ranges{{110, 80}}));
    EXPECT_EQ(left({100, 100}, {{0, 500}}), (Ranges{}));
    EXPECT_EQ(left({100, 100}, {{150, 10}, {120, 10}, {155, 20}}),
              (Ranges{{100, 20}, {130, 20}, {175, 25}}));
    EXPECT_EQ(left({100, 100}, {{100, 0}, {300, 10}, {0, 100}}), (Ranges{{100, 100}}));
}

} // namespace
} // namespace twofold::hyp
