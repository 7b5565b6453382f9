// SPDX-License-Identifier: MIT
// OwnedMemory: the memory of a guest with its contents, a word for each page, and an owner who
// moves it about, takes it away and gives it back. What a guest reads tells whether a write went
// to memory that was not its own any more.
#pragma once

#include "guest.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace twofold::test {

class OwnedMemory : public Backing {
public:
    using Word = std::uint64_t;
    static constexpr std::uint64_t page = 4 * KiB;
    static constexpr Word poison = ~Word{0}; // in what belongs to nobody

    // Of `length` bytes, one run of physical memory each `unit` bytes as long as nothing is moved;
    // and some more pages to move to.
    OwnedMemory(std::uint64_t length, std::uint64_t unit)
        : unit_{unit / page},
          contents_(length / page + spare, poison),
          place_(length / page),
          displaced_(length / unit) {
        for (std::uint64_t p = 0; p < place_.size(); ++p) {
            place_[p] = p;
            contents_[p] = 0;
        }
        for (std::uint64_t i = 0; i < spare; ++i) {
            free_.push_back(place_.size() + i);
        }
    }

    BackingAnswer extent(std::uint64_t offset, AccessKind) override {
        const std::lock_guard held{mutex_};
        const std::uint64_t p = offset / page;
        if (place_[p] == nowhere) {
            const std::uint64_t to = other_than(nowhere, p);
            contents_[to] = 0;
            put(p, to);
        }
        return around(p);
    }
    BackingAnswer nearby(std::uint64_t offset) override {
        const std::lock_guard held{mutex_};
        const std::uint64_t p = offset / page;
        return place_[p] != nowhere ? around(p) : BackingAnswer{std::unexpected(Unbacked::not_yet)};
    }

    // By the guest, while it has a translation.
    Word load(Pa pa) { return word(pa).load(std::memory_order_relaxed); }
    void store(Pa pa, Word value) { word(pa).store(value, std::memory_order_relaxed); }
    // By who copies it beside the guest.
    Word look(std::uint64_t p) {
        const std::lock_guard held{mutex_};
        return place_[p] == nowhere ? 0 : word(pa_of(place_[p])).load(std::memory_order_relaxed);
    }

    // By the owner, while nobody can reach the page; plain accesses, for the thread sanitizer.
    void move(std::uint64_t p) {
        const std::lock_guard held{mutex_};
        if (place_[p] != nowhere) {
            const std::uint64_t to = other_than(place_[p], p);
            const Word value = contents_[place_[p]];
            give_back(p);
            contents_[to] = value;
            put(p, to);
        }
    }
    void drop(std::uint64_t p) {
        const std::lock_guard held{mutex_};
        if (place_[p] != nowhere) {
            give_back(p);
        }
    }
    // All pages of a unit to where they were in the beginning.
    void bring_home(std::uint64_t unit) {
        const std::lock_guard held{mutex_};
        for (std::uint64_t p = unit * unit_; p < (unit + 1) * unit_; ++p) {
            if (place_[p] == p) {
                continue;
            }
            const Word value = place_[p] == nowhere ? 0 : contents_[place_[p]];
            if (place_[p] != nowhere) {
                give_back(p);
            }
            contents_[p] = value;
            put(p, p);
        }
    }

    std::uint64_t pages() const { return place_.size(); }
    std::uint64_t unit_pages() const { return unit_; }

private:
    static constexpr std::uint64_t spare = 64;
    static constexpr std::uint64_t nowhere = ~std::uint64_t{0};

    static Pa pa_of(std::uint64_t at) { return memory_pa + at * page; }
    std::atomic_ref<Word> word(Pa pa) {
        return std::atomic_ref{contents_[(pa - memory_pa) / page]};
    }

    Extent around(std::uint64_t p) const {
        const std::uint64_t unit = p / unit_;
        if (displaced_[unit] == 0) {
            return {
                .offset = unit * unit_ * page, .pa = pa_of(unit * unit_), .length = unit_ * page};
        }
        // What is one run, so far as a short look shows.
        std::uint64_t first = p;
        std::uint64_t end = p + 1;
        while (first % 64 != 0 && place_[first - 1] != nowhere &&
               place_[first - 1] + 1 == place_[first]) {
            --first;
        }
        while (end % 64 != 0 && end < place_.size() && place_[end] == place_[end - 1] + 1) {
            ++end;
        }
        return {.offset = first * page, .pa = pa_of(place_[first]), .length = (end - first) * page};
    }
    void put(std::uint64_t p, std::uint64_t to) {
        place_[p] = to;
        displaced_[p / unit_] -= to == p ? 1U : 0U;
    }
    void give_back(std::uint64_t p) {
        const std::uint64_t from = std::exchange(place_[p], nowhere);
        contents_[from] = poison;
        if (from == p) {
            ++displaced_[p / unit_];
        } else {
            free_.push_back(from);
        }
    }
    // A place for page `p`, if there is one: that of the beginning, which is kept for it, or one of
    // those to spare, in turn.
    std::uint64_t other_than(std::uint64_t now, std::uint64_t p) {
        if (free_.empty() || (now != p && ++turn_ % 2 == 0)) {
            return p;
        }
        const auto at = static_cast<std::ptrdiff_t>(++turn_ % free_.size());
        const std::uint64_t to = free_[static_cast<std::size_t>(at)];
        free_.erase(free_.begin() + at);
        return to;
    }

    std::mutex mutex_ = {};
    std::uint64_t unit_;
    std::vector<Word> contents_;
    std::vector<std::uint64_t> place_;
    std::vector<unsigned> displaced_; // of each unit, pages that are not where they were
    std::vector<std::uint64_t> free_ = {};
    std::uint64_t turn_ = 0;
};

} // namespace twofold::test
