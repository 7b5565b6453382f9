// SPDX-License-Identifier: MIT
// Many vCPUs fault beside each other and beside the owner of the memory, who takes it away.
#include "guest_machine.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

namespace twofold {
namespace {

using test::ExtentBacking;
using test::GuestMachine;
using Kind = model::AccessKind;

constexpr Ipa ram{0x4000'0000};
constexpr Pa memory_pa{0x10'0000'0000};
constexpr std::uint64_t length = 16 * MiB;

TEST(GuestMemoryParallel, FaultsBesideFaultsAndWithdrawals) {
    const CpuFeatures features = test::full_features();
    const Geometry geometry =
        Geometry::make(features, {.granule = Granule::k4, .ipa_bits = 32}).value();
    GuestMachine machine{geometry, features};
    ExtentBacking backing{memory_pa, 2 * MiB, 1};
    const Slot slot{.range = {.start = ram, .length = length}, .backing = &backing};
    ASSERT_TRUE(machine.memory.add_slot(slot));

    constexpr unsigned vcpus = 3;
    constexpr unsigned accesses = 4000;
    std::atomic<unsigned> running = vcpus;
    std::atomic<unsigned> wrong = 0;
    std::atomic<unsigned> translated = 0;
    const auto vcpu = [&](unsigned seed) {
        std::mt19937_64 random{seed};
        constexpr Kind kinds[] = {Kind::load, Kind::store, Kind::fetch};
        for (unsigned i = 0; i < accesses; ++i) {
            const Ipa ipa = ram + random() % length;
            const Kind kind = kinds[random() % 3];
            for (;;) {
                const auto walked = machine.walk(ipa, kind);
                if (walked.translated()) {
                    ++translated;
                    wrong += walked.translation.pa == backing.pa_of(ipa - ram) ? 0 : 1;
                    break;
                }
                const Abort abort = GuestMachine::abort_of(walked, ipa, kind);
                const Resolution resolution =
                    machine.handle(abort, abort.ipa ? std::nullopt : std::optional{ipa}, seed);
                if (resolution.outcome != Outcome::resume &&
                    resolution != Resolution::retry(RetryReason::withdrawal)) {
                    ++wrong;
                    break;
                }
            }
        }
        --running;
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < vcpus; ++i) {
        threads.emplace_back(vcpu, i + 1);
    }
    std::mt19937_64 random{99};
    while (running != 0) {
        const Ipa start = ram + random() % (length / 4096) * 4096;
        const std::uint64_t bytes = std::min((1 + random() % 512) * 4096, ram + length - start);
        ASSERT_TRUE(machine.memory.withdraw({.start = start, .length = bytes}));
        std::this_thread::yield();
    }
    threads.clear();
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(translated, vcpus * accesses);
    machine.memory.for_each_run([&](const Mapping& run) {
        for (std::uint64_t at = 0; at < run.size; at += 4096) {
            ASSERT_EQ(run.pa + at, backing.pa_of(run.ipa + at - ram));
        }
    });
}

// A withdrawal is complete when it returns: what a backing answered before is not mapped after.
TEST(GuestMemoryParallel, NothingOldComesBack) {
    const CpuFeatures features = test::full_features();
    const Geometry geometry =
        Geometry::make(features, {.granule = Granule::k4, .ipa_bits = 32}).value();
    class Moving : public Backing {
    public:
        BackingAnswer extent(std::uint64_t offset, AccessKind) override {
            const std::uint64_t where = base.load();
            std::this_thread::yield();
            return Extent{.offset = align_down(offset, 0x1000),
                          .pa = Pa{where + align_down(offset, 0x1000)},
                          .length = 0x1000};
        }
        std::atomic<std::uint64_t> base = 0x10'0000'0000;
    } backing;
    GuestMachine machine{geometry, features};
    ASSERT_TRUE(machine.memory.add_slot(
        {.range = {.start = ram, .length = 64 * KiB}, .backing = &backing}));

    std::atomic<bool> done = false;
    const auto vcpu = [&](unsigned seed) {
        std::mt19937_64 random{seed};
        while (!done) {
            const Ipa ipa = ram + random() % (64 * KiB);
            const auto walked = machine.walk(ipa, Kind::store);
            if (walked.faulted(model::FaultKind::translation, walked.fault.level)) {
                machine.handle(GuestMachine::abort_of(walked, ipa, Kind::store), {}, seed);
            }
        }
    };
    std::vector<std::jthread> threads;
    threads.emplace_back(vcpu, 1);
    threads.emplace_back(vcpu, 2);
    unsigned old = 0;
    unsigned moves = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    for (; moves < 200 && std::chrono::steady_clock::now() < deadline; ++moves) {
        const std::uint64_t base = 0x10'0000'0000 + (moves + 1) * MiB;
        backing.base = base;
        ASSERT_TRUE(machine.memory.withdraw({.start = ram, .length = 64 * KiB}));
        // Whoever had asked before the move would be the first to map something.
        for (unsigned seen = 0; seen == 0 && std::chrono::steady_clock::now() < deadline;) {
            std::this_thread::yield();
            machine.memory.for_each_run([&](const Mapping& run) {
                ++seen;
                old += run.pa.value - base < 64 * KiB ? 0 : 1;
            });
        }
    }
    done = true;
    threads.clear();
    EXPECT_EQ(old, 0U);
    EXPECT_EQ(moves, 200U) << "nobody maps anything";
}

} // namespace
} // namespace twofold
