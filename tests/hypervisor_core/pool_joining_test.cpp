// SPDX-License-Identifier: MIT
// Blocks of the pool that join again, and blocks at a wanted place.
#include "pool_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace twofold::hyp {
namespace {

class JoiningPool : public testing::Test {
protected:
    void SetUp() override {
        pool.add(memory.range());
        ASSERT_TRUE(pool.track());
    }

    // 16 MiB have 4096 pages, and the map takes one.
    static constexpr std::uint64_t free_at_first = PoolMemory::size - 4 * KiB;

    PoolMemory memory;
    MemoryPool pool;
};

TEST_F(JoiningPool, TakesAByteForEachPage) {
    EXPECT_EQ(pool.total_bytes(), PoolMemory::size);
    EXPECT_EQ(pool.free_bytes(), free_at_first);
}

TEST_F(JoiningPool, MakesLargeBlocksOfSmallOnes) {
    std::vector<Pa> pages;
    while (const auto page = pool.allocate(4 * KiB))
        pages.push_back(*page);
    EXPECT_EQ(pages.size(), 4095U);
    std::mt19937 random{1};
    std::shuffle(pages.begin(), pages.end(), random);
    for (const Pa page : pages)
        pool.free(page, 4 * KiB);
    EXPECT_EQ(pool.free_bytes(), free_at_first);
    // The map stands in one half; the other is one block again, and so is half of the rest.
    EXPECT_TRUE(pool.allocate(8 * MiB));
    EXPECT_TRUE(pool.allocate(4 * MiB));
    EXPECT_TRUE(pool.allocate(2 * MiB));
    EXPECT_FALSE(pool.allocate(2 * MiB));
}

TEST_F(JoiningPool, JoinsNothingThatIsInUse) {
    const auto first = pool.allocate(8 * MiB);
    ASSERT_TRUE(first);
    EXPECT_FALSE(pool.allocate(8 * MiB));
    pool.free(*first, 4 * MiB);
    EXPECT_FALSE(pool.allocate(8 * MiB));
    EXPECT_EQ(pool.allocate(4 * MiB), first);
    pool.free(*first + 4 * MiB, 4 * MiB);
    EXPECT_FALSE(pool.allocate(8 * MiB));
    pool.free(*first, 4 * MiB);
    EXPECT_EQ(pool.allocate(8 * MiB), first);
}

TEST_F(JoiningPool, GivesTheBlockThatIsWanted) {
    const auto eight = pool.allocate(8 * MiB);
    ASSERT_TRUE(eight);
    EXPECT_FALSE(pool.allocate_at(*eight, 4 * KiB));
    pool.free(*eight, 8 * MiB);
    // Out of the middle of a large block.
    const Pa wanted = *eight + 5 * MiB + 12 * KiB;
    EXPECT_TRUE(pool.allocate_at(wanted, 4 * KiB));
    EXPECT_EQ(pool.free_bytes(), free_at_first - 4 * KiB);
    EXPECT_FALSE(pool.allocate_at(wanted, 4 * KiB));
    EXPECT_FALSE(pool.allocate_at(*eight, 8 * MiB));
    EXPECT_TRUE(pool.allocate_at(*eight, 4 * MiB));
    EXPECT_TRUE(pool.allocate_at(wanted - 4 * KiB, 4 * KiB));
    EXPECT_TRUE(pool.allocate_at(wanted + 4 * KiB, 4 * KiB));
    pool.free(wanted, 4 * KiB);
    pool.free(wanted - 4 * KiB, 4 * KiB);
    pool.free(wanted + 4 * KiB, 4 * KiB);
    pool.free(*eight, 4 * MiB);
    EXPECT_TRUE(pool.allocate_at(*eight, 8 * MiB));
    EXPECT_FALSE(pool.allocate_at(Pa{memory.base() + PoolMemory::size}, 4 * KiB));
    EXPECT_FALSE(pool.allocate_at(Pa{0}, 4 * KiB));
}

TEST_F(JoiningPool, DoesNotJoinAcrossAHole) {
    PoolMemory other;
    MemoryPool parts;
    parts.add({other.base(), 4 * MiB - 4 * KiB});
    parts.add({other.base() + 4 * MiB, 4 * MiB});
    ASSERT_TRUE(parts.track());
    std::vector<Pa> pages;
    while (const auto page = parts.allocate(4 * KiB))
        pages.push_back(*page);
    for (const Pa page : pages)
        parts.free(page, 4 * KiB);
    EXPECT_FALSE(parts.allocate(8 * MiB));
    // The page between them belongs to nobody.
    EXPECT_FALSE(parts.allocate_at(Pa{other.base() + 4 * MiB - 4 * KiB}, 4 * KiB));
}

TEST_F(JoiningPool, IsWholeAfterAnythingThatWasGivenBack) {
    struct Block {
        Pa pa;
        std::uint64_t size;
    };
    std::mt19937 random{2};
    std::vector<Block> blocks;
    std::uint64_t taken = 0;
    for (unsigned i = 0; i < 20'000; ++i) {
        if (random() % 2 == 0 || blocks.empty()) {
            const std::uint64_t size = 4 * KiB << random() % 10;
            if (const auto block = pool.allocate(size)) {
                blocks.push_back({*block, size});
                taken += size;
            }
        } else {
            std::swap(blocks[random() % blocks.size()], blocks.back());
            pool.free(blocks.back().pa, blocks.back().size);
            taken -= blocks.back().size;
            blocks.pop_back();
        }
        ASSERT_EQ(pool.free_bytes(), free_at_first - taken);
    }
    for (const Block& block : blocks)
        pool.free(block.pa, block.size);
    EXPECT_TRUE(pool.allocate(8 * MiB));
    EXPECT_TRUE(pool.allocate(4 * MiB));
}

} // namespace
} // namespace twofold::hyp
