// SPDX-License-Identifier: MIT
// age(): scans of a table whose access flags hardware or the handler of faults sets. The walker
// says who is accessed; ages are counted by hand.
#include "table/bad_ranges.hpp"
#include "table/blocks.hpp"
#include "table/places.hpp"
#include "table/requests.hpp"

#include <twofold/vm/ageing.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t unit = 2 * MiB;

struct Slot {
    Slot(Machine& m, std::uint64_t ipa, std::uint64_t length, std::uint64_t unit_size = unit)
        : machine{m},
          range{Ipa{ipa}, length},
          storage(IdleMap::bytes(length, unit_size)),
          idle{storage, range, unit_size} {}

    void scan(Invalidation* owed = nullptr) {
        Progress progress;
        ASSERT_TRUE(age(machine.table, range, idle, owed, progress));
        ASSERT_EQ(progress.next, range.end());
    }
    // A load by a CPU with or without hardware management of AF.
    void access(std::uint64_t ipa, bool hardware) {
        const auto config = walk_config(machine.features, machine.geometry, machine.table.root(),
                                        VtcrOptions{.hardware_access_flag = hardware});
        auto result = model::walk(config, machine.port, Ipa{ipa}, {});
        if (result.faulted()) {
            ASSERT_EQ(result.fault.kind, model::FaultKind::access_flag);
            ASSERT_FALSE(hardware);
            ASSERT_TRUE(machine.table.make_young(Ipa{ipa}));
            result = model::walk(config, machine.port, Ipa{ipa}, {});
        }
        ASSERT_TRUE(result.translated());
    }
    int age_at(std::uint64_t ipa) const {
        const auto age = idle.age_of(Ipa{ipa});
        return age ? static_cast<int>(*age) : -1;
    }
    // Ages of units in a row: value and how many.
    using Run = std::pair<int, std::size_t>;
    std::vector<Run> runs() const {
        std::vector<Run> all;
        for (std::size_t i = 0; i < idle.units(); ++i) {
            const int age = age_at(range.start.value + i * idle.unit());
            if (all.empty() || all.back().first != age) {
                all.emplace_back(age, 0);
            }
            ++all.back().second;
        }
        return all;
    }

    Machine& machine;
    IpaSpan range;
    std::vector<std::uint8_t> storage;
    IdleMap idle;
};
using Runs = std::vector<Slot::Run>;

class Ageing : public testing::TestWithParam<bool> {};

// 1 GiB in a block; 4 MiB in blocks; 4 MiB in pages, the last page missing; a hole of 8 MiB.
TEST_P(Ageing, LeavesOfEverySizeAsTheyStand) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB);
    map(m, first_ipa + GiB, first_pa + GiB, 4 * MiB, with(Permissions::rw()), 2 * MiB);
    map(m, first_ipa + GiB + 4 * MiB, first_pa + GiB + 4 * MiB, 4 * MiB - 4 * KiB,
        with(Permissions::rw()), 4 * KiB);
    const auto before = m.leaves();
    Slot slot{m, first_ipa, GiB + 16 * MiB};
    EXPECT_EQ(slot.idle.histogram().unmapped(), slot.range.length);

    // What has just been mapped counts as accessed.
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{0, 516}, {-1, 4}}));
    slot.scan();
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{2, 516}, {-1, 4}}));
    EXPECT_EQ(slot.idle.histogram().of_class(2), GiB + 8 * MiB);
    EXPECT_EQ(slot.idle.histogram().unmapped(), 8 * MiB);

    // One byte of the gigabyte, and of the last page that is there.
    slot.access(first_ipa + 700 * MiB, GetParam());
    slot.access(first_ipa + GiB + 8 * MiB - 8 * KiB, GetParam());
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{0, 512}, {3, 3}, {0, 1}, {-1, 4}}));
    slot.access(first_ipa + GiB + 2 * MiB, GetParam());
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{1, 512}, {4, 1}, {0, 1}, {4, 1}, {1, 1}, {-1, 4}}));
    const IdleHistogram& h = slot.idle.histogram();
    EXPECT_EQ(h.of_class(0), 2 * MiB);
    EXPECT_EQ(h.of_class(1), GiB + 2 * MiB);
    EXPECT_EQ(h.of_class(3), 4 * MiB);
    EXPECT_EQ(h.from_class(1), GiB + 6 * MiB);

    // Every leaf as large as it was, and nothing divided on the way.
    auto after = m.leaves();
    for (RawLeaf& leaf : after) {
        leaf.raw |= raw_af;
    }
    EXPECT_EQ(after, before);
    EXPECT_EQ(m.table.counters().blocks_split, 0U);
    EXPECT_EQ(m.table.counters().breaks, 0U);
}

// An access to any page of a contiguous run may be noted in any of its entries.
TEST_P(Ageing, AContiguousRunIsAsYoungAsAnyOfItsPages) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 128 * KiB, with(Permissions::rw()), 64 * KiB);
    ASSERT_NE(m.marked_leaves()[0].raw >> 52 & 1, 0U);
    Slot slot{m, first_ipa, 128 * KiB, 16 * KiB};
    slot.scan();
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{1, 8}}));
    slot.access(first_ipa + 64 * KiB + 0x5000, GetParam());
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{2, 4}, {0, 4}}));
    ASSERT_NE(m.marked_leaves()[31].raw >> 52 & 1, 0U);
}

