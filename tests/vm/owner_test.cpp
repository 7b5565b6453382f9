// SPDX-License-Identifier: MIT
// What owners of memory do between invalidate_begin() and invalidate_end(), beside vCPUs at full
// speed that check the contents of their memory, with their writes logged and without.
#include "owned_memory.hpp"

#include <twofold/vm/dirty_bitmap.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = OwnedMemory::page;
constexpr std::chrono::milliseconds time_of_each{250};
constexpr std::chrono::seconds longest{60};

// A guest with threads: vCPUs, each with pages of its own, so that it knows what they must hold.
class RunningGuest {
public:
    static constexpr unsigned vcpus = 2;
    static constexpr unsigned logger = 6; // the context of another thread

    RunningGuest(std::uint64_t slot_length, std::uint64_t unit)
        : length{slot_length},
          memory_of_owner{length, unit},
          machine{geometry_4k(full_features(), 40), full_features(), {.fault_around = 4 * page}},
          storage(DirtyBitmap::words(length / page)),
          bitmap{storage, length / page},
          dropped(length / page) {
        // All pages of a few, and one in many of the rest.
        for (std::uint64_t p = 0; p < length / page; p += p < 256 ? 1 : unit / page / 8 + 1) {
            used.push_back(p);
        }
        plug();
    }
    GuestMachine::Memory& memory() { return machine.memory; }
    void plug() {
        EXPECT_TRUE(
            memory().add_slot({.range = slot(), .backing = &memory_of_owner, .dirty = &bitmap}));
    }
    IpaSpan slot() const { return {.start = ram, .length = length}; }
    static IpaSpan pages(std::uint64_t first, std::uint64_t count) {
        return {.start = ram + first * page, .length = count * page};
    }
    // A few pages in a row around one that is used, in one unit.
    IpaSpan some_pages(std::mt19937_64& random) const {
        const std::uint64_t first = used[random() % used.size()];
        const std::uint64_t left =
            memory_of_owner.unit_pages() == 1
                ? memory_of_owner.pages() - first
                : memory_of_owner.unit_pages() - first % memory_of_owner.unit_pages();
        return pages(first, std::min<std::uint64_t>(left, 1 + random() % 8));
    }
    template <class Work>
    static void for_pages(const IpaSpan& range, Work&& work) {
        for (Ipa ipa = range.start; ipa < range.end(); ipa += page) {
            work((ipa - ram) / page);
        }
    }

