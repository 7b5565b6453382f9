// SPDX-License-Identifier: MIT
// A guest's memory in extents that can be divided, taken away in part, and moved.
#include "contents_on_host.hpp"
#include "guest/ram_backing.hpp"
#include "pool_memory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <random>

namespace twofold::hyp {
namespace {

constexpr std::uint64_t page = 4 * KiB;

class Ram : public testing::Test {
protected:
    void SetUp() override {
        cleaned.clear();
        pool.add(memory.range());
        ASSERT_TRUE(pool.track());
        whole = pool.free_bytes();
    }
    void make(std::uint64_t size, std::uint64_t extent, std::uint64_t page_size = page,
              bool clean = false) {
        ASSERT_TRUE(ram.init(pool, size, extent, page_size, clean));
        after_init = pool.free_bytes();
    }
    Extent get(std::uint64_t offset) {
        const BackingAnswer answer = ram.extent(offset, AccessKind::write);
        EXPECT_TRUE(answer);
        EXPECT_TRUE(!answer || answer->contains(offset));
        return answer.value_or(Extent{});
    }
    std::uint64_t& word(std::uint64_t offset) {
        return *reinterpret_cast<std::uint64_t*>(get(offset).pa_of(offset).value);
    }

    PoolMemory memory;
    MemoryPool pool;
    RamBacking ram;
    std::uint64_t whole = 0;
    std::uint64_t after_init = 0;
};

TEST_F(Ram, ComesZeroedWhenTouched) {
    make(8 * MiB, 2 * MiB);
    EXPECT_FALSE(ram.extent_at(0));
    EXPECT_FALSE(ram.peek(0));
    EXPECT_EQ(ram.bytes_in_use(), 0U);
    const Extent extent = get(2 * MiB + 5);
    EXPECT_EQ(extent.offset, 2 * MiB);
    EXPECT_EQ(extent.length, 2 * MiB);
    EXPECT_TRUE(extent.pa.is_aligned(2 * MiB));
    EXPECT_TRUE(extent.clean);
    EXPECT_EQ(get(4 * MiB - 1), extent);
    EXPECT_EQ(ram.extent_at(3 * MiB), extent);
    for (std::uint64_t at = 2 * MiB; at < 4 * MiB; at += 8)
        ASSERT_EQ(word(at), 0U);
    EXPECT_EQ(ram.bytes_in_use(), 2 * MiB);
    EXPECT_EQ(ram.extents_in_use(), 1U);
    EXPECT_TRUE(cleaned.empty());
}

TEST_F(Ram, SaysNotYetWithoutMemory) {
    make(64 * MiB, 8 * MiB);
    EXPECT_TRUE(ram.extent(0, AccessKind::read));
    const BackingAnswer answer = ram.extent(8 * MiB, AccessKind::read);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), Unbacked::not_yet);
}

TEST_F(Ram, TakesBackPagesOfZeroes) {
    make(4 * MiB, 2 * MiB);
    const Pa pa = get(0).pa;
    word(5 * page) = 1;
    EXPECT_TRUE(ram.looks_zero(6 * page));
    EXPECT_FALSE(ram.looks_zero(5 * page));
    EXPECT_FALSE(ram.take_back_zeroes(5 * page + 8)) << "it is not zero";
    EXPECT_EQ(get(0), (Extent{.offset = 0, .pa = pa, .length = 2 * MiB, .clean = true}));
    EXPECT_FALSE(ram.take_back_zeroes(2 * MiB)) << "it was never touched";
    EXPECT_FALSE(ram.looks_zero(2 * MiB));

    ASSERT_TRUE(ram.take_back_zeroes(6 * page + 8));
    EXPECT_FALSE(ram.take_back_zeroes(6 * page)) << "it is gone";
    EXPECT_FALSE(ram.looks_zero(6 * page));
    EXPECT_FALSE(ram.peek(6 * page));
    EXPECT_EQ(ram.peek(5 * page), 1U);
    EXPECT_EQ(ram.bytes_in_use(), 2 * MiB - page);
    EXPECT_EQ(ram.extents_in_use(), 1U);
    // The rest is as it was, in two runs.
    EXPECT_EQ(get(0), (Extent{.offset = 0, .pa = pa, .length = 6 * page, .clean = true}));
    EXPECT_EQ(
        get(2 * MiB - 1),
        (Extent{
            .offset = 7 * page, .pa = pa + 7 * page, .length = 2 * MiB - 7 * page, .clean = true}));
    // A page for the division, less the one that came back.
    EXPECT_EQ(pool.free_bytes(), after_init - 2 * MiB);
}