INSTANTIATE_TEST_SUITE_P(AccessFlag, Ageing, testing::Bool(), [](const auto& hardware) {
    return hardware.param ? "ByHardware" : "ByFaults";
});

// Pages at 12K..6M and 10M..16M of the slot's surroundings, blocks at 18M..24M; units of 3 MiB from
// 12K on, so that none but the last ends where a leaf does.
struct Patchwork {
    Patchwork() {
        map(m, first_ipa, first_pa, 16 * MiB, with(Permissions::rw()), 4 * KiB);
        map(m, first_ipa + 18 * MiB, first_pa + 18 * MiB, 6 * MiB);
        EXPECT_TRUE(m.table.unmap(Ipa{first_ipa + 6 * MiB}, 4 * MiB, m.owed));
        m.table.discharge(m.owed);
    }
    Machine m{full_features(), three_levels(), 8 * MiB};
    Slot slot{m, first_ipa + 12 * KiB, 32 * MiB - 12 * KiB, 3 * MiB};
};

// A budget may end inside of a unit; all steps together do what one does.
TEST(Age, StepsAddUpToTheWhole) {
    for (const std::uint64_t budget : {1U, 3U, 100U, 700U, 5000U}) {
        SCOPED_TRACE(budget);
        Patchwork patchwork;
        Slot& slot = patchwork.slot;
        const auto scan_by_steps = [&] {
            Progress progress;
            std::uint64_t calls = 0;
            do {
                progress.budget = budget;
                ASSERT_TRUE(age(slot.machine.table, slot.range, slot.idle, nullptr, progress));
                ++calls;
            } while (progress.next < slot.range.end());
            // 1533 + 1536 pages and ten entries of 2 MiB.
            EXPECT_GE(calls, 3079 / budget);
        };
        scan_by_steps();
        EXPECT_EQ(slot.runs(), (Runs{{0, 2}, {-1, 1}, {0, 5}, {-1, 3}}));
        scan_by_steps();
        EXPECT_EQ(slot.runs(), (Runs{{1, 2}, {-1, 1}, {1, 5}, {-1, 3}}));
        // The page before the hole; the middle one of the blocks, which lies in two units.
        slot.access(first_ipa + 6 * MiB - 4 * KiB, true);
        slot.access(first_ipa + 20 * MiB, true);
        scan_by_steps();
        EXPECT_EQ(slot.runs(), (Runs{{2, 1}, {0, 1}, {-1, 1}, {2, 3}, {0, 2}, {-1, 3}}));
        scan_by_steps();
        EXPECT_EQ(slot.runs(), (Runs{{3, 1}, {1, 1}, {-1, 1}, {3, 3}, {1, 2}, {-1, 3}}));
    }
}

// The first steps have taken access flags; whoever starts anew is told of them all the same.
TEST(Age, AScanThatIsGivenUpLosesNothing) {
    Patchwork patchwork;
    Slot& slot = patchwork.slot;
    slot.scan();
    slot.access(first_ipa + 16 * KiB, true);
    slot.access(first_ipa + 3200 * KiB, true);
    slot.access(first_ipa + 11 * MiB, true);
    Progress progress{.budget = 1000}; // up to 4012K, within unit 1
    ASSERT_TRUE(age(slot.machine.table, slot.range, slot.idle, nullptr, progress));
    EXPECT_EQ(slot.runs(), (Runs{{0, 2}, {-1, 1}, {0, 5}, {-1, 3}}));
    progress = {.budget = 900};
    ASSERT_TRUE(age(slot.machine.table, slot.range, slot.idle, nullptr, progress));
    slot.scan();
    // Unit 0 has had three scans, of which the first found it accessed; the others one.
    EXPECT_EQ(slot.runs(), (Runs{{2, 1}, {0, 1}, {-1, 1}, {0, 1}, {1, 4}, {-1, 3}}));
}

// An access that comes behind the scan in its own step is noticed where nothing young was found;
// a fault that maps something, too.
TEST(Age, WhatIsAccessedMeanwhileIsNotIdle) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 8 * MiB, with(Permissions::rw()), 4 * KiB);
    Slot slot{m, first_ipa, 16 * MiB};
    slot.scan();
    slot.access(first_ipa + 7 * MiB, true);
    m.port.on_atomic = [&](std::uint64_t&) {
        m.port.on_atomic = nullptr;
        slot.access(first_ipa, true);
        EXPECT_TRUE(m.table.map_if_absent(
            request(first_ipa + 8 * MiB, first_pa + 8 * MiB, 4 * KiB, Permissions::rw())));
    };
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{0, 1}, {1, 2}, {0, 2}, {-1, 3}}));
}