    void run(const std::function<void()>& own, bool logged) {
        std::vector<std::thread> threads;
        for (unsigned id = 0; id < vcpus; ++id) {
            threads.emplace_back([this, id] { run_vcpu(id); });
        }
        if (logged) {
            threads.emplace_back([this] { run_logger(); });
        }
        // Longer on a machine that is busy with something else.
        const auto enough = [&] {
            return loads_ > 100 && stores_ > 100 && turns > 4 &&
                   (!logged || (told_ > 0 && comparisons_ > 0));
        };
        const auto start = std::chrono::steady_clock::now();
        for (; std::chrono::steady_clock::now() < start + time_of_each ||
               (!enough() && std::chrono::steady_clock::now() < start + longest);
             ++turns) {
            own();
            std::this_thread::yield();
        }
        EXPECT_TRUE(enough());
        stop_ = true;
        for (std::thread& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(wrong_value_, 0U);
        EXPECT_EQ(wrong_outcome_, 0U);
        EXPECT_EQ(lost_, 0U);
    }

    std::uint64_t length;
    OwnedMemory memory_of_owner;
    GuestMachine machine;
    std::vector<std::uint64_t> storage;
    DirtyBitmap bitmap;
    std::vector<std::uint64_t> used = {};            // pages
    std::vector<std::atomic<std::uint64_t>> dropped; // how often a page has lost its contents
    std::shared_mutex plugged = {};                  // held while a slot changes
    std::atomic<bool> unpluggable = false;
    std::uint64_t turns = 0;

private:
    struct Known {
        OwnedMemory::Word value = 0;
        std::uint64_t dropped = 0;
    };
    void run_vcpu(unsigned id) {
        std::mt19937_64 random{id};
        std::vector<Known> known(used.size());
        while (!stop_.load(std::memory_order_relaxed)) {
            if (pausing_.load()) {
                std::this_thread::yield();
                continue;
            }
            const std::shared_lock running{vcpus_run_};
            const std::uint64_t hot = std::min<std::uint64_t>(used.size(), 32);
            std::uint64_t n = random() % (random() % 2 == 0 ? hot : used.size());
            n -= n % vcpus;
            n = n + id < used.size() ? n + id : id;
            const Kind kind = random() % 3 == 0   ? Kind::load
                              : random() % 8 == 0 ? Kind::fetch
                                                  : Kind::store;
            access(ram + used[n] * page, kind, known[n], used[n], id);
        }
    }
    void access(Ipa ipa, Kind kind, Known& known, std::uint64_t p, unsigned id) {
        model::WalkResult walked;
        {
            // An access is complete before the TLBI that takes its translation away.
            const std::shared_lock walking{machine.port.walks};
            walked = model::walk(machine.config, machine.port, ipa, {.kind = kind});
            if (walked.translated()) {
                use(walked.translation.pa, kind, known, p);
                return;
            }
        }
        const Abort abort = GuestMachine::abort_of(walked, ipa, kind);
        const Resolution resolution =
            machine.handle(abort, abort.ipa ? std::nullopt : std::optional{ipa}, id);
        const bool no_memory =
            resolution.outcome == Outcome::mmio || resolution.outcome == Outcome::inject;
        if (resolution == Resolution::retry(RetryReason::withdrawal)) {
            std::this_thread::yield();
        } else if (resolution.outcome != Outcome::resume && !(no_memory && unpluggable)) {
            ++wrong_outcome_;
        }
    }
    void use(Pa pa, Kind kind, Known& known, std::uint64_t p) {
        const std::uint64_t times = dropped[p].load();
        const OwnedMemory::Word now = memory_of_owner.load(pa);
        if (known.dropped != times) {
            known = {.value = 0, .dropped = times};
        }
        wrong_value_ += now != known.value ? 1U : 0U;
        known.value = now;
        if (kind == Kind::store) {
            known.value = now % 1'000'000 + 1;
            memory_of_owner.store(pa, known.value);
            stores_.fetch_add(1, std::memory_order_relaxed);
        } else {
            loads_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // Logs, copies, divides, restores, over and over; each time the copy is the memory in the end.
    void run_logger() {
        std::mt19937_64 random{99};
        std::vector<OwnedMemory::Word> copy(length / page);
        while (!stop_) {
            const std::shared_lock stays{plugged};
            Progress steps;
            while (steps.next < slot().end()) {
                steps.budget = 1 + random() % 64;
                ASSERT_TRUE(memory().set_slot_flags(ram, true, true, &steps));
            }
            for (const std::uint64_t p : used) {
                copy[p] = memory_of_owner.look(p);
            }
            Progress divided;
            for (unsigned i = 0; i < 3; ++i) {
                harvest(copy);
                ASSERT_TRUE(memory().split_blocks(ram, MiB, divided));
            }
            {
                pausing_ = true;
                const std::unique_lock paused{vcpus_run_};
                pausing_ = false;
                const std::unique_lock owner_waits{owning};
                harvest(copy);
                for (const std::uint64_t p : used) {
                    lost_ += copy[p] == memory_of_owner.look(p) ? 0U : 1U;
                }
                ++comparisons_;
            }
            ASSERT_TRUE(memory().set_slot_flags(ram, true, false));
            Progress restored{.budget = 4096};
            ASSERT_TRUE(memory().restore_blocks(machine.contexts[logger], ram, restored));
        }
    }
    void harvest(std::vector<OwnedMemory::Word>& copy) {
        Progress all;
        const auto pages = memory().harvest_dirty(
            ram,
            [&](Ipa ipa, std::uint64_t bytes) {
                for_pages({ipa, bytes},
                          [&](std::uint64_t p) { copy[p] = memory_of_owner.look(p); });
            },
            all);
        ASSERT_TRUE(pages);
        told_ += *pages;
    }

public:
    std::shared_mutex owning = {}; // held while the owner is at it

private:
    std::shared_mutex vcpus_run_ = {};
    std::atomic<bool> pausing_ = false;
    std::atomic<bool> stop_ = false;
    std::atomic<std::uint64_t> wrong_value_ = 0;
    std::atomic<std::uint64_t> wrong_outcome_ = 0;
    std::atomic<std::uint64_t> lost_ = 0;
    std::atomic<std::uint64_t> told_ = 0;
    std::atomic<std::uint64_t> comparisons_ = 0;
    std::atomic<std::uint64_t> loads_ = 0;
    std::atomic<std::uint64_t> stores_ = 0;
};

struct Unit {
    std::uint64_t size;
    std::uint64_t slot;
};

class OwnerBesideVcpus : public testing::TestWithParam<std::tuple<Unit, bool>> {
protected:
    OwnerBesideVcpus() : guest{unit().slot, unit().size} {}
    static Unit unit() { return std::get<0>(GetParam()); }
    static bool logged() { return std::get<1>(GetParam()); }

    // A range that is the owner's until `work` has returned.
    template <class Work>
    void take(const IpaSpan& range, Work&& work) {
        ASSERT_TRUE(guest.memory().invalidate_begin(range));
        RunningGuest::for_pages(range, work);
        guest.memory().invalidate_end(range);
    }
    void take_unit_home() {
        const std::uint64_t n = random() % (unit().slot / unit().size);
        const std::uint64_t unit_pages = guest.memory_of_owner.unit_pages();
        const IpaSpan range = RunningGuest::pages(n * unit_pages, unit_pages);
        ASSERT_TRUE(guest.memory().invalidate_begin(range));
        guest.memory_of_owner.bring_home(n);
        guest.memory().invalidate_end(range);
    }

    RunningGuest guest;
    std::mt19937_64 random{7};
};

TEST_P(OwnerBesideVcpus, MovesPages) {
    guest.run(
        [&] {
            const std::shared_lock at_it{guest.owning};
            if (random() % 32 == 0) {
                take_unit_home();
                return;
            }
            take(guest.some_pages(random), [&](std::uint64_t p) { guest.memory_of_owner.move(p); });
        },
        logged());
}

TEST_P(OwnerBesideVcpus, TakesPagesThatComeBackAsZeroes) {
    guest.run(
        [&] {
            const std::shared_lock at_it{guest.owning};
            if (random() % 32 == 0) {
                take_unit_home();
                return;
            }
            const IpaSpan range = guest.some_pages(random);
            take(range, [&](std::uint64_t p) {
                guest.memory_of_owner.drop(p);
                ++guest.dropped[p];
            });
            // Its contents have changed without a write of the guest.
            guest.memory().mark_dirty(range);
        },
        logged());
}

TEST_P(OwnerBesideVcpus, UnplugsAllAndPlugsItAgain) {
    guest.unpluggable = true;
    guest.run(
        [&] {
            {
                const std::unique_lock changes{guest.plugged};
                const std::shared_lock at_it{guest.owning};
                ASSERT_TRUE(guest.memory().remove_slot(ram));
                // Nobody can reach it: no begin, no end.
                for (unsigned i = 0; i < 8; ++i) {
                    RunningGuest::for_pages(guest.some_pages(random), [&](std::uint64_t p) {
                        guest.memory_of_owner.move(p);
                    });
                }
                if (random() % 4 == 0) {
                    guest.memory_of_owner.bring_home(random() % (unit().slot / unit().size));
                }
                guest.plug();
            }
            for (unsigned i = 0; i < 4; ++i) {
                std::this_thread::yield();
            }
        },
        logged());
}

INSTANTIATE_TEST_SUITE_P(Units, OwnerBesideVcpus,
                         testing::Combine(testing::Values(Unit{page, 256 * page},
                                                          Unit{2 * MiB, 8 * MiB},
                                                          Unit{GiB, 2 * GiB}),
                                          testing::Bool()),
                         [](const auto& which) {
                             return std::to_string(std::get<0>(which.param).size / KiB) + "K" +
                                    (std::get<1>(which.param) ? "Logged" : "");
                         });

} // namespace
} // namespace twofold::test
