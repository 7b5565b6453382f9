// SPDX-License-Identifier: MIT
// age() beside vCPUs at full speed: what they use between two scans is young in the second, what
// nobody uses grows older by one with each, and the leaves stay as large as they were.
#include "table/geometries.hpp"
#include "table/threaded_port.hpp"

#include <twofold/model/walker.hpp>
#include <twofold/vm/ageing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

namespace twofold::test {
namespace {

constexpr Ipa ram{0x4000'0000};
constexpr Pa memory_pa{0x10'0000'0000};
constexpr std::uint64_t unit = 64 * KiB;

// 8 MiB by pages, then 8 MiB by blocks.
constexpr IpaSpan slot{ram, 16 * MiB};
constexpr std::uint64_t by_pages = 8 * MiB;

// vCPUs use every fourth 64 KiB of the pages, and the second and fourth block.
constexpr bool is_used(std::uint64_t offset) {
    return offset < by_pages ? offset / unit % 4 == 1 : offset / (2 * MiB) % 2 == 1;
}

class AgeingThreads : public testing::TestWithParam<bool> {
protected:
    AgeingThreads() {
        Invalidation owed;
        for (const std::uint64_t size : {4 * KiB, 2 * MiB}) {
            const std::uint64_t at = size == 2 * MiB ? by_pages : 0;
            EXPECT_TRUE(table.map({.ipa = ram + at,
                                   .pa = memory_pa + at,
                                   .length = by_pages,
                                   .attributes = {.permissions = Permissions::rw()},
                                   .max_size = size},
                                  owed));
        }
        table.discharge(owed);
    }

    // An access as a CPU makes it, with or without hardware management of AF.
    void access(Ipa ipa) {
        for (;;) {
            {
                const auto section = port.section();
                const auto result = model::walk(config, port, ipa, {});
                if (result.translated()) {
                    port.wrong += result.translation.pa == memory_pa + (ipa - ram) ? 0U : 1U;
                    return;
                }
                port.wrong += result.fault.kind == model::FaultKind::access_flag ? 0U : 1U;
            }
            const auto made = table.make_young(ipa);
            port.wrong += made || made.error() == Error::again ? 0U : 1U;
        }
    }
    // Everything that is used, from some place on, each page or block at least once.
    void use_all(std::mt19937_64& random) {
        const std::uint64_t first = random() % (slot.length / unit);
        for (std::uint64_t i = 0; i < slot.length / unit; ++i) {
            const std::uint64_t offset = (first + i) % (slot.length / unit) * unit;
            if (is_used(offset)) {
                access(ram + offset + random() % unit);
            }
        }
    }

    CpuFeatures features = full_features();
    Geometry geometry = *Geometry::make(features, {.granule = Granule::k4, .ipa_bits = 34});
    ThreadedPort port;
    Stage2<ThreadedPort> table{port, geometry, features,
                               *Stage2<ThreadedPort>::allocate_root(port, geometry)};
    model::WalkConfig config = walk_config(features, geometry, table.root(),
                                           VtcrOptions{.hardware_access_flag = GetParam()});
};

TEST_P(AgeingThreads, UsedMemoryIsYoungAndTheRestGrowsOlder) {
    constexpr unsigned vcpus = 3;
    constexpr unsigned scans = 40;
    std::array<std::atomic<unsigned>, vcpus> rounds = {};
    std::vector<std::jthread> threads;
    for (unsigned id = 0; id < vcpus; ++id) {
        threads.emplace_back([&, id](const std::stop_token& stop) {
            participant = id + 1;
            std::mt19937_64 random{id};
            while (!stop.stop_requested()) {
                use_all(random);
                rounds[id].fetch_add(1);
            }
        });
    }

    std::vector<std::uint8_t> storage(IdleMap::bytes(slot.length, unit));
    IdleMap idle{storage, slot, unit};
    std::mt19937_64 random{7};
    for (unsigned scan = 0; scan < scans; ++scan) {
        // One vCPU has used everything since the last scan.
        const unsigned before = rounds[scan % vcpus].load();
        while (rounds[scan % vcpus].load() < before + 2) {
            std::this_thread::yield();
        }
        Progress progress;
        do {
            Invalidation owed;
            progress.budget = 1 + random() % 700;
            ASSERT_TRUE(age(table, slot, idle, random() % 2 == 0 ? &owed : nullptr, progress));
            table.discharge(owed);
        } while (progress.next < slot.end());
        for (std::uint64_t at = 0; at < slot.length; at += unit) {
            const unsigned expected = is_used(at) ? 0 : scan;
            ASSERT_EQ(idle.age_of(ram + at), expected) << std::hex << at << " in scan " << scan;
        }
        // 32 of 128 units of pages, two of four blocks.
        ASSERT_EQ(idle.histogram().of_class(0), scan == 0 ? slot.length : 2 * MiB + 4 * MiB);
    }
    threads.clear();
    EXPECT_EQ(port.wrong.load(), 0U);
    EXPECT_EQ(table.counters().blocks_split, 0U);
    unsigned pages = 0;
    unsigned blocks = 0;
    table.for_each_leaf(ram, slot.length, [&](const Mapping& leaf) {
        pages += leaf.level == 3 ? 1U : 0U;
        blocks += leaf.level == 2 ? 1U : 0U;
    });
    EXPECT_EQ(pages, 2048U);
    EXPECT_EQ(blocks, 4U);
}

INSTANTIATE_TEST_SUITE_P(AccessFlag, AgeingThreads, testing::Bool(), [](const auto& hardware) {
    return hardware.param ? "ByHardware" : "ByFaults";
});

} // namespace
} // namespace twofold::test
