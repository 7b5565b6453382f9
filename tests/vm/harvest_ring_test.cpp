// SPDX-License-Identifier: MIT
// The rings of vCPUs whose writes are logged: what is in them, when a vCPU has to stop, and what a
// harvest protects again.
#include "guest.hpp"

#include <twofold/vm/dirty_bitmap.hpp>
#include <twofold/vm/dirty_ring.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <set>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t slot_pages = 512;

struct RingGuest : Guest {
    explicit RingGuest(bool with_bitmap) : Guest{full_features(), 40, 2 * MiB} {
        machine.contexts[0].ring = &rings[0];
        machine.contexts[1].ring = &rings[1];
        add({.range = {.start = ram, .length = slot_pages * page},
             .dirty_logging = true,
             .dirty = with_bitmap ? &bitmap : nullptr});
    }
    Resolution write(std::uint64_t p, unsigned vcpu = 0) {
        return machine.handle(data_abort(translation, wnr, ram + p * page + 8), {}, vcpu);
    }
    bool writable(std::uint64_t p) { return machine.allows(ram + p * page, Kind::store); }
    std::vector<std::uint64_t> harvest(unsigned vcpu) {
        std::vector<std::uint64_t> pages;
        const std::size_t count = machine.memory.harvest_ring(machine.contexts[vcpu], [&](Ipa ipa) {
            EXPECT_TRUE(ipa.is_aligned(page));
            EXPECT_FALSE(machine.allows(ipa, Kind::store)); // before it is told
            pages.push_back((ipa - ram) / page);
        });
        EXPECT_EQ(count, pages.size());
        return pages;
    }
    std::array<Ipa, 8> entries[2] = {};
    DirtyRing rings[2] = {{entries[0], 2}, {entries[1], 2}};
    std::vector<std::uint64_t> storage = std::vector<std::uint64_t>(DirtyBitmap::words(slot_pages));
    DirtyBitmap bitmap{storage, slot_pages};
};

class HarvestRing : public testing::TestWithParam<bool> {};

TEST_P(HarvestRing, TellsEachVcpusWritesInOrderAndProtectsOnlyThem) {
    RingGuest guest{GetParam()};
    EXPECT_EQ(guest.write(5), Resolution::resume());
    EXPECT_EQ(guest.write(3), Resolution::resume());
    EXPECT_EQ(guest.write(4, 1), Resolution::resume());
    // Already writable: another has told it.
    EXPECT_EQ(guest.write(4, 0).outcome, Outcome::resume);
    EXPECT_EQ(guest.machine.handle(data_abort(translation, 0, ram + 9 * page)),
              Resolution::resume()); // a read
    EXPECT_EQ(guest.harvest(0), (std::vector<std::uint64_t>{5, 3}));
    EXPECT_TRUE(guest.writable(4));
    for (const std::uint64_t p : {3U, 5U, 9U}) {
        EXPECT_FALSE(guest.writable(p)) << p;
        EXPECT_TRUE(guest.machine.allows(ram + p * page, Kind::load)) << p;
    }
    EXPECT_EQ(guest.harvest(0), (std::vector<std::uint64_t>{}));
    EXPECT_EQ(guest.harvest(1), (std::vector<std::uint64_t>{4}));
    EXPECT_FALSE(guest.writable(4));
    // The bitmap is of its own.
    for (std::uint64_t p = 0; p < slot_pages; ++p) {
        EXPECT_EQ(guest.bitmap.is_dirty(p), GetParam() && p >= 3 && p <= 5) << p;
    }
    EXPECT_EQ(guest.write(3), Resolution::resume());
    EXPECT_EQ(guest.harvest(0), (std::vector<std::uint64_t>{3}));
}

