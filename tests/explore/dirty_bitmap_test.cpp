// SPDX-License-Identifier: MIT
// Marks of a DirtyBitmap beside a take, in every interleaving of their accesses.
#include "every_order.hpp"

#include <twofold/vm/dirty_bitmap.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace twofold::test {

namespace {

// Another may go on before each access.
struct SteppedWords {
    static std::uint64_t load(std::uint64_t& word) {
        EveryOrder::step();
        return AtomicWords::load(word);
    }
    static std::uint64_t set(std::uint64_t& word, std::uint64_t bits) {
        EveryOrder::step();
        return AtomicWords::set(word, bits);
    }
    static std::uint64_t clear(std::uint64_t& word, std::uint64_t bits) {
        EveryOrder::step();
        return AtomicWords::clear(word, bits);
    }
};

struct Harvest {
    std::uint64_t pages = 0;
    std::vector<std::uint64_t> dirty_before = {};
    std::vector<std::uint64_t> marks = {}; // one by each of the markers
    std::uint64_t first = 0;               // of the take
    std::uint64_t count = 0;
    std::uint64_t budget = Progress::unlimited;
};

std::uint64_t explore(const Harvest& h) {
    std::vector<std::uint64_t> storage(DirtyBitmap::words(h.pages));
    BasicDirtyBitmap<SteppedWords> map{storage, h.pages};
    const auto markers = static_cast<unsigned>(h.marks.size());
    std::vector<unsigned> written;
    std::vector<unsigned> marked; // by marks that are done
    std::vector<unsigned> copied;
    std::vector<unsigned> due;
    std::uint64_t wrong = 0;
    const auto copy = [&](std::uint64_t page, std::uint64_t count) {
        for (std::uint64_t p = page; p < page + count; ++p) {
            copied[p] = written[p];
        }
    };
    const std::uint64_t runs = EveryOrder::run(
        markers + 1,
        [&] {
            std::ranges::fill(storage, 0);
            written.assign(h.pages, 0);
            marked = copied = due = written;
            for (const std::uint64_t page : h.dirty_before) {
                written[page] = marked[page] = 1;
                map.mark(page);
            }
        },
        [&](unsigned fiber) {
            if (fiber < markers) {
                const std::uint64_t page = h.marks[fiber];
                const unsigned mine = ++written[page];
                map.mark(page);
                marked[page] = std::max(marked[page], mine);
                return;
            }
            EveryOrder::step();
            due = marked;
            std::uint64_t next = 0;
            map.take(h.first, h.count, copy, h.budget, &next);
            for (std::uint64_t p = h.first; p < next; ++p) {
                wrong += copied[p] < due[p] ? 1U : 0U;
            }
        },
        [&] {
            map.take(0, h.pages, copy);
            wrong += copied != written || map.any() ? 1U : 0U;
        });
    EXPECT_EQ(wrong, 0U) << "of " << runs << " orders";
    return runs;
}

TEST(ExploreDirtyBitmap, NoMarkIsLostOrLate) {
    // Two levels: a word of each is shared.
    const auto expect = [](std::vector<std::uint64_t> before, std::uint64_t other) {
        EXPECT_GT(explore({.pages = 128,
                           .dirty_before = std::move(before),
                           .marks = {5, other},
                           .first = 0,
                           .count = 128}),
                  1'000U);
    };
    expect({}, 5);  // the same page
    expect({}, 6);  // the same word
    expect({}, 70); // the same word above
    expect({5}, 5);
    expect({9}, 6);
    expect({70}, 6);
}

TEST(ExploreDirtyBitmap, APartIsTakenAndTheRestStays) {
    for (const std::uint64_t mark : {5U, 9U, 70U}) {
        EXPECT_GT(explore({.pages = 128,
                           .dirty_before = {5, 9, 70},
                           .marks = {mark, 9},
                           .first = 8,
                           .count = 16}),
                  1'000U);
        EXPECT_GT(explore({.pages = 128,
                           .dirty_before = {5, 70},
                           .marks = {mark},
                           .first = 0,
                           .count = 128,
                           .budget = 1}),
                  100U);
    }
}

TEST(ExploreDirtyBitmap, ThreeLevels) {
    for (const std::vector<std::uint64_t>& before :
         {std::vector<std::uint64_t>{}, {3}, {4'095}, {4'100}}) {
        EXPECT_GT(
            explore(
                {.pages = 4'160, .dirty_before = before, .marks = {3}, .first = 0, .count = 4'160}),
            20U);
    }
}

} // namespace

} // namespace twofold::test
