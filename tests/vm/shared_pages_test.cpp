// SPDX-License-Identifier: MIT
// Two guests that share pages until one writes, and an owner who lets them share again what has
// become equal: copy-on-write and same-page merging, on invalidate_begin() and invalidate_end().
#include "guest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t pages = 512; // of each guest that are used, of which a few are hot
constexpr unsigned guests = 2;

// The frames: `pages` that are shared at first, and enough that each guest can have a copy.
class Frames {
public:
    using Word = std::uint64_t;
    static constexpr Word poison = ~Word{0};

    Frames() {
        contents_.resize(pages * (1 + guests), poison);
        users_.resize(contents_.size());
        for (std::uint64_t f = 0; f < contents_.size(); ++f) {
            if (f < pages) {
                contents_[f] = 0;
                users_[f] = guests;
                for (auto& guest : place_) {
                    guest[f] = f;
                }
            } else {
                free_.push_back(f);
            }
        }
    }
    std::atomic_ref<Word> word(Pa pa) {
        return std::atomic_ref{contents_[(pa - memory_pa) / page]};
    }

    BackingAnswer answer(unsigned guest, std::uint64_t p, AccessKind access) {
        const std::lock_guard held{mutex_};
        std::uint64_t& place = place_[guest][p];
        if (access == AccessKind::write && (place < pages || users_[place] > 1)) {
            if (free_.empty()) {
                return std::unexpected(Unbacked::not_yet);
            }
            // What is shared is not written: it may be copied without stopping anybody. It is given
            // back by the owner, who knows how to wait until nobody sees it.
            const std::uint64_t copy = free_.back();
            free_.pop_back();
            contents_[copy] = contents_[place];
            users_[copy] = 1;
            place = copy;
            ++copies;
        }
        if (place == p) {
            // What is shared from the beginning is one run, as far as it is still shared.
            std::uint64_t first = p;
            std::uint64_t end = p + 1;
            while (first > 0 && place_[guest][first - 1] == first - 1) {
                --first;
            }
            while (end < pages && place_[guest][end] == end) {
                ++end;
            }
            return Extent{.offset = first * page,
                          .pa = memory_pa + first * page,
                          .length = (end - first) * page,
                          .writable = false};
        }
        return Extent{.offset = p * page,
                      .pa = memory_pa + place * page,
                      .length = page,
                      .writable = users_[place] == 1};
    }
    // By the owner, while nobody can reach page `p` of either guest. True: both see one frame now.
    bool merge(std::uint64_t p) {
        const std::lock_guard held{mutex_};
        std::uint64_t& a = place_[0][p];
        std::uint64_t& b = place_[1][p];
        if (contents_[a] != contents_[b]) {
            return false;
        }
        const Word value = contents_[a];
        for (std::uint64_t* place : {&a, &b}) {
            if (*place >= pages) {
                contents_[*place] = poison;
                free_.push_back(*place);
            }
            *place = p;
        }
        contents_[p] = value;
        ++merges;
        return true;
    }

    std::uint64_t copies = 0;
    std::uint64_t merges = 0;

private:
    std::mutex mutex_ = {};
    std::vector<Word> contents_ = {};
    std::vector<unsigned> users_ = {};
    std::array<std::array<std::uint64_t, pages>, guests> place_ = {};
    std::vector<std::uint64_t> free_ = {};
};

class SharedBacking : public Backing {
public:
    SharedBacking(Frames& frames, unsigned guest) : frames_{frames}, guest_{guest} {}
    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        return frames_.answer(guest_, offset / page, access);
    }
    BackingAnswer nearby(std::uint64_t offset) override {
        return frames_.answer(guest_, offset / page, AccessKind::read);
    }

private:
    Frames& frames_;
    unsigned guest_;
};

// Whether they are shared as blocks or as pages with neighbours at hand.
class SharedPages : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SharedPages, AreCopiedByWritesAndSharedAgain) {
    Frames frames;
    std::array<SharedBacking, guests> backings = {SharedBacking{frames, 0},
                                                  SharedBacking{frames, 1}};
    const CpuFeatures features = full_features();
    const GuestMemoryPolicy policy{.largest = GetParam(), .fault_around = 8 * page};
    std::array<GuestMachine, guests> machines = {
        GuestMachine{geometry_4k(features, 40), features, policy},
        GuestMachine{geometry_4k(features, 40), features, policy}};
    for (unsigned g = 0; g < guests; ++g) {
        ASSERT_TRUE(machines[g].memory.add_slot(
            {.range = {.start = ram, .length = pages * page}, .backing = &backings[g]}));
    }
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> wrong = 0;
    std::atomic<std::uint64_t> accesses = 0;
    // Each vCPU has its pages, and toggles what is in them.
    const auto vcpu = [&](unsigned g, unsigned id) {
        GuestMachine& machine = machines[g];
        std::mt19937_64 random{10 * g + id};
        std::vector<Frames::Word> known(pages);
        while (!stop.load(std::memory_order_relaxed)) {
            const std::uint64_t p = (random() % (random() % 2 == 0 ? 16 : pages)) / 2 * 2 + id;
            const Ipa ipa = ram + p * page;
            const Kind kind = random() % 2 == 0   ? Kind::load
                              : random() % 8 == 0 ? Kind::fetch
                                                  : Kind::store;
            model::WalkResult walked;
            {
                const std::shared_lock walking{machine.port.walks};
                walked = model::walk(machine.config, machine.port, ipa, {.kind = kind});
                if (walked.translated()) {
                    const auto word = frames.word(walked.translation.pa);
                    wrong += word.load(std::memory_order_relaxed) != known[p] ? 1U : 0U;
                    if (kind == Kind::store) {
                        known[p] = 1 - known[p];
                        word.store(known[p], std::memory_order_relaxed);
                    }
                    accesses.fetch_add(1, std::memory_order_relaxed);
                    continue;
                }
            }
            const Abort abort = GuestMachine::abort_of(walked, ipa, kind);
            const Resolution resolution =
                machine.handle(abort, abort.ipa ? std::nullopt : std::optional{ipa}, id);
            if (resolution.outcome == Outcome::retry) {
                std::this_thread::yield();
            } else {
                wrong += resolution.outcome == Outcome::resume ? 0U : 1U;
            }
        }
    };
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; ++i) {
        threads.emplace_back(vcpu, i % 2, i / 2);
    }
    std::mt19937_64 random{5};
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
    while (std::chrono::steady_clock::now() < end) {
        const std::uint64_t first = random() % (random() % 2 == 0 ? 16 : pages);
        const std::uint64_t count = std::min<std::uint64_t>(1 + random() % 16, pages - first);
        const IpaSpan range{.start = ram + first * page, .length = count * page};
        for (GuestMachine& machine : machines) {
            ASSERT_TRUE(machine.memory.invalidate_begin(range));
        }
        for (std::uint64_t p = first; p < first + count; ++p) {
            (void)frames.merge(p);
        }
        for (GuestMachine& machine : machines) {
            machine.memory.invalidate_end(range);
        }
        std::this_thread::yield();
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_GT(accesses, 100U);
    EXPECT_GT(frames.copies, 20U);
    EXPECT_GT(frames.merges, 20U);
}

INSTANTIATE_TEST_SUITE_P(Largest, SharedPages, testing::Values(page, 2 * MiB),
                         [](const auto& largest) {
                             return std::to_string(largest.param / KiB) + "K";
                         });

} // namespace
} // namespace twofold::test
