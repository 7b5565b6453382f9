// SPDX-License-Identifier: MIT
#include <twofold/vm/dirty_bitmap.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace twofold {
namespace {

using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

struct Bitmap {
    explicit Bitmap(std::uint64_t pages)
        : storage(DirtyBitmap::words(pages)),
          map{storage, pages} {}
    Runs take(std::uint64_t first, std::uint64_t count) {
        Runs runs;
        std::uint64_t total = 0;
        const std::uint64_t taken = map.take(first, count, [&](std::uint64_t p, std::uint64_t n) {
            runs.emplace_back(p, n);
            total += n;
        });
        EXPECT_EQ(taken, total);
        return runs;
    }
    std::vector<std::uint64_t> storage;
    DirtyBitmap map;
};

TEST(DirtyBitmap, TakesOneWordAboveSixtyFour) {
    EXPECT_EQ(DirtyBitmap::words(0), 0U);
    EXPECT_EQ(DirtyBitmap::words(1), 1U);
    EXPECT_EQ(DirtyBitmap::words(64), 1U);
    EXPECT_EQ(DirtyBitmap::words(65), 3U);
    EXPECT_EQ(DirtyBitmap::words(4096), 65U);
    EXPECT_EQ(DirtyBitmap::words(4097), 68U);
    // 1 TiB of 4K pages.
    EXPECT_EQ(DirtyBitmap::words(std::uint64_t{1} << 28), 4'194'304U + 65'536 + 1'024 + 16 + 1);
}

TEST(DirtyBitmap, TellsEachRunOnceAndUpwards) {
    Bitmap b{10'000};
    EXPECT_FALSE(b.map.any());
    for (const std::uint64_t page : {9'999U, 0U, 1U, 2U, 63U, 64U, 5'000U, 5'001U}) {
        EXPECT_TRUE(b.map.mark(page)) << page;
        EXPECT_FALSE(b.map.mark(page)) << page;
        EXPECT_TRUE(b.map.is_dirty(page)) << page;
    }
    EXPECT_FALSE(b.map.is_dirty(3));
    EXPECT_TRUE(b.map.any());
    // Cut at 64.
    EXPECT_EQ(b.take(0, 10'000), (Runs{{0, 3}, {63, 1}, {64, 1}, {5'000, 2}, {9'999, 1}}));
    EXPECT_FALSE(b.map.any());
    EXPECT_EQ(b.take(0, 10'000), Runs{});
}

TEST(DirtyBitmap, AWholeWordIsOneRun) {
    Bitmap b{128};
    for (std::uint64_t page = 0; page < 128; ++page) {
        b.map.mark(page);
    }
    EXPECT_EQ(b.take(0, 128), (Runs{{0, 64}, {64, 64}}));
}

TEST(DirtyBitmap, WhatIsBesideTheRangeStays) {
    Bitmap b{300'000};
    for (const std::uint64_t page : {99U, 100U, 163U, 164U, 262'144U}) {
        b.map.mark(page);
    }
    EXPECT_EQ(b.take(100, 64), (Runs{{100, 1}, {163, 1}}));
    EXPECT_EQ(b.take(100, 64), Runs{});
    EXPECT_EQ(b.take(0, 300'000), (Runs{{99, 1}, {164, 1}, {262'144, 1}}));
    // Nothing behind the end, nothing in an empty range.
    b.map.mark(299'999);
    EXPECT_EQ(b.take(299'999, 0), Runs{});
    EXPECT_EQ(b.take(300'000, 5), Runs{});
    EXPECT_EQ(b.take(~std::uint64_t{0}, 5), Runs{});
    EXPECT_EQ(b.take(299'990, ~std::uint64_t{0}), (Runs{{299'999, 1}}));
}

TEST(DirtyBitmap, StopsWhenTheBudgetIsUsedUpAndGoesOnFromThere) {
    Bitmap b{100'000};
    for (std::uint64_t page = 10; page < 100'000; page += 1'000) {
        b.map.mark(page);
    }
    std::vector<std::uint64_t> seen;
    std::uint64_t next = 0;
    unsigned calls = 0;
    while (next < 100'000) {
        const std::size_t before = seen.size();
        b.map.take(
            next, 100'000 - next, [&](std::uint64_t p, std::uint64_t) { seen.push_back(p); }, 7,
            &next);
        ASSERT_LE(seen.size() - before, 7U);
        ++calls;
    }
    EXPECT_EQ(calls, 15U); // 100 words by 7
    ASSERT_EQ(seen.size(), 100U);
    for (std::size_t i = 0; i < 100; ++i) {
        EXPECT_EQ(seen[i], 10 + 1'000 * i);
    }
    EXPECT_FALSE(b.map.any());
}

TEST(DirtyBitmap, LooksOnlyWhereSomethingIs) {
    constexpr std::uint64_t pages = std::uint64_t{1} << 22;
    Bitmap b{pages};
    b.map.mark(pages - 1);
    // A bit without the one above it is what a look below would find.
    b.storage[1'000] = 1;
    EXPECT_EQ(b.take(0, pages), (Runs{{pages - 1, 1}}));
    EXPECT_EQ(b.storage[1'000], 1U);
}

TEST(DirtyBitmap, BehavesAsASetUnderRandomUse) {
    for (const std::uint64_t pages : {1U, 63U, 64U, 65U, 4'095U, 4'096U, 4'097U, 20'000U}) {
        SCOPED_TRACE(pages);
        Bitmap b{pages};
        std::set<std::uint64_t> model;
        std::mt19937_64 random{pages};
        for (unsigned step = 0; step < 4'000; ++step) {
            if (random() % 8 != 0) {
                const std::uint64_t page = random() % pages;
                ASSERT_EQ(b.map.mark(page), model.insert(page).second);
                continue;
            }
            const std::uint64_t first = random() % pages;
            const auto from = model.lower_bound(first);
            const std::uint64_t count = random() % (pages + 2);
            const auto to = model.lower_bound(first + count);
            const std::vector<std::uint64_t> expected{from, to};
            model.erase(from, to);
            std::vector<std::uint64_t> taken;
            for (const auto& [page, length] : b.take(first, count)) {
                for (std::uint64_t p = page; p < page + length; ++p) {
                    taken.push_back(p);
                }
            }
            ASSERT_EQ(taken, expected);
            ASSERT_EQ(b.map.any(), !model.empty());
        }
    }
}

// A page that is written is copied after that, by the first take that begins when its mark is done.
TEST(DirtyBitmapThreads, LoseNoMark) {
    // Few pages, of which some share a word, and some only what is above.
    constexpr std::uint64_t groups = 4;
    constexpr std::uint64_t together = 3;
    constexpr std::uint64_t apart = 8'191;
    constexpr std::uint64_t pages = groups * apart;
    constexpr unsigned markers = 3;
    constexpr std::chrono::milliseconds time{400};
    Bitmap b{pages};
    std::vector<std::atomic<std::uint64_t>> written(pages);
    std::vector<std::atomic<std::uint64_t>> marked(pages); // of `written`, by marks that are done
    std::vector<std::uint64_t> copied(pages);
    const auto each_page = [&](auto&& act) {
        for (std::uint64_t i = 0; i < groups * together; ++i) {
            act(i / together * apart + i % together);
        }
    };
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < markers; ++id) {
        threads.emplace_back([&, id] {
            std::mt19937_64 random{id};
            while (!stop.load(std::memory_order_relaxed)) {
                const std::uint64_t page = random() % groups * apart + random() % together;
                const std::uint64_t mine = written[page].fetch_add(1) + 1;
                b.map.mark(page);
                std::uint64_t known = marked[page].load();
                while (known < mine && !marked[page].compare_exchange_weak(known, mine)) {
                }
            }
        });
    }
    std::vector<std::uint64_t> due(pages);
    unsigned late = 0;
    const auto harvest = [&] {
        each_page([&](std::uint64_t page) { due[page] = marked[page].load(); });
        b.map.take(0, pages, [&](std::uint64_t page, std::uint64_t count) {
            for (std::uint64_t p = page; p < page + count; ++p) {
                copied[p] = written[p].load();
            }
        });
        each_page([&](std::uint64_t page) { late += copied[page] < due[page] ? 1U : 0U; });
    };
    for (const auto end = std::chrono::steady_clock::now() + time;
         std::chrono::steady_clock::now() < end;) {
        harvest();
    }
    stop.store(true);
    for (std::thread& thread : threads) {
        thread.join();
    }
    harvest();
    EXPECT_EQ(late, 0U);
    EXPECT_FALSE(b.map.any());
    each_page([&](std::uint64_t page) {
        EXPECT_EQ(copied[page], written[page].load()) << page;
        EXPECT_GT(copied[page], 0U) << page;
    });
}

} // namespace
} // namespace twofold
