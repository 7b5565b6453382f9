// SPDX-License-Identifier: MIT
#include "geometries.hpp"

#include <twofold/vm/slots.hpp>

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace twofold {
namespace {

using test::geometry;

constexpr Slot slot(std::uint64_t start, std::uint64_t length) {
    return {.range = {.start = Ipa{start}, .length = length}};
}

TEST(Slots, FindsTheSlotThatHoldsAnAddress) {
    std::array<Slot, 4> storage;
    Slots slots{geometry(Granule::k4, 40), storage};
    EXPECT_EQ(slots.find(Ipa{0}), nullptr);
    ASSERT_TRUE(slots.add(slot(0x8000'0000, GiB)));
    ASSERT_TRUE(slots.add(slot(0x1000, 0x1000)));
    ASSERT_TRUE(slots.add(slot(0x4000'0000, GiB))); // touches its neighbour
    EXPECT_EQ(slots.size(), 3U);

    EXPECT_EQ(slots.find(Ipa{0xfff}), nullptr);
    ASSERT_NE(slots.find(Ipa{0x1000}), nullptr);
    EXPECT_EQ(slots.find(Ipa{0x1fff})->range.start, Ipa{0x1000});
    EXPECT_EQ(slots.find(Ipa{0x2000}), nullptr);
    EXPECT_EQ(slots.find(Ipa{0x7fff'ffff})->range.start, Ipa{0x4000'0000});
    EXPECT_EQ(slots.find(Ipa{0x8000'0000})->range.start, Ipa{0x8000'0000});
    EXPECT_EQ(slots.find(Ipa{0xbfff'ffff})->range.start, Ipa{0x8000'0000});
    EXPECT_EQ(slots.find(Ipa{0xc000'0000}), nullptr);
    EXPECT_EQ(slots.find(Ipa{~std::uint64_t{0}}), nullptr);
    EXPECT_EQ(slots.find(Ipa{0x8000'1234})->offset_of(Ipa{0x8000'1234}), 0x1234U);
}

TEST(Slots, RefusesWhatIsNoSlotAndChangesNothing) {
    std::array<Slot, 2> storage;
    Slots slots{geometry(Granule::k64, 36), storage};
    const std::uint64_t limit = std::uint64_t{1} << 36;
    const auto error = [&](std::uint64_t start, std::uint64_t length) {
        return slots.add(slot(start, length)).error();
    };
    EXPECT_EQ(error(0x1000, 0x1'0000), Error::slot_misaligned);
    EXPECT_EQ(error(0x1'0000, 0x1000), Error::slot_misaligned);
    EXPECT_EQ(error(0x1'0000, 0), Error::slot_misaligned);
    EXPECT_EQ(error(limit, 0x1'0000), Error::slot_wraps);
    EXPECT_EQ(error(limit - 0x1'0000, 0x2'0000), Error::slot_wraps);
    EXPECT_EQ(error(0xffff'ffff'ffff'0000, 0x2'0000), Error::slot_wraps);
    EXPECT_EQ(error(0x1'0000, 0xffff'ffff'ffff'0000), Error::slot_wraps);
    EXPECT_EQ(slots.size(), 0U);

    ASSERT_TRUE(slots.add(slot(limit - 0x2'0000, 0x2'0000)));
    EXPECT_EQ(error(limit - 0x3'0000, 0x2'0000), Error::slot_overlaps);
    EXPECT_EQ(error(limit - 0x1'0000, 0x1'0000), Error::slot_overlaps);
    EXPECT_EQ(error(0, limit), Error::slot_overlaps);
    EXPECT_EQ(slots.overlapping({.start = Ipa{0}, .length = limit}), slots.begin());
    EXPECT_EQ(slots.overlapping({.start = Ipa{0}, .length = limit - 0x2'0000}), nullptr);
    ASSERT_TRUE(slots.add(slot(limit - 0x3'0000, 0x1'0000)));
    EXPECT_EQ(error(0, 0x1'0000), Error::slot_limit);

    EXPECT_EQ(slots.remove(Ipa{0}).error(), Error::slot_unknown);
    EXPECT_EQ(slots.remove(Ipa{limit - 0x1'0000}).error(), Error::slot_unknown);
    EXPECT_EQ(slots.remove(Ipa{limit - 0x2'0000})->range.length, 0x2'0000U);
    EXPECT_EQ(slots.remove(Ipa{limit - 0x2'0000}).error(), Error::slot_unknown);
    EXPECT_EQ(slots.size(), 1U);
}

// Against a std::map, with a guest of 64 pages and up to 16 slots.
TEST(Slots, BehaveAsAMapUnderRandomUse) {
    constexpr std::uint64_t page = 4096;
    constexpr std::uint64_t pages = 64;
    std::array<Slot, 16> storage;
    Slots slots{geometry(Granule::k4, 32), storage};
    std::map<std::uint64_t, std::uint64_t> model;
    std::mt19937 random{7};
    unsigned added = 0;
    for (unsigned step = 0; step < 20'000; ++step) {
        const std::uint64_t start = random() % pages;
        if (random() % 2 == 0) {
            const std::uint64_t length = 1 + random() % 6;
            bool overlaps = false;
            for (const auto& [s, l] : model) {
                overlaps |= s < start + length && start < s + l;
            }
            const auto result = slots.add(slot(start * page, length * page));
            if (overlaps) {
                ASSERT_EQ(result.error(), Error::slot_overlaps);
            } else if (model.size() == storage.size()) {
                ASSERT_EQ(result.error(), Error::slot_limit);
            } else {
                ASSERT_TRUE(result);
                model[start] = length;
                ++added;
            }
        } else {
            ASSERT_EQ(slots.remove(Ipa{start * page}).has_value(), model.erase(start) == 1);
        }
        ASSERT_EQ(slots.size(), model.size());
        auto it = model.begin();
        for (const Slot& s : slots) {
            ASSERT_EQ(s.range.start.value, it->first * page);
            ASSERT_EQ(s.range.length, it->second * page);
            ++it;
        }
        const std::uint64_t probe = random() % (pages * page);
        const Slot* found = slots.find(Ipa{probe});
        auto above = model.upper_bound(probe / page);
        const bool inside = above != model.begin() &&
                            probe / page < std::prev(above)->first + std::prev(above)->second;
        ASSERT_EQ(found != nullptr, inside);
        if (inside) {
            ASSERT_EQ(found->range.start.value, std::prev(above)->first * page);
        }
    }
    EXPECT_GT(added, 1000U);
}

} // namespace
} // namespace twofold
