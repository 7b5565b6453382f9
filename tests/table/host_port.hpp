// SPDX-License-Identifier: MIT
// HostPort: table memory in an arena of the host, with injected allocation failures and a hook at
// every event, so that a test can look at each intermediate state.
#pragma once

#include <twofold/table/invalidation.hpp>
#include <twofold/table/port.hpp>
#include <twofold/table/size_change.hpp>

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace twofold::test {

class HostPort {
public:
    // Tables lie at physical addresses from `base` on (aligned to 1 MiB).
    explicit HostPort(Pa base, std::size_t bytes = 64 * MiB)
        : base_{base},
          words_{map_zero_pages(bytes), Unmap{bytes}},
          size_{bytes} {}

    class Table {
    public:
        Table(HostPort& port, std::uint64_t* words) : port_{&port}, words_{words} {}
        std::uint64_t load(unsigned i) const {
            return std::atomic_ref{words_[i]}.load(std::memory_order_acquire);
        }
        void store(unsigned i, std::uint64_t value) {
            if (port_->on_plain_store) {
                port_->on_plain_store(port_->address_of(words_));
            }
            words_[i] = value;
        }
        void publish(unsigned i, std::uint64_t value) {
            std::atomic_ref{words_[i]}.store(value, std::memory_order_release);
            port_->changed();
        }
        std::uint64_t exchange(unsigned i, std::uint64_t value) {
            port_->hardware_update(words_[i]);
            const std::uint64_t old = std::atomic_ref{words_[i]}.exchange(value);
            port_->changed();
            return old;
        }
        std::uint64_t clear_bits(unsigned i, std::uint64_t mask) {
            port_->hardware_update(words_[i]);
            const std::uint64_t old = std::atomic_ref{words_[i]}.fetch_and(~mask);
            port_->changed();
            return old;
        }
        std::uint64_t set_bits(unsigned i, std::uint64_t mask) {
            port_->hardware_update(words_[i]);
            const std::uint64_t old = std::atomic_ref{words_[i]}.fetch_or(mask);
            port_->changed();
            return old;
        }
        bool compare_exchange(unsigned i, std::uint64_t before, std::uint64_t after) {
            port_->hardware_update(words_[i]);
            const bool done = std::atomic_ref{words_[i]}.compare_exchange_strong(before, after);
            port_->changed();
            return done;
        }

    private:
        HostPort* port_;
        std::uint64_t* words_;
    };

    Table table(Pa pa) { return {*this, word_at(pa)}; }

    std::optional<Pa> allocate(std::uint64_t bytes) {
        if (allocations_until_failure && (*allocations_until_failure)-- == 0) {
            allocations_until_failure.reset();
            ++failures;
            return std::nullopt;
        }
        Pa pa;
        auto& free = free_[bytes];
        if (!free.empty()) {
            pa = free.back();
            free.pop_back();
        } else {
            next_ = align_up(next_, bytes);
            if (next_ + bytes > size_) {
                ++failures;
                return std::nullopt;
            }
            pa = base_ + next_;
            next_ += bytes;
        }
        std::memset(word_at(pa), 0, bytes);
        live_[pa] = bytes;
        return pa;
    }
    void free(Pa pa, std::uint64_t bytes) {
        const auto it = live_.find(pa);
        if (it == live_.end() || it->second != bytes) {
            give_up("free of what is not allocated");
        }
        if (on_free) {
            on_free(pa, bytes);
        }
        live_.erase(it);
        std::fill_n(word_at(pa), bytes / 8, poison);
        free_[bytes].push_back(pa);
    }
    // One thread: nobody else is in a section, unless the test says so.
    void retire(Pa pa, std::uint64_t bytes) {
        if (another_in_section) {
            retired_.emplace_back(pa, bytes);
        } else {
            free(pa, bytes);
        }
    }
    bool another_in_section = false;
    // It has ended.
    void end_section() {
        another_in_section = false;
        for (const auto& [pa, bytes] : std::exchange(retired_, {})) {
            free(pa, bytes);
        }
    }
    struct Section {};
    Section section() { return {}; }
    void barrier(Barrier kind) {
        if (kind == Barrier::dsb_ishst) {
            ++completions;
        }
    }
    void tlbi(const TlbiOperation&) {}
    // What is about to be performed.
    void note(const Invalidation& owed) {
        ++invalidations;
        if (on_invalidate) {
            on_invalidate(owed);
        }
    }
    void note(const SizeChange& change) {
        if (on_size_change) {
            on_size_change(change);
        }
    }

    // For the walker: memory outside the arena, or freed, does not answer.
    std::optional<std::uint64_t> load(Pa pa) {
        const std::uint64_t word = *word_at(pa);
        return word == poison ? std::nullopt : std::optional{word};
    }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t expected,
                                                  std::uint64_t desired) {
        std::uint64_t* word = word_at(pa);
        if (*word == expected) {
            *word = desired;
            return expected;
        }
        return *word;
    }

    std::size_t live() const { return live_.size(); }

    std::optional<std::uint64_t> allocations_until_failure = {};
    unsigned failures = 0;
    std::atomic<unsigned> completions = 0;
    std::atomic<unsigned> invalidations = 0;
    std::function<void()> on_change = {};               // after a store that a walker may see
    std::function<void(Pa)> on_plain_store = {};        // before one to a table that none may reach
    std::function<void(std::uint64_t&)> on_atomic = {}; // before an atomic: hardware's turn
    std::function<void(const Invalidation&)> on_invalidate = {};
    std::function<void(Pa, std::uint64_t)> on_free = {};
    std::function<void(const SizeChange&)> on_size_change = {};

    // The CPU that acts.
    unsigned cpu() const { return current_cpu; }
    unsigned current_cpu = 0;

    // Zero pages that cost nothing until they are touched, also under a sanitizer.
    static std::uint64_t* map_zero_pages(std::size_t bytes) {
        void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (pages == MAP_FAILED) {
            give_up("no memory for the test arena");
        }
        return static_cast<std::uint64_t*>(pages);
    }
    struct Unmap {
        std::size_t bytes;
        void operator()(std::uint64_t* pages) const { munmap(pages, bytes); }
    };

private:
    // No valid or invalid descriptor of the engine looks like this.
    static constexpr std::uint64_t poison = 0xfeed'face'cafe'beef;

    // The engine has no use for exceptions, so there are none here.
    [[noreturn]] static void give_up(const char* why) {
        std::fprintf(stderr, "HostPort: %s\n", why);
        std::abort();
    }
    std::uint64_t* word_at(Pa pa) {
        const std::uint64_t offset = pa - base_;
        if (pa < base_ || offset >= size_) {
            give_up("table address outside the arena");
        }
        return &words_[offset / 8];
    }
    Pa address_of(const std::uint64_t* word) const {
        return base_ + static_cast<std::uint64_t>(word - words_.get()) * 8;
    }
    void changed() {
        if (on_change) {
            on_change();
        }
    }
    void hardware_update(std::uint64_t& word) {
        if (on_atomic) {
            on_atomic(word);
        }
    }

    Pa base_;
    std::unique_ptr<std::uint64_t[], Unmap> words_;
    std::uint64_t size_;
    std::uint64_t next_ = 0;
    std::map<std::uint64_t, std::vector<Pa>> free_ = {};
    std::map<Pa, std::uint64_t> live_ = {};
    std::vector<std::pair<Pa, std::uint64_t>> retired_ = {};
};

static_assert(TablePort<HostPort>);

} // namespace twofold::test
