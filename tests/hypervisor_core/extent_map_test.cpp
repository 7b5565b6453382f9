// SPDX-License-Identifier: MIT
// Which parts of an extent become one again.
#include "guest/extent_map.hpp"
#include "pool_memory.hpp"

#include <gtest/gtest.h>

namespace twofold::hyp {
namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t extent = 64 * KiB;

class Extents : public testing::Test {
protected:
    void SetUp() override {
        pool.add(memory.range());
        ASSERT_TRUE(map.init(pool, 2 * extent, extent, page));
        map.set(0, Pa{GiB});
        ASSERT_TRUE(map.divide(0));
    }
    // All pages of the extent, one behind the other from `pa` on.
    void place_at(Pa pa) {
        for (std::uint64_t at = 0; at < extent; at += page)
            map.set(at, pa + at);
    }

    PoolMemory memory;
    MemoryPool pool;
    ExtentMap map;
};

TEST_F(Extents, JoinWhereAnExtentMayBegin) {
    place_at(Pa{2 * GiB + extent});
    EXPECT_EQ(map.piece(5 * page),
              (ExtentMap::Piece{.offset = 0, .length = extent, .pa = Pa{2 * GiB + extent}}));
    EXPECT_TRUE(map.extent(0));
}

// The pool could not take such an extent back.
TEST_F(Extents, DoNotJoinElsewhere) {
    const Pa beside{2 * GiB + page};
    place_at(beside);
    EXPECT_FALSE(map.extent(0));
    EXPECT_EQ(map.piece(5 * page),
              (ExtentMap::Piece{.offset = 5 * page, .length = page, .pa = beside + 5 * page}));
    EXPECT_EQ(map.run(5 * page), (ExtentMap::Piece{.offset = 0, .length = extent, .pa = beside}));
    std::uint64_t pages = 0;
    map.clear([&](Pa pa, std::uint64_t bytes) {
        EXPECT_EQ(pa, beside + pages * page);
        EXPECT_EQ(bytes, page);
        ++pages;
    });
    EXPECT_EQ(pages, extent / page);
}

TEST_F(Extents, KnowWhereAPartBelongs) {
    map.set(3 * page, std::nullopt);
    EXPECT_EQ(map.wanted_place(3 * page), Pa{GiB} + 3 * page);
    map.set(2 * page, std::nullopt);
    EXPECT_EQ(map.wanted_place(3 * page), Pa{GiB} + 3 * page);
    EXPECT_EQ(map.wanted_place(2 * page), Pa{GiB} + 2 * page);
    map.set(0, std::nullopt);
    map.set(page, std::nullopt);
    EXPECT_EQ(map.wanted_place(page), std::nullopt);
    EXPECT_EQ(map.wanted_place(extent), std::nullopt);
}

} // namespace
} // namespace twofold::hyp
