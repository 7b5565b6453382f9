// SPDX-License-Identifier: MIT
// Extents for which no level of the table has a block: 1 GiB behind a 4K table of two levels, and
// their likes with 16K and 64K. Hypervisors have run into endless faults there; each of these
// accesses has to get on after exactly one.
#include "guest.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace twofold::test {
namespace {

struct Shape {
    Granule granule = Granule::k4;
    unsigned ipa_bits = 0;
    std::uint64_t extent = 0;
    std::uint64_t leaf = 0; // the largest that the table has
    Level level = page_level;
    bool starts_there = false; // the largest leaf stands in the first level of the walk
    LimitedBy reason = LimitedBy::geometry;
};

// By the manual's tables: where a walk of the fewest levels starts, with up to 16 tables joined.
const Shape shapes[] = {
    {Granule::k4, 32, GiB, 2 * MiB, 2, true},
    {Granule::k4, 33, GiB, 2 * MiB, 2, true},
    {Granule::k4, 34, GiB, 2 * MiB, 2, true},
    {Granule::k16, 28, 32 * MiB, 16 * KiB, 3, true},
    // Without 52-bit addresses there are no larger leaves at all.
    {Granule::k16, 40, 64 * GiB, 32 * MiB, 2, true, LimitedBy::nothing},
    {Granule::k16, 42, 64 * GiB, 32 * MiB, 2, false, LimitedBy::nothing},
    {Granule::k64, 33, 512 * MiB, 64 * KiB, 3, true},
    {Granule::k64, 44, 4 * TiB, 512 * MiB, 2, true, LimitedBy::nothing},
};

// cortex-a72, with the 16K granule as well.
CpuFeatures cpu_without_dic() {
    CpuFeatures features = old_cpu();
    features.granule_16k = true;
    return features;
}

class TwoLevels : public testing::TestWithParam<Shape> {
protected:
    TwoLevels() {
        EXPECT_TRUE(memory.add_slot(
            {.range = {.start = start, .length = 2 * GetParam().extent}, .backing = &backing}));
    }

    std::uint64_t extent() const { return GetParam().extent; }
    std::uint64_t leaf() const { return GetParam().leaf; }
    std::uint64_t page() const { return machine.memory.geometry().page_size(); }
    // Faults exactly once, and then reaches the memory behind it through a leaf of this size.
    void expect_one_fault(std::uint64_t offset, Kind kind, std::uint64_t size) {
        SCOPED_TRACE(offset);
        ASSERT_FALSE(machine.allows(start + offset, kind));
        const auto result = machine.access(start + offset, kind);
        EXPECT_TRUE(result.faulted);
        EXPECT_EQ(result.resolution, Resolution::resume());
        ASSERT_TRUE(result.pa);
        EXPECT_EQ(*result.pa, memory_start + offset);
        EXPECT_EQ(result.translation.size, size);
    }
    void expect_no_fault(std::uint64_t offset, Kind kind) {
        SCOPED_TRACE(offset);
        const auto result = machine.access(start + offset, kind);
        EXPECT_FALSE(result.faulted);
        EXPECT_EQ(result.pa, memory_start + offset);
    }
    void set_logging(bool on) { ASSERT_TRUE(memory.set_slot_flags(start, true, on)); }