TEST_F(Ram, GetsPagesBackAtTheirPlaceAndIsWholeAgain) {
    make(4 * MiB, 2 * MiB);
    const Extent extent = get(0);
    word(0) = 7;
    for (const std::uint64_t at : {511 * page, 1 * page, 2 * page, 100 * page})
        ASSERT_TRUE(ram.take_back_zeroes(at));
    for (const std::uint64_t at : {2 * page, 100 * page, 1 * page}) {
        EXPECT_EQ(word(at), 0U);
        EXPECT_NE(get(at), extent);
    }
    // Somebody else has used it meanwhile.
    const Pa last = extent.pa + 511 * page;
    ASSERT_TRUE(pool.allocate_at(last, page));
    std::memset(reinterpret_cast<void*>(last.value), 0xff, page);
    pool.free(last, page);
    EXPECT_EQ(word(511 * page), 0U);
    EXPECT_EQ(get(511 * page), extent);
    EXPECT_EQ(word(0), 7U);
    EXPECT_EQ(pool.free_bytes(), after_init - 2 * MiB);
}

TEST_F(Ram, LivesWithAnotherPlace) {
    make(4 * MiB, 2 * MiB);
    const Pa pa = get(0).pa;
    ASSERT_TRUE(ram.take_back_zeroes(8 * page));
    ASSERT_TRUE(pool.allocate_at(pa + 8 * page, page));
    const Extent other = get(8 * page);
    EXPECT_NE(other.pa, pa + 8 * page);
    EXPECT_EQ(other.length, page);
    EXPECT_EQ(get(7 * page).length, 8 * page);
    EXPECT_EQ(get(9 * page).length, 2 * MiB - 9 * page);
}

TEST_F(Ram, MovesPages) {
    make(4 * MiB, 2 * MiB);
    const Pa pa = get(0).pa;
    word(3 * page) = 0x1234;
    word(3 * page + page - 8) = 0x5678;
    word(4 * page) = 0x9999;
    EXPECT_FALSE(ram.move(2 * MiB)) << "there is nothing";
    ASSERT_TRUE(ram.move(3 * page + 16));
    EXPECT_NE(get(3 * page).pa, pa + 3 * page);
    EXPECT_EQ(get(3 * page).length, page);
    EXPECT_EQ(word(3 * page), 0x1234U);
    EXPECT_EQ(word(3 * page + page - 8), 0x5678U);
    EXPECT_EQ(word(4 * page), 0x9999U);
    EXPECT_EQ(get(2 * page).length, 3 * page);
    EXPECT_EQ(ram.bytes_in_use(), 2 * MiB);
    // The old place is free: a page for the division, none for the move.
    EXPECT_EQ(pool.free_bytes(), after_init - 2 * MiB - page);
    EXPECT_TRUE(pool.allocate_at(pa + 3 * page, page));
}

TEST_F(Ram, ChangesNothingWithoutMemory) {
    make(8 * MiB, 2 * MiB);
    const Extent extent = get(0);
    std::vector<Pa> taken;
    while (const auto p = pool.allocate(page))
        taken.push_back(*p);
    EXPECT_FALSE(ram.take_back_zeroes(0)) << "no memory to divide";
    EXPECT_FALSE(ram.move(0));
    EXPECT_EQ(get(0), extent);
    pool.free(taken.back(), page);
    EXPECT_FALSE(ram.move(0)) << "a page to move to, but none to divide";
    EXPECT_EQ(get(0), extent);
    EXPECT_EQ(pool.free_bytes(), page);
    EXPECT_TRUE(ram.take_back_zeroes(0));
    EXPECT_EQ(pool.free_bytes(), page);
}

// 8 MiB by 512 parts is 16 KiB, and that by four is a page.
TEST_F(Ram, IsDividedInTwoSteps) {
    make(8 * MiB, 8 * MiB);
    const Extent extent = get(0);
    ASSERT_TRUE(ram.take_back_zeroes(5 * page));
    EXPECT_EQ(get(4 * page).length, page);
    EXPECT_EQ(get(6 * page).length, 2 * page);
    EXPECT_EQ(get(0).length, 4 * page);
    EXPECT_EQ(get(8 * page).length, 8 * MiB - 8 * page);
    EXPECT_EQ(word(5 * page), 0U);
    EXPECT_EQ(get(0), extent);
    EXPECT_EQ(pool.free_bytes(), after_init - 8 * MiB);
}

TEST_F(Ram, HasPagesOfTheGranule) {
    make(8 * MiB, 2 * MiB, 64 * KiB);
    const Pa pa = get(0).pa;
    word(64 * KiB + 60 * KiB) = 1;
    EXPECT_FALSE(ram.take_back_zeroes(64 * KiB));
    ASSERT_TRUE(ram.move(64 * KiB));
    EXPECT_EQ(get(64 * KiB).length, 64 * KiB);
    EXPECT_EQ(word(64 * KiB + 60 * KiB), 1U);
    EXPECT_EQ(get(0), (Extent{.offset = 0, .pa = pa, .length = 64 * KiB, .clean = true}));
    ASSERT_TRUE(ram.take_back_zeroes(0));
    EXPECT_EQ(ram.bytes_in_use(), 2 * MiB - 64 * KiB);
}

