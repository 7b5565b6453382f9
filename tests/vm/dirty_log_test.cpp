// SPDX-License-Identifier: MIT
// Writes that are logged: each is told by one harvest, and what is copied then is what the guest
// has.
#include "logged_guest.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <shared_mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace twofold::test {
namespace {

TEST(DirtyLog, TellsWhatWasWrittenSinceTheLastHarvest) {
    LoggedGuest guest{GiB};
    guest.write(0x5000); // before: not told
    guest.log(true);
    EXPECT_EQ(guest.harvest(), LoggedGuest::Runs{});
    guest.write(0x5000);
    guest.write(0x6008);
    guest.write(0x6010);
    guest.write(GiB - 1);
    ASSERT_TRUE(guest.machine.access(ram + 0x9000, Kind::load).pa); // a read is no write
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x5000, 0x2000}, {GiB - page, page}}));
    EXPECT_EQ(guest.next, ram + GiB);
    EXPECT_EQ(guest.harvest(), LoggedGuest::Runs{});
    guest.write(0x6000);
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x6000, page}}));
    // What is dirty when logging stops can still be told; what is written then is not.
    guest.write(0x7000);
    guest.log(false);
    guest.write(0x8000);
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x7000, page}}));
}

TEST(DirtyLog, ProtectsThePagesAgainThatWereDirtyAndNoOthers) {
    LoggedGuest guest{GiB};
    guest.log(true);
    for (std::uint64_t p = 1; p <= 5; ++p) {
        guest.write(p * page);
    }
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{page, 5 * page}}));
    guest.write(1 * page);
    guest.write(5 * page);
    // Writable for a reason of the embedder's own, between two that are dirty.
    guest.machine.memory.with_table([&](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.relax(ram + 3 * page, {.write = true}, owed));
    });
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{page, page}, {5 * page, page}}));
    for (std::uint64_t p = 0; p <= 6; ++p) {
        EXPECT_EQ(guest.machine.allows(ram + p * page, Kind::store), p == 3) << p;
        EXPECT_EQ(guest.machine.allows(ram + p * page, Kind::load), p >= 1 && p <= 5) << p;
    }
}

TEST(DirtyLog, InvalidatesBeforeItTells) {
    LoggedGuest guest{GiB};
    guest.log(true);
    guest.write(0x3000);
    bool invalidated = false;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        invalidated = invalidated || owed.overlaps(ram + 0x3000, page);
    };
    Progress all;
    ASSERT_TRUE(guest.machine.memory.harvest_dirty(
        ram, [&](Ipa, std::uint64_t) { EXPECT_TRUE(invalidated); }, all));
    EXPECT_TRUE(invalidated);
}

// Faults do not wait for harvests, however many there are.
TEST(DirtyLog, AFaultThatAHarvestOvertakesMakesProgress) {
    LoggedGuest guest{GiB};
    guest.log(true);
    guest.write(0x3000);
    guest.backing.on_ask = [&](std::uint64_t offset, AccessKind) {
        if (offset == 0x5000) {
            EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x3000, page}}));
        }
    };
    EXPECT_EQ(guest.machine.access(ram + 0x5000, Kind::store).pa, memory_pa + 0x5000);
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x5000, page}}));
}

// A fault that is under way when logging starts knows nothing of it: what it makes writable is made
// read-only after it, by the start of logging, which waits for it.
TEST(DirtyLog, StartsAfterTheFaultsThatDoNotKnowOfIt) {
    LoggedGuest guest{GiB};
    std::thread owner;
    std::atomic<bool> logged = false;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) {
        owner = std::thread{[&] {
            guest.log(true);
            logged = true;
        }};
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        EXPECT_FALSE(logged.load());
    };
    EXPECT_EQ(guest.machine.handle(data_abort(translation, wnr, ram + 0x7000)),
              Resolution::resume());
    guest.backing.on_ask = {};
    owner.join();
    EXPECT_TRUE(guest.machine.allows(ram + 0x7000, Kind::load));
    EXPECT_FALSE(guest.machine.allows(ram + 0x7000, Kind::store));
    guest.write(0x7000);
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x7000, page}}));
}

TEST(DirtyLog, GoesOnWhereTheBudgetEnded) {
    LoggedGuest guest{GiB};
    guest.log(true);
    for (std::uint64_t word = 0; word < 20; ++word) {
        guest.write(word * 64 * page);
    }
    std::vector<std::uint64_t> seen;
    Progress progress;
    unsigned calls = 0;
    while (progress.next < ram + GiB) {
        progress.budget = 3;
        const auto pages = guest.machine.memory.harvest_dirty(
            ram, [&](Ipa ipa, std::uint64_t) { seen.push_back(ipa - ram); }, progress);
        ASSERT_TRUE(pages);
        EXPECT_LE(*pages, 3U);
        ++calls;
    }
    EXPECT_EQ(calls, 7U);
    ASSERT_EQ(seen.size(), 20U);
    for (std::uint64_t word = 0; word < 20; ++word) {
        EXPECT_EQ(seen[word], word * 64 * page);
    }
}