    Ipa start{GetParam().extent};
    // The extents are next to each other, so that they can be told from blocks only by their size.
    static constexpr Pa memory_start{4 * TiB};
    ExtentBacking backing{memory_start, GetParam().extent};
    GuestMachine machine{Geometry::make(cpu_without_dic(), {.granule = GetParam().granule,
                                                            .ipa_bits = GetParam().ipa_bits})
                             .value(),
                         cpu_without_dic()};
    GuestMachine::Memory& memory = machine.memory;
};

TEST_P(TwoLevels, TheTableHasNoBlockOfTheExtent) {
    const Geometry& g = memory.geometry();
    EXPECT_FALSE(g.can_map(extent()));
    EXPECT_EQ(g.initial_level() == GetParam().level, GetParam().starts_there);
}

TEST_P(TwoLevels, AFirstFault) {
    expect_one_fault(0, Kind::load, leaf());
    expect_no_fault(leaf() - 1, Kind::store);
    expect_one_fault(extent() - 1, Kind::store, leaf());
    expect_one_fault(extent(), Kind::fetch, leaf());
    expect_one_fault(2 * extent() - 1, Kind::load, leaf());
    const FaultCounters counters = memory.counters();
    const auto& by_reason = counters.chosen[static_cast<std::size_t>(GetParam().level)];
    EXPECT_EQ(by_reason[static_cast<std::size_t>(GetParam().reason)].value(), 4U);
}

// Memory that was written is not executable before the instruction caches have been invalidated.
TEST_P(TwoLevels, AFetchAfterAWrite) {
    expect_one_fault(leaf() + 8, Kind::store, leaf());
    machine.port.cache_operations.clear();
    expect_one_fault(leaf() + 8, Kind::fetch, leaf());
    EXPECT_EQ(machine.port.cache_operations,
              (std::vector{CacheOperation{true, memory_start + leaf(), leaf()}}));
    expect_no_fault(2 * leaf() - 4, Kind::fetch);
    expect_no_fault(leaf() + 8, Kind::store);
    // The other way round.
    expect_one_fault(2 * leaf(), Kind::fetch, leaf());
    expect_no_fault(2 * leaf(), Kind::store);
}

// Dirty logging was on and off again, and nothing was written meanwhile: the leaf is writable again
// as it stands.
TEST_P(TwoLevels, AWriteAfterLogging) {
    expect_one_fault(0, Kind::store, leaf());
    set_logging(true);
    expect_no_fault(leaf() - 1, Kind::load);
    set_logging(false);
    expect_one_fault(leaf() - 1, Kind::store, leaf());
    expect_no_fault(0, Kind::store);
    // What logging has never seen.
    expect_one_fault(leaf(), Kind::store, leaf());
}

// The same with a write while it was on, which divided the leaf.
TEST_P(TwoLevels, AWriteAfterAWriteWhileLogging) {
    expect_one_fault(0, Kind::store, leaf());
    set_logging(true);
    expect_one_fault(leaf() - 1, Kind::store, page());
    expect_no_fault(leaf() - page(), Kind::store);
    set_logging(false);
    expect_no_fault(leaf() - 1, Kind::store);
    if (leaf() != page()) {
        expect_one_fault(0, Kind::store, page());
        expect_one_fault(page(), Kind::store, page());
    }
}

// All three: written, logged, fetched from while logged, and written after that.
TEST_P(TwoLevels, AFetchWhileLoggingAndAWriteAfterIt) {
    expect_one_fault(0, Kind::store, leaf());
    set_logging(true);
    // Only the page of the fault may be executable then: pages are what is logged.
    expect_one_fault(0, Kind::fetch, page());
    expect_one_fault(0, Kind::store, page());
    expect_no_fault(0, Kind::fetch);
    set_logging(false);
    expect_no_fault(0, Kind::store);
    expect_no_fault(0, Kind::fetch);
    if (leaf() != page()) {
        // With it comes the permission to write, which nobody waits for any more.
        expect_one_fault(page(), Kind::fetch, page());
        expect_no_fault(page(), Kind::store);
        expect_one_fault(2 * page(), Kind::store, page());
    }
}

std::string name_of(const testing::TestParamInfo<Shape>& shape) {
    const char* granules[] = {"4K", "16K", "64K"};
    return std::string{granules[static_cast<int>(shape.param.granule)]} + "_" +
           std::to_string(shape.param.ipa_bits) + "_bits";
}

INSTANTIATE_TEST_SUITE_P(Shapes, TwoLevels, testing::ValuesIn(shapes), name_of);

} // namespace
} // namespace twofold::test
