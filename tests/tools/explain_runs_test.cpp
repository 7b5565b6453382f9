// SPDX-License-Identifier: MIT
// A slot as runs, page by page: each page is mapped as choose_leaf says for a fault in it, and
// there are as many tables as these mappings need.
#include "tools/cpu/known_cpu.hpp"
#include "tools/explain/slot_runs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace twofold::tool {
namespace {

Scenario scenario_of(const GeometryRequest& shape) {
    const CpuFeatures features = CpuFeatures::from(find_cpu("max")->registers);
    return {.features = features,
            .shape = shape,
            .geometry = Geometry::make(features, shape).value(),
            .slots = {}};
}

bool same_kind(LimitedBy a, LimitedBy b) {
    const auto ends = [](LimitedBy reason) {
        return reason == LimitedBy::extent_start || reason == LimitedBy::extent_end;
    };
    return a == b || (ends(a) && ends(b));
}

// Of what the mapping of one page needs: the level of each table, and where it begins.
using Tables = std::set<std::pair<Level, std::uint64_t>>;

void add_tables(const Geometry& geometry, const ChosenMapping& mapping, Tables& tables) {
    const Level leaf = *geometry.level_of(mapping.size);
    for (Level level = geometry.initial_level() + 1; level <= leaf; ++level) {
        tables.insert({level, mapping.ipa.value >> geometry.shift(level - 1)});
    }
}

void expect_page(const Scenario& scenario, const GuestSlot& slot, Ipa page, const MappedRun& run,
                 Tables& tables) {
    const Ipa memory = slot.next_memory(page);
    const bool backed = memory - page < scenario.geometry.page_size();
    ASSERT_EQ(run.backed, backed);
    if (!backed) {
        return;
    }
    const auto mapping = choose_leaf(scenario.geometry, *scenario.request(slot, memory));
    if (!mapping) {
        ASSERT_EQ(run.size, 0U);
        ASSERT_TRUE(same_kind(run.limit.reason, mapping.error()));
        return;
    }
    ASSERT_EQ(run.size, mapping->size);
    ASSERT_TRUE(same_kind(run.limit.reason, mapping->limited_by))
        << to_string(run.limit.reason) << " " << to_string(mapping->limited_by);
    ASSERT_EQ((mapping->ipa - run.ipa) % run.size, 0U);
    ASSERT_EQ(mapping->pa - run.pa, mapping->ipa - run.ipa);
    add_tables(scenario.geometry, *mapping, tables);
}

void expect_every_page(const Scenario& scenario) {
    const GuestSlot& slot = scenario.slots[0];
    TableCounter counter{scenario.geometry};
    const SlotRuns runs = find_runs(scenario, slot, counter);
    Tables tables;
    const std::uint64_t page = scenario.geometry.page_size();
    Ipa at = slot.range.start;
    std::uint64_t bytes = 0;
    for (const MappedRun& run : runs.runs) {
        ASSERT_EQ(run.ipa, at);
        for (std::uint64_t skipped = 0; skipped < run.length; skipped += page) {
            SCOPED_TRACE(testing::Message() << std::hex << (at + skipped).value);
            expect_page(scenario, slot, at + skipped, run, tables);
            if (testing::Test::HasFatalFailure()) {
                return;
            }
        }
        at += run.length;
    }
    for (const auto& [size, reasons] : runs.bytes) {
        bytes += runs.bytes_of(size);
    }
    EXPECT_EQ(bytes, slot.range.length);
    if (runs.left_out != 0) {
        return; // seen by its totals only
    }
    EXPECT_EQ(at, slot.range.end());
    EXPECT_EQ(counter.tables_below_root(), tables.size());
}

class Random {
public:
    explicit Random(unsigned seed) : engine_{seed} {}
    std::uint64_t below(std::uint64_t n) { return engine_() % n; }
    bool chance(unsigned in) { return below(in) == 0; }

private:
    std::mt19937_64 engine_;
};

// Addresses that are often aligned to something.
std::uint64_t address(Random& random, std::uint64_t limit, std::uint64_t page) {
    const std::uint64_t units[] = {page, 16 * page, 512 * page, 512 * page, 4096 * page};
    const std::uint64_t unit = units[random.below(std::size(units))];
    return align_down(random.below(limit), unit) + (random.chance(4) ? page * random.below(3) : 0);
}

// Not with pieces, which are found to repeat themselves.
void add_parts(Random& random, std::uint64_t page, GuestSlot& slot) {
    if (slot.piece != 0 || !random.chance(2)) {
        return;
    }
    const std::uint64_t most = slot.range.length / page;
    for (std::uint64_t offset = page * random.below(most); offset < slot.range.length;) {
        const std::uint64_t left = slot.range.length - offset;
        const std::uint64_t length = random.chance(2) ? page : 1 + random.below(left);
        slot.parts.push_back({.offset = offset, .length = std::min(length, left)});
        // One behind the other, too: each is of its own kind.
        offset += slot.parts.back().length + (random.chance(4) ? 0 : page * random.below(most));
    }
}

GuestSlot random_slot(Random& random, std::uint64_t page) {
    GuestSlot slot{.extents = {}};
    const std::uint64_t most = 20'000 * page;
    slot.range = {Ipa{address(random, 8 * GiB, page)},
                  page * (1 + random.below(1 + random.below(most / page)))};
    slot.dirty_logging = random.chance(10);
    if (!random.chance(3)) {
        slot.pa = Pa{random.chance(2) ? slot.range.start.value + 64 * GiB
                                      : address(random, 64 * GiB, page)};
        const std::uint64_t pieces[] = {0, 1, 2, 3, 5, 512, 511, 513, 1536, 768};
        slot.piece = page * pieces[random.below(std::size(pieces))];
        add_parts(random, page, slot);
        return slot;
    }
    std::uint64_t offset = 0;
    while (offset < slot.range.length) {
        const std::uint64_t length = 1 + random.below(1 + random.below(slot.range.length));
        const bool whole = !random.chance(5);
        const std::uint64_t pa = address(random, 64 * GiB, page);
        slot.extents.push_back({.offset = offset,
                                .pa = Pa{random.chance(2) ? slot.range.start.value + offset : pa},
                                .length = whole ? align_up(length, page) : length});
        offset += slot.extents.back().length + (random.chance(3) ? random.below(4 * page) : 0);
        offset = whole ? align_up(offset, page) : offset;
    }
    add_parts(random, page, slot);
    return slot;
}

TEST(SlotRuns, AreWhatEachFaultWouldMap) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        Random random{seed};
        const Granule granule = random.chance(4) ? Granule::k16 : Granule::k4;
        const unsigned ipa_bits = random.chance(3) ? 34 : 40;
        Scenario scenario = scenario_of({.granule = granule, .ipa_bits = ipa_bits});
        scenario.slots.push_back(random_slot(random, granule_bytes(granule)));
        if (random.chance(6)) {
            scenario.policy.cap = 2 * MiB;
        }
        const auto wrong = scenario.settle();
        ASSERT_FALSE(wrong) << *wrong;
        expect_every_page(scenario);
        if (HasFatalFailure()) {
            return;
        }
    }
}