TEST(DirtyLog, WritesOfADeviceModelAreTold) {
    LoggedGuest guest{GiB};
    guest.machine.memory.mark_dirty({ram, page}); // nobody logs
    guest.log(true);
    guest.machine.memory.mark_dirty({ram + 0x2ffe, 4});          // the ends of two pages
    guest.machine.memory.mark_dirty({ram + GiB - 1, 0x2000});    // and behind the slot
    guest.machine.memory.mark_dirty({Ipa{ram.value / 2}, page}); // no slot
    EXPECT_EQ(guest.harvest(), (LoggedGuest::Runs{{0x2000, 2 * page}, {GiB - page, page}}));
}

TEST(DirtyLog, SaysWhatIsMissing) {
    LoggedGuest guest{16 * MiB};
    guest.add({.range = {.start = ram + GiB, .length = GiB}});
    const auto refusal = [&](Ipa start) {
        Progress all;
        return guest.machine.memory
            .harvest_dirty(
                start, [](Ipa, std::uint64_t) {}, all)
            .error();
    };
    EXPECT_EQ(refusal(ram + page), SlotRefusal{Error::slot_unknown});
    EXPECT_EQ(refusal(ram + GiB), SlotRefusal{Error::slot_without_bitmap});
    // A bitmap is for all pages of its slot.
    EXPECT_EQ(guest.machine.memory.resize_slot(ram, 32 * MiB).error(),
              SlotRefusal{Error::slot_bitmap_short});
    EXPECT_EQ(guest.machine.memory
                  .add_slot({.range = {.start = ram + 4 * GiB, .length = 16 * MiB + page},
                             .backing = &guest.backing,
                             .dirty = &guest.bitmap})
                  .error(),
              SlotRefusal{Error::slot_bitmap_short});
}

// A guest that writes at full speed while logging starts, is harvested, stops and starts again, on
// extents of many sizes: the copy is the memory in the end.
class DirtyLogParallel : public testing::TestWithParam<std::tuple<std::uint64_t, DirtyTracking>> {};

TEST_P(DirtyLogParallel, NothingIsLost) {
    constexpr std::uint64_t length = 8 * MiB;
    constexpr unsigned vcpus = 2;
    constexpr std::chrono::milliseconds time{500};
    const auto& [extent, tracking] = GetParam();
    LoggedGuest guest{length, extent, full_features(), tracking};
    std::vector<std::atomic<std::uint64_t>> memory(length / page);
    std::vector<std::uint64_t> copy(length / page);
    std::atomic<bool> stop = false;
    std::atomic<unsigned> wrong = 0;
    std::atomic<std::uint64_t> writes = 0;
    const auto vcpu = [&](unsigned seed) {
        std::mt19937_64 random{seed};
        while (!stop.load(std::memory_order_relaxed)) {
            // Half of the writes go to a few pages.
            const std::uint64_t p = random() % 2 == 0 ? random() % 8 : random() % (length / page);
            const Ipa ipa = ram + p * page;
            model::WalkResult walked;
            {
                // A store is complete before the TLBI that takes its translation away.
                const std::shared_lock walking{guest.machine.port.walks};
                walked = model::walk(guest.machine.config, guest.machine.port, ipa,
                                     {.kind = Kind::store});
                if (walked.translated()) {
                    memory[p].fetch_add(1);
                    writes.fetch_add(1, std::memory_order_relaxed);
                    continue;
                }
            }
            const Abort abort = GuestMachine::abort_of(walked, ipa, Kind::store);
            const Resolution resolution =
                guest.machine.handle(abort, abort.ipa ? std::nullopt : std::optional{ipa}, seed);
            wrong += resolution.outcome == Outcome::resume ? 0U : 1U;
        }
    };
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < vcpus; ++id) {
        threads.emplace_back(vcpu, id);
    }
    std::uint64_t told = 0;
    const auto harvest = [&] {
        Progress all;
        const auto pages = guest.machine.memory.harvest_dirty(
            ram,
            [&](Ipa ipa, std::uint64_t bytes) {
                for (std::uint64_t p = (ipa - ram) / page; bytes != 0; bytes -= page, ++p) {
                    copy[p] = memory[p].load();
                }
            },
            all);
        ASSERT_TRUE(pages);
        told += *pages;
    };
    const auto copy_all = [&] {
        for (std::uint64_t p = 0; p < copy.size(); ++p) {
            copy[p] = memory[p].load();
        }
    };
    for (const auto end = std::chrono::steady_clock::now() + time;
         std::chrono::steady_clock::now() < end;) {
        guest.log(true);
        copy_all();
        for (unsigned round = 0; round < 8; ++round) {
            harvest();
        }
        if (std::chrono::steady_clock::now() + time / 4 < end) {
            guest.log(false); // what was copied is worth nothing now
        }
    }
    stop.store(true);
    for (std::thread& thread : threads) {
        thread.join();
    }
    harvest();
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_GT(told, 0U);
    EXPECT_GT(writes.load(), 100U);
    for (std::uint64_t p = 0; p < copy.size(); ++p) {
        ASSERT_EQ(copy[p], memory[p].load()) << p;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Extents, DirtyLogParallel,
    testing::Combine(testing::Values(4 * KiB, 64 * KiB, 2 * MiB, GiB),
                     testing::Values(DirtyTracking::write_protection, DirtyTracking::hardware)),
    [](const auto& names) {
        return std::to_string(std::get<0>(names.param) / KiB) + "K" +
               (std::get<1>(names.param) == DirtyTracking::hardware ? "ByHardware" : "");
    });

} // namespace
} // namespace twofold::test