TEST_P(HarvestRing, AVcpuWhoseRingIsFullStopsAndNoOther) {
    RingGuest guest{GetParam()};
    for (std::uint64_t p = 0; p < 6; ++p) {
        EXPECT_EQ(guest.write(p), Resolution::resume());
    }
    unsigned asked = 0;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { ++asked; };
    for (unsigned i = 0; i < 3; ++i) {
        EXPECT_EQ(guest.write(6), Resolution::ring_full());
    }
    EXPECT_EQ(asked, 0U);
    EXPECT_FALSE(guest.writable(6));
    EXPECT_EQ(guest.count(Outcome::ring_full), 3U);
    // Not for reads, and not where nothing is logged.
    EXPECT_EQ(guest.machine.handle(data_abort(translation, 0, ram + 6 * page)),
              Resolution::resume());
    guest.add({.range = {.start = ram + GiB, .length = 2 * MiB}});
    EXPECT_EQ(guest.machine.handle(data_abort(translation, wnr, ram + GiB)), Resolution::resume());
    EXPECT_EQ(guest.write(6, 1), Resolution::resume());
    EXPECT_EQ(guest.harvest(0), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(guest.write(7), Resolution::resume());
    EXPECT_EQ(guest.rings[0].size(), 1U);
}

TEST(HarvestNoRing, WithoutARingThereIsNothing) {
    RingGuest guest{true};
    guest.machine.contexts[0].ring = nullptr;
    for (std::uint64_t p = 0; p < 20; ++p) {
        EXPECT_EQ(guest.write(p), Resolution::resume());
    }
    EXPECT_EQ(guest.harvest(0), (std::vector<std::uint64_t>{}));
    EXPECT_TRUE(guest.writable(3));
    EXPECT_TRUE(guest.bitmap.is_dirty(19));
}

// vCPUs at full speed, which harvest their own rings when they are full, and who copies what they
// tell beside them.
TEST_P(HarvestRing, NothingIsLost) {
    RingGuest guest{GetParam()};
    std::vector<std::atomic<std::uint64_t>> memory(slot_pages);
    std::vector<std::uint64_t> copy(slot_pages);
    std::mutex copying;
    std::atomic<bool> stop = false;
    std::atomic<unsigned> wrong = 0;
    std::atomic<unsigned> full = 0;
    std::atomic<unsigned> told = 0;
    std::array<std::mutex, 2> harvesting; // one harvester of a ring at a time
    const auto harvest = [&](unsigned id) {
        const std::lock_guard one{harvesting[id]};
        told += static_cast<unsigned>(
            guest.machine.memory.harvest_ring(guest.machine.contexts[id], [&](Ipa ipa) {
                const std::lock_guard held{copying};
                const std::uint64_t p = (ipa - ram) / page;
                copy[p] = memory[p].load();
            }));
    };
    const auto vcpu = [&](unsigned id) {
        std::mt19937_64 random{id};
        while (!stop.load(std::memory_order_relaxed)) {
            const std::uint64_t p = random() % (random() % 2 == 0 ? 8 : slot_pages);
            const Ipa ipa = ram + p * page;
            model::WalkResult walked;
            {
                const std::shared_lock walking{guest.machine.port.walks};
                walked = model::walk(guest.machine.config, guest.machine.port, ipa,
                                     {.kind = Kind::store});
                if (walked.translated()) {
                    memory[p].fetch_add(1);
                    continue;
                }
            }
            const Abort abort = GuestMachine::abort_of(walked, ipa, Kind::store);
            const Resolution resolution =
                guest.machine.handle(abort, abort.ipa ? std::nullopt : std::optional{ipa}, id);
            if (resolution == Resolution::ring_full()) {
                ++full;
                harvest(id);
            } else {
                wrong += resolution.outcome == Outcome::resume ? 0U : 1U;
            }
        }
    };
    std::vector<std::thread> threads;
    threads.emplace_back(vcpu, 0U);
    threads.emplace_back(vcpu, 1U);
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{400};
         std::chrono::steady_clock::now() < end;) {
        harvest(0);
        harvest(1);
        std::this_thread::sleep_for(std::chrono::microseconds{500});
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    harvest(0);
    harvest(1);
    EXPECT_EQ(wrong, 0U);
    EXPECT_GT(full, 0U);
    EXPECT_GT(told, 20U);
    for (std::uint64_t p = 0; p < slot_pages; ++p) {
        ASSERT_EQ(copy[p], memory[p].load()) << p;
    }
}

INSTANTIATE_TEST_SUITE_P(Bitmap, HarvestRing, testing::Bool(),
                         [](const auto& with) { return with.param ? "WithBitmap" : "Alone"; });

} // namespace
} // namespace twofold::test