// All periods are like the second one: slots of one length more or less differ by what they hold.
TEST(SlotRuns, LargeSlotsAreCountedAtOnce) {
    const auto bytes_of_pages = [](std::uint64_t length) {
        Scenario scenario = scenario_of({.ipa_bits = 42});
        scenario.slots.push_back({.range = {Ipa{TiB}, length}, .pa = Pa{TiB}, .piece = 3 * MiB});
        TableCounter tables{scenario.geometry};
        const SlotRuns runs = find_runs(scenario, scenario.slots[0], tables);
        EXPECT_EQ(runs.bytes_of(4096) + runs.bytes_of(2 * MiB), length);
        // Of two pieces, 6 MiB, two blocks of 2 MiB fit.
        EXPECT_NEAR(static_cast<double>(runs.bytes_of(4096)), static_cast<double>(length) / 3,
                    static_cast<double>(4 * MiB));
        // A table of level 2 for each GiB, and one of level 3 for each 2 MiB of pages.
        EXPECT_EQ(tables.tables(2), length / GiB);
        EXPECT_EQ(tables.tables(3), runs.bytes_of(4096) / (2 * MiB));
        return runs.bytes_of(4096);
    };
    EXPECT_EQ(bytes_of_pages(1536 * GiB) - bytes_of_pages(768 * GiB), 256 * GiB);
}

TEST(SlotRuns, APageThatMemoryDoesNotFill) {
    Scenario scenario = scenario_of({.ipa_bits = 40});
    scenario.slots.push_back(
        {.range = {Ipa{GiB}, 16 * KiB},
         .extents = {{.offset = 0x800, .pa = Pa{0x4000'0800}, .length = 0x2000}}});
    ASSERT_FALSE(scenario.settle());
    TableCounter tables{scenario.geometry};
    const SlotRuns runs = find_runs(scenario, scenario.slots[0], tables);
    ASSERT_EQ(runs.runs.size(), 4U);
    EXPECT_EQ(runs.runs[0].size, 0U);
    EXPECT_EQ(runs.runs[0].limit.reason, LimitedBy::extent_start);
    EXPECT_EQ(runs.runs[1].size, 4096U);
    EXPECT_EQ(runs.runs[1].pa, Pa{0x4000'1000});
    EXPECT_EQ(runs.runs[2].limit.reason, LimitedBy::extent_end);
    EXPECT_FALSE(runs.runs[3].backed);
}

} // namespace
} // namespace twofold::tool
