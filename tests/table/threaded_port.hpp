// SPDX-License-Identifier: MIT
// ThreadedPort: table memory for several threads at full speed. Memory that is given back is
// poisoned with plain stores, so that a use after that is seen by its value and, under the thread
// sanitizer, as a race.
#pragma once

#include <twofold/table/epochs.hpp>
#include <twofold/table/port.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace twofold::test {

inline constexpr unsigned participants = 6;
inline constexpr std::uint64_t poison = 0xdead'dead'dead'dead;
inline thread_local unsigned participant = 0;

class ThreadedPort {
public:
    static constexpr Pa base{0x8'4000'0000};
    static constexpr std::size_t bytes = 32 * MiB;
    static constexpr std::uint64_t page = 4 * KiB;

    ThreadedPort() : words_(bytes / 8), pages_(bytes / page) {}

    class Table {
    public:
        Table(ThreadedPort& port, std::uint64_t* words) : port_{&port}, words_{words} {}
        std::uint64_t load(unsigned i) const {
            return port_->seen(std::atomic_ref{words_[i]}.load(std::memory_order_acquire));
        }
        void store(unsigned i, std::uint64_t value) { words_[i] = value; }
        void publish(unsigned i, std::uint64_t value) {
            std::atomic_ref{words_[i]}.store(value, std::memory_order_release);
        }
        std::uint64_t exchange(unsigned i, std::uint64_t value) {
            return port_->seen(
                std::atomic_ref{words_[i]}.exchange(value, std::memory_order_acq_rel));
        }
        std::uint64_t clear_bits(unsigned i, std::uint64_t mask) {
            return port_->seen(
                std::atomic_ref{words_[i]}.fetch_and(~mask, std::memory_order_acq_rel));
        }
        std::uint64_t set_bits(unsigned i, std::uint64_t mask) {
            return port_->seen(
                std::atomic_ref{words_[i]}.fetch_or(mask, std::memory_order_acq_rel));
        }
        bool compare_exchange(unsigned i, std::uint64_t before, std::uint64_t after) {
            return std::atomic_ref{words_[i]}.compare_exchange_strong(
                before, after, std::memory_order_acq_rel, std::memory_order_acquire);
        }

    private:
        ThreadedPort* port_;
        std::uint64_t* words_;
    };
    Table table(Pa pa) { return {*this, &words_[word_at(pa)]}; }

    std::optional<Pa> allocate(std::uint64_t size) {
        if (scarce && allocations_.fetch_add(1, std::memory_order_relaxed) % 61 == 60) {
            return std::nullopt;
        }
        const std::lock_guard lock{mutex_};
        std::size_t first = 0;
        if (size == page && !free_.empty()) {
            first = free_.back();
            free_.pop_back();
        } else {
            next_ = static_cast<std::size_t>(align_up(next_ * page, size) / page);
            first = next_;
            next_ += static_cast<std::size_t>(size / page);
            if (next_ > pages_.size()) {
                return std::nullopt;
            }
        }
        std::fill_n(&words_[first * page / 8], size / 8, 0);
        pages_[first].live = true;
        ++live_;
        return base + first * page;
    }
    void free(Pa pa, std::uint64_t size) {
        const std::lock_guard lock{mutex_};
        const std::size_t first = (pa - base) / page;
        wrong += pages_[first].live ? 0U : 1U;
        pages_[first].live = false;
        --live_;
        std::fill_n(&words_[word_at(pa)], size / 8, poison);
        if (size == page) {
            free_.push_back(first);
        }
    }
    void retire(Pa pa, std::uint64_t) {
        epochs_.retire(pages_[(pa - base) / page].retired);
        reclaim();
    }
    void reclaim() {
        epochs_.reclaim([this](Retired& retired) {
            const auto& first = reinterpret_cast<const Page&>(retired);
            free(base + static_cast<std::size_t>(&first - pages_.data()) * page, page);
        });
    }
    auto section() { return epochs_.section(participant); }
    void barrier(Barrier) {}
    void tlbi(const TlbiOperation&) { tlbis.fetch_add(1, std::memory_order_relaxed); }

    // For the walker.
    std::optional<std::uint64_t> load(Pa pa) {
        return seen(std::atomic_ref{words_[word_at(pa)]}.load(std::memory_order_acquire));
    }
    std::optional<std::uint64_t> compare_exchange(Pa pa, std::uint64_t before,
                                                  std::uint64_t after) {
        std::atomic_ref{words_[word_at(pa)]}.compare_exchange_strong(
            before, after, std::memory_order_acq_rel, std::memory_order_acquire);
        return seen(before);
    }

    std::size_t live() {
        const std::lock_guard lock{mutex_};
        return live_;
    }

    bool scarce = false; // some allocations fail
    std::atomic<unsigned> wrong = 0;
    std::atomic<std::uint64_t> tlbis = 0;

private:
    // `retired` first: from its address the page's number is found.
    struct Page {
        Retired retired = {};
        bool live = false;
    };

    std::size_t word_at(Pa pa) const { return (pa - base) / 8; }
    std::uint64_t seen(std::uint64_t value) {
        if (value == poison) {
            wrong.fetch_add(1, std::memory_order_relaxed);
        }
        return value;
    }

    std::vector<std::uint64_t> words_;
    std::vector<Page> pages_;
    Epochs<participants> epochs_;
    std::mutex mutex_;
    std::vector<std::size_t> free_ = {};
    std::size_t next_ = 0;
    std::size_t live_ = 0;
    std::atomic<unsigned> allocations_ = 0;
};

} // namespace twofold::test