TEST_F(Ram, OfSinglePagesNeedsNoDivision) {
    make(8 * MiB, page);
    word(page) = 3;
    const Pa pa = get(page).pa;
    ASSERT_TRUE(ram.move(page));
    EXPECT_NE(get(page).pa, pa);
    EXPECT_EQ(word(page), 3U);
    word(page) = 0;
    ASSERT_TRUE(ram.take_back_zeroes(page));
    EXPECT_EQ(ram.bytes_in_use(), 0U);
    EXPECT_EQ(pool.free_bytes(), after_init);
}

TEST_F(Ram, IsCleanForAGuestWithoutCaches) {
    make(4 * MiB, 2 * MiB, page, true);
    const Extent extent = get(0);
    EXPECT_EQ(cleaned, (std::vector<CleanedRange>{{extent.pa, 2 * MiB}}));
    cleaned.clear();
    ASSERT_TRUE(ram.move(2 * page));
    EXPECT_EQ(cleaned,
              (std::vector<CleanedRange>{{extent.pa + 2 * page, page}, {get(2 * page).pa, page}}));
    cleaned.clear();
    ASSERT_TRUE(ram.take_back_zeroes(4 * page));
    EXPECT_EQ(cleaned, (std::vector<CleanedRange>{{extent.pa + 4 * page, page}}));
    cleaned.clear();
    get(4 * page);
    EXPECT_EQ(cleaned, (std::vector<CleanedRange>{{extent.pa + 4 * page, page}}));
}

TEST_F(Ram, IsWrittenAcrossExtents) {
    make(4 * MiB, 64 * KiB);
    std::array<std::byte, 200 * KiB> data{};
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::byte>(i * 7 + 1);
    const std::uint64_t at = 64 * KiB - 100;
    get(at);
    ASSERT_TRUE(ram.move(at));
    ASSERT_TRUE(ram.write(at, data));
    // `at` is 4 beside a multiple of 8.
    for (std::size_t i = 4; i + 8 <= data.size(); i += 8) {
        std::uint64_t expected = 0;
        std::memcpy(&expected, &data[i], 8);
        ASSERT_EQ(ram.peek(at + i), expected) << i;
    }
    EXPECT_FALSE(ram.write(4 * MiB - 8, std::span{data}.first(9)));
    EXPECT_FALSE(ram.write(4 * MiB + 1, {}));
    EXPECT_FALSE(ram.peek(4 * MiB));
    EXPECT_FALSE(ram.peek(4));
}

TEST_F(Ram, GivesEverythingBack) {
    make(8 * MiB, 2 * MiB);
    for (const std::uint64_t at : {std::uint64_t{0}, 2 * MiB, 6 * MiB})
        get(at);
    ASSERT_TRUE(ram.move(page));
    ASSERT_TRUE(ram.take_back_zeroes(2 * MiB + page));
    ram.release();
    EXPECT_EQ(pool.free_bytes(), after_init);
    EXPECT_EQ(ram.bytes_in_use(), 0U);
    EXPECT_FALSE(ram.extent_at(0));
    EXPECT_EQ(word(page), 0U);
    EXPECT_EQ(get(0).length, 2 * MiB);
}

// Whatever is done, the guest sees what it has written, and zeroes elsewhere.
TEST_F(Ram, KeepsItsContent) {
    constexpr std::uint64_t size = 8 * MiB;
    make(size, 1 * MiB);
    std::mt19937 random{3};
    std::map<std::uint64_t, std::uint64_t> written;
    for (unsigned i = 0; i < 30'000; ++i) {
        const std::uint64_t at = random() % (size / page) * page + random() % 4 * 8;
        switch (random() % 4) {
        case 0:
            word(at) = i;
            written[at] = i;
            break;
        case 1:
            word(at) = 0;
            written[at] = 0;
            break;
        case 2:
            ram.move(at);
            break;
        case 3: {
            bool zero = true;
            for (auto it = written.lower_bound(align_down(at, page));
                 it != written.end() && it->first < align_down(at, page) + page; ++it)
                zero = zero && it->second == 0;
            const bool there = ram.extent_at(at).has_value();
            ASSERT_EQ(ram.take_back_zeroes(at), zero && there);
            break;
        }
        }
        const std::uint64_t look = random() % (size / 8) * 8;
        const auto found = written.find(look);
        ASSERT_EQ(word(look), found != written.end() ? found->second : 0);
    }
    for (const auto& [at, value] : written)
        ASSERT_EQ(word(at), value);
    ram.release();
    EXPECT_EQ(pool.free_bytes(), after_init);
}

} // namespace
} // namespace twofold::hyp