// Units without a mapping, and mappings that are old when they come.
TEST(Age, WhatGoesAndComesBack) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 4 * MiB, with(Permissions::rw()), 4 * KiB);
    Slot slot{m, first_ipa, 4 * MiB};
    slot.scan();
    slot.scan();
    // All but the last page of the first unit: it is mapped still.
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa}, 2 * MiB - 4 * KiB, m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{first_ipa + 2 * MiB}, 2 * MiB, m.owed));
    m.table.discharge(m.owed);
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{2, 1}, {-1, 1}}));
    // An annotation maps nothing.
    ASSERT_TRUE(m.table.annotate(Ipa{first_ipa}, 2 * MiB, 7, m.owed));
    m.table.discharge(m.owed);
    map(m, first_ipa + 2 * MiB, first_pa + 2 * MiB, 2 * MiB,
        {.permissions = Permissions::rw(), .access_flag = false});
    slot.scan();
    EXPECT_EQ(slot.runs(), (Runs{{-1, 1}, {1, 1}}));
}

// Who wants each access noticed has the old entries taken out of the TLBs.
TEST(Age, OwesWhatWasYoungToWhoAsks) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB);
    map(m, first_ipa + GiB, first_pa + GiB, 8 * KiB, with(Permissions::rw()), 4 * KiB);
    Slot slot{m, first_ipa, 2 * GiB};
    slot.scan(&m.owed);
    EXPECT_EQ(ranges_of(m.owed),
              (std::vector<InvalidationRange>{{Ipa{first_ipa}, GiB, 1},
                                              {Ipa{first_ipa + GiB}, 8 * KiB, 3}}));
    m.table.discharge(m.owed);
    slot.scan(&m.owed);
    EXPECT_TRUE(m.owed.empty());
}

TEST(Age, EveryErrorChangesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, GiB);
    const auto before = m.memory();
    Slot slot{m, first_ipa, GiB};
    for (const BadRange& row : bad_ranges) {
        Progress progress;
        EXPECT_EQ(age(m.table, {Ipa{row.ipa}, row.length}, slot.idle, &m.owed, progress).error(),
                  row.error);
    }
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.memory(), before);
    EXPECT_EQ(slot.runs(), (Runs{{-1, 512}}));
}

// Each call of a Stage2 is a section.
struct CountingPort : HostPort {
    using HostPort::HostPort;
    auto section() {
        ++sections;
        return HostPort::section();
    }
    unsigned sections = 0;
};

// What is old is looked at once for a leaf, a unit or a hole, whichever is largest.
TEST(Age, LooksAtNothingTwice) {
    struct Row {
        std::uint64_t leaf = 0; // 0: nothing is mapped
        std::uint64_t unit = 0;
        unsigned lookups = 0;
    };
    for (const Row& row :
         {Row{GiB, 4 * KiB, 1}, Row{4 * KiB, 2 * MiB, 512}, Row{2 * MiB, 1 * MiB, 512},
          Row{2 * MiB, 4 * MiB, 256}, Row{0, 4 * KiB, 1}}) {
        SCOPED_TRACE(row.leaf);
        const CpuFeatures features = full_features();
        const Geometry geometry = *Geometry::make(features, three_levels());
        CountingPort port{Machine::arena_base};
        Stage2<CountingPort> table{port, geometry, features,
                                   *Stage2<CountingPort>::allocate_root(port, geometry)};
        if (row.leaf != 0) {
            ASSERT_TRUE(table.map_if_absent(
                {.ipa = Ipa{first_ipa},
                 .pa = Pa{first_pa},
                 .length = GiB,
                 .attributes = {.permissions = Permissions::rw(), .access_flag = false},
                 .max_size = row.leaf}));
        }
        const IpaSpan range{Ipa{first_ipa}, GiB};
        std::vector<std::uint8_t> storage(IdleMap::bytes(range.length, row.unit));
        IdleMap idle{storage, range, row.unit};
        port.sections = 0;
        Progress progress;
        ASSERT_TRUE(age(table, range, idle, nullptr, progress));
        EXPECT_EQ(port.sections, 1 + row.lookups); // one for the sweep
        EXPECT_EQ(row.leaf != 0 ? idle.histogram().of_class(1) : idle.histogram().unmapped(), GiB);
    }
}

// The last block of each table, in eight units.
TEST(Age, BlocksOfEveryGeometry) {
    unsigned blocks = 0;
    for_every_block_level([&](Machine& m, Level level) {
        const std::uint64_t size = size_at(m.geometry, level);
        const std::uint64_t ipa = (std::uint64_t{1} << m.geometry.ipa_bits()) - size;
        map(m, ipa, high_output(m.geometry) + size, size, with(Permissions::rw()));
        const auto before = m.leaves();
        Slot slot{m, ipa, size, size / 8};
        slot.scan();
        slot.scan();
        EXPECT_EQ(slot.runs(), (Runs{{1, 8}}));
        EXPECT_NE(m.leaves(), before);
        slot.access(ipa + size - 1, true);
        EXPECT_EQ(m.leaves(), before);
        slot.scan();
        EXPECT_EQ(slot.runs(), (Runs{{0, 8}}));
        ++blocks;
    });
    EXPECT_GT(blocks, 250U);
}

} // namespace
} // namespace twofold::test
