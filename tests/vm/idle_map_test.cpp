// SPDX-License-Identifier: MIT
// IdleMap and IdleHistogram by hand: what is noted, and what the end of a scan makes of it.
#include <twofold/vm/idle_map.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace twofold {
namespace {

constexpr Ipa start{0x4010'0000};
constexpr std::uint64_t unit = 0x1'0000;

// Ten units and a half.
struct Map {
    static constexpr IpaSpan slot{start, 10 * unit + unit / 2};

    // A scan that finds `young` accessed and `mapped` mapped, units by number.
    void scan(const std::vector<unsigned>& young, const std::vector<unsigned>& mapped) {
        for (const unsigned i : young) {
            idle.note_young({start + i * unit, unit});
        }
        for (const unsigned i : mapped) {
            idle.note_mapped({start + i * unit, unit});
        }
        idle.end_scan(slot.start, slot.end());
    }
    std::vector<int> ages() const {
        std::vector<int> all;
        for (unsigned i = 0; i < idle.units(); ++i) {
            const auto age = idle.age_of(start + i * unit);
            all.push_back(age ? static_cast<int>(*age) : -1);
        }
        return all;
    }

    std::array<std::uint8_t, 11> storage = {};
    IdleMap idle{storage, slot, unit};
};

TEST(IdleMap, AUnitAgesByScansThatFindNothingAccessed) {
    Map map;
    EXPECT_EQ(map.idle.units(), 11U);
    EXPECT_EQ(map.ages(), std::vector<int>(11, -1));
    map.scan({0, 10}, {1, 2});
    EXPECT_EQ(map.ages(), (std::vector<int>{0, 1, 1, -1, -1, -1, -1, -1, -1, -1, 0}));
    map.scan({1}, {0, 1, 2, 10});
    EXPECT_EQ(map.ages(), (std::vector<int>{1, 0, 2, -1, -1, -1, -1, -1, -1, -1, 1}));
    // 2 is taken away, and comes back.
    map.scan({}, {0, 1, 10});
    EXPECT_EQ(map.ages(), (std::vector<int>{2, 1, -1, -1, -1, -1, -1, -1, -1, -1, 2}));
    map.scan({}, {0, 1, 2});
    EXPECT_EQ(map.ages(), (std::vector<int>{3, 2, 1, -1, -1, -1, -1, -1, -1, -1, -1}));
}

TEST(IdleMap, AgesStopGrowing) {
    Map map;
    for (unsigned scans = 1; scans <= 200; ++scans) {
        map.scan({}, {3});
        ASSERT_EQ(map.idle.age_of(start + 3 * unit), std::min(scans, 62U));
    }
    EXPECT_EQ(map.idle.histogram().of_class(6), unit);
    map.scan({3}, {});
    EXPECT_EQ(map.idle.age_of(start + 3 * unit), 0U);
}

TEST(IdleMap, APartOfAUnitSpeaksForTheUnit) {
    Map map;
    map.idle.note_young({start + unit - 1, 2});            // 0 and 1
    map.idle.note_young({start + 4 * unit, 2 * unit});     // 4 and 5
    map.idle.note_young({Ipa{0}, start.value});            // ends where the slot begins
    map.idle.note_young({Map::slot.end(), unit});          // begins where it ends
    map.idle.note_young({start + 10 * unit, 16 * unit});   // reaches beyond
    map.idle.note_young({start + 7 * unit, 0});            // nothing
    map.idle.note_mapped({start - unit, 2 * unit + unit}); // begins before: 0 and 1
    map.idle.note_mapped({start + 8 * unit + 0x1000, 0x1000});
    map.idle.end_scan(Map::slot.start, Map::slot.end());
    EXPECT_EQ(map.ages(), (std::vector<int>{0, 0, -1, -1, 0, 0, -1, -1, 1, -1, 0}));
}

// The scan stops inside of unit 1, and at the ends of units.
TEST(IdleMap, WhatIsFoundInAPartOfAUnitIsKeptUntilTheUnitEnds) {
    Map map;
    map.idle.note_young({start + unit, 0x1000});
    map.idle.note_mapped({start, unit});
    map.idle.end_scan(start, start + unit + 0x8000);
    EXPECT_EQ(map.ages(), (std::vector<int>{1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}));
    map.idle.note_mapped({start + unit + 0x8000, 0x8000});
    map.idle.note_mapped({start + 2 * unit, unit});
    map.idle.end_scan(start + unit + 0x8000, start + 3 * unit);
    EXPECT_EQ(map.ages(), (std::vector<int>{1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1}));
    map.idle.note_mapped({start + 3 * unit, 8 * unit});
    map.idle.end_scan(start + 3 * unit, start + 10 * unit);
    EXPECT_EQ(map.ages(), (std::vector<int>{1, 0, 1, 1, 1, 1, 1, 1, 1, 1, -1}));
    // The half of the last unit that there is.
    map.idle.end_scan(start + 10 * unit, start + 10 * unit + 0x4000);
    EXPECT_EQ(map.ages().back(), -1);
    map.idle.end_scan(start + 10 * unit + 0x4000, Map::slot.end());
    EXPECT_EQ(map.ages().back(), 1);
}

// Looking has cleared the access flag, so a scan that is given up must not forget what it saw.
TEST(IdleMap, AScanThatStartsAgainKnowsWhatTheLastOneFound) {
    Map map;
    map.scan({}, {0, 1, 2});
    map.idle.note_young({start + unit, 0x1000});
    map.idle.end_scan(start, start + unit + 0x8000);
    map.scan({}, {0, 1, 2});
    EXPECT_EQ(map.idle.age_of(start + unit), 0U);
    EXPECT_EQ(map.idle.age_of(start + 2 * unit), 2U);
}

TEST(IdleHistogram, ClassesArePowersOfTwo) {
    const unsigned first[] = {0, 1, 2, 4, 8, 16, 32};
    static_assert(IdleHistogram::classes == 7);
    for (std::size_t i = 0; i < IdleHistogram::classes; ++i) {
        EXPECT_EQ(IdleHistogram::first_age(i), first[i]);
        EXPECT_EQ(IdleHistogram::class_of(first[i]), i);
        if (i != 0) {
            EXPECT_EQ(IdleHistogram::class_of(first[i] - 1), i - 1);
        }
    }
    EXPECT_EQ(IdleHistogram::class_of(62), 6U);
    EXPECT_EQ(IdleHistogram::class_of(1000), 6U);
}

TEST(IdleHistogram, BytesByAgeAndWhatIsNotMappedApart) {
    Map map;
    EXPECT_EQ(map.idle.histogram().unmapped(), Map::slot.length);
    map.scan({0, 10}, {1, 2, 3});
    const IdleHistogram& h = map.idle.histogram();
    EXPECT_EQ(h.of_class(0), unit + unit / 2);
    EXPECT_EQ(h.of_class(1), 3 * unit);
    EXPECT_EQ(h.unmapped(), 6 * unit);
    map.scan({}, {0, 1, 2, 3, 10});
    map.scan({3}, {0, 1, 2, 10});
    EXPECT_EQ(h.of_class(0), unit);
    EXPECT_EQ(h.of_class(1), 0U);
    EXPECT_EQ(h.of_class(2), 3 * unit + unit / 2); // ages 2 and 3
    EXPECT_EQ(h.from_class(2), 3 * unit + unit / 2);
    EXPECT_EQ(h.from_class(0), 4 * unit + unit / 2);
    map.scan({}, {1});
    EXPECT_EQ(h.of_class(3), unit);
    EXPECT_EQ(h.unmapped(), Map::slot.length - unit);
}

// Long runs of random scans in steps of random length, beside a plain list of what each unit has
// seen; the histogram is counted from the list.
TEST(IdleMap, RandomScansAgainstAPlainList) {
    struct Unit {
        bool young = false;
        bool mapped = false;
        int age = -1;
    };
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937_64 random{seed};
        constexpr std::uint64_t small = 0x3000; // three pages; no power of two
        const IpaSpan slot{start, 0x1000 * (1 + random() % 400)};
        const std::size_t count = (slot.length + small - 1) / small;
        std::vector<std::uint8_t> storage(IdleMap::bytes(slot.length, small), 0xaa);
        ASSERT_EQ(storage.size(), count);
        IdleMap idle{storage, slot, small};
        std::vector<Unit> list(count);
        for (unsigned scan = 0; scan < 100; ++scan) {
            for (std::uint64_t at = 0; at < slot.length;) {
                const std::uint64_t to = std::min(slot.length, at + 0x1000 * (1 + random() % 50));
                for (std::uint64_t page = at; page < to; page += 0x1000) {
                    Unit& u = list[page / small];
                    if (random() % 16 == 0) {
                        idle.note_young({slot.start + page, 0x1000});
                        u.young = true;
                    } else if (random() % 4 != 0) {
                        idle.note_mapped({slot.start + page, 0x1000});
                        u.mapped = true;
                    }
                }
                idle.end_scan(slot.start + at, slot.start + to);
                for (std::size_t i = at / small; i < count; ++i) {
                    const std::uint64_t end = std::min((i + 1) * small, slot.length);
                    if (end > at && end <= to) {
                        Unit& u = list[i];
                        u.age = u.young ? 0 : !u.mapped ? -1 : u.age < 0 ? 1 : u.age + 1;
                        u.young = u.mapped = false;
                    }
                }
                at = to;
            }
            IdleHistogram expected;
            for (std::size_t i = 0; i < count; ++i) {
                const auto age = idle.age_of(slot.start + i * small);
                ASSERT_EQ(age ? static_cast<int>(*age) : -1, std::min(list[i].age, 62));
                expected.add(list[i].age < 0 ? std::nullopt
                                             : std::optional{static_cast<unsigned>(list[i].age)},
                             std::min(small, slot.length - i * small));
            }
            ASSERT_EQ(idle.histogram(), expected);
        }
    }
}

TEST(IdleMap, StorageThatIsTooSmallTraps) {
    std::array<std::uint8_t, 10> storage = {};
    EXPECT_DEATH(IdleMap(storage, Map::slot, unit), "");
}

} // namespace
} // namespace twofold
