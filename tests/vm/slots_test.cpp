// SPDX-License-Identifier: MIT
#include "geometries.hpp"

#include <twofold/vm/slots.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <vector>

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
        return slots.add(slot(start, length)).error().rule;
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

    EXPECT_EQ(slots.remove(Ipa{0}).error().rule, Error::slot_unknown);
    EXPECT_EQ(slots.remove(Ipa{limit - 0x1'0000}).error().rule, Error::slot_unknown);
    EXPECT_EQ(slots.remove(Ipa{limit - 0x2'0000})->range.length, 0x2'0000U);
    EXPECT_EQ(slots.remove(Ipa{limit - 0x2'0000}).error().rule, Error::slot_unknown);
    EXPECT_EQ(slots.size(), 1U);
}

constexpr SlotRefusal in_the_way(std::uint64_t start, std::uint64_t length) {
    return {Error::slot_overlaps, {.start = Ipa{start}, .length = length}};
}

TEST(Slots, NameTheLowestOneInTheWay) {
    std::array<Slot, 4> storage;
    Slots slots{geometry(Granule::k4, 32), storage};
    ASSERT_TRUE(slots.add(slot(0x4000, 0x2000)));
    ASSERT_TRUE(slots.add(slot(0x8000, 0x4000)));
    EXPECT_EQ(slots.add(slot(0, 0x1'0000)).error(), in_the_way(0x4000, 0x2000));
    EXPECT_EQ(slots.add(slot(0x6000, 0x1'0000)).error(), in_the_way(0x8000, 0x4000));
    EXPECT_EQ(slots.add(slot(0x5000, 0x1000)).error(), in_the_way(0x4000, 0x2000));
    // A slot that changes is not in its own way, but its neighbours are, on either side.
    EXPECT_EQ(slots.resize(Ipa{0x4000}, 0x4001).error(), SlotRefusal{Error::slot_misaligned});
    EXPECT_EQ(slots.resize(Ipa{0x4000}, 0x5000).error(), in_the_way(0x8000, 0x4000));
    EXPECT_EQ(slots.move(Ipa{0x8000}, Ipa{0x5000}).error(), in_the_way(0x4000, 0x2000));
    EXPECT_EQ(slots.move(Ipa{0x4000}, Ipa{0x7000}).error(), in_the_way(0x8000, 0x4000));
    EXPECT_EQ(slots.move(Ipa{0x4000}, Ipa{0xffff'f000}).error(), SlotRefusal{Error::slot_wraps});
    EXPECT_EQ(slots.move(Ipa{0x5000}, Ipa{0}).error(), SlotRefusal{Error::slot_unknown});
    EXPECT_EQ(slots.resize(Ipa{0x5000}, 0x1000).error(), SlotRefusal{Error::slot_unknown});
    EXPECT_EQ(slots.set_flags(Ipa{0x5000}, true, true).error(), SlotRefusal{Error::slot_unknown});
    // Nothing has changed.
    EXPECT_EQ(slots.begin()[0], slot(0x4000, 0x2000));
    EXPECT_EQ(slots.begin()[1], slot(0x8000, 0x4000));
}

TEST(Slots, MoveAndResizeKeepWhatElseASlotIs) {
    std::array<Slot, 3> storage;
    Slots slots{geometry(Granule::k4, 32), storage};
    Slot special = slot(0x8000, 0x4000);
    special.writable = false;
    special.dirty_logging = true;
    ASSERT_TRUE(slots.add(slot(0x2000, 0x1000)));
    ASSERT_TRUE(slots.add(special));
    ASSERT_TRUE(slots.add(slot(0x2'0000, 0x1000))); // as many as there is room for
    // By less than its length, then past a neighbour on either side.
    for (const std::uint64_t to : {0xa000U, 0x9000U, 0x3'0000U, 0x1'0000U}) {
        const Ipa from = special.range.start;
        const auto before = slots.move(from, Ipa{to});
        ASSERT_TRUE(before) << to;
        EXPECT_EQ(*before, special.range);
        special.range.start = Ipa{to};
        EXPECT_EQ(*slots.find(Ipa{to}), special);
        EXPECT_EQ(slots.size(), 3U);
    }
    const auto before = slots.resize(Ipa{0x1'0000}, 0x1'0000);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->length, 0x4000U);
    special.range.length = 0x1'0000;
    EXPECT_EQ(*slots.find(Ipa{0x1'ffff}), special);
    const auto was = slots.set_flags(Ipa{0x1'0000}, true, false);
    ASSERT_TRUE(was);
    EXPECT_EQ(*was, special);
    EXPECT_TRUE(slots.find(Ipa{0x1'0000})->writable);
    EXPECT_FALSE(slots.find(Ipa{0x1'0000})->dirty_logging);
}

// As many as KVM has, each found by at most 16 looks at a slot.
TEST(Slots, ThirtyTwoThousand) {
    constexpr std::size_t count = 32'768;
    constexpr std::uint64_t stride = 0x3000;
    std::vector<Slot> storage(count);
    Slots slots{geometry(Granule::k4, 40), storage};
    for (std::uint64_t i = 0; i < count; ++i) {
        ASSERT_TRUE(slots.add(slot(i * stride, 0x2000)));
    }
    EXPECT_EQ(slots.add(slot(count * stride, 0x1000)).error(), SlotRefusal{Error::slot_limit});
    for (std::uint64_t i = 0; i < count; ++i) {
        ASSERT_EQ(slots.find(Ipa{i * stride + 0x1fff})->range.start, Ipa{i * stride});
        ASSERT_EQ(slots.find(Ipa{i * stride + 0x2000}), nullptr);
    }
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
        const std::uint64_t length = 1 + random() % 6;
        const auto in_the_way_of = [&](std::uint64_t at, std::uint64_t of_length,
                                       std::uint64_t self) {
            return std::ranges::any_of(model, [&](const auto& s) {
                return s.first != self && s.first < at + of_length && at < s.first + s.second;
            });
        };
        switch (random() % 4) {
        case 0: {
            const bool overlaps = in_the_way_of(start, length, pages);
            const auto result = slots.add(slot(start * page, length * page));
            if (overlaps) {
                ASSERT_EQ(result.error().rule, Error::slot_overlaps);
            } else if (model.size() == storage.size()) {
                ASSERT_EQ(result.error().rule, Error::slot_limit);
            } else {
                ASSERT_TRUE(result);
                model[start] = length;
                ++added;
            }
            break;
        }
        case 1:
            ASSERT_EQ(slots.remove(Ipa{start * page}).has_value(), model.erase(start) == 1);
            break;
        case 2: {
            const std::uint64_t to = random() % pages;
            const auto self = model.find(start);
            const bool good = self != model.end() && !in_the_way_of(to, self->second, self->first);
            ASSERT_EQ(slots.move(Ipa{start * page}, Ipa{to * page}).has_value(), good);
            if (good) {
                const std::uint64_t moved = self->second;
                model.erase(self);
                model[to] = moved;
            }
            break;
        }
        default: {
            const auto self = model.find(start);
            const bool good = self != model.end() && !in_the_way_of(start, length, self->first);
            ASSERT_EQ(slots.resize(Ipa{start * page}, length * page).has_value(), good);
            if (good) {
                self->second = length;
            }
            break;
        }
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
