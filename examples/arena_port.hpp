// SPDX-License-Identifier: MIT
// ArenaPort: the smallest complete Port. Tables lie in one array whose physical address is known; a
// hypervisor has the same with its own memory, and instructions in barrier() and tlbi().
#pragma once

#include <twofold/table/port.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

class ArenaPort {
public:
    ArenaPort(twofold::Pa base, std::size_t bytes)
        : base_{base},
          bytes_{bytes},
          memory_{static_cast<std::byte*>(std::aligned_alloc(alignment, bytes)), &std::free} {}

    class Table {
    public:
        explicit Table(std::uint64_t* entries) : entries_{entries} {}
        std::uint64_t load(unsigned i) const { return entry(i).load(std::memory_order_acquire); }
        void store(unsigned i, std::uint64_t value) { entries_[i] = value; }
        void publish(unsigned i, std::uint64_t value) {
            entry(i).store(value, std::memory_order_release);
        }
        std::uint64_t exchange(unsigned i, std::uint64_t value) { return entry(i).exchange(value); }
        std::uint64_t clear_bits(unsigned i, std::uint64_t mask) {
            return entry(i).fetch_and(~mask);
        }
        std::uint64_t set_bits(unsigned i, std::uint64_t mask) { return entry(i).fetch_or(mask); }
        bool compare_exchange(unsigned i, std::uint64_t before, std::uint64_t after) {
            return entry(i).compare_exchange_strong(before, after);
        }

    private:
        std::atomic_ref<std::uint64_t> entry(unsigned i) const {
            return std::atomic_ref{entries_[i]};
        }
        std::uint64_t* entries_;
    };

    Table table(twofold::Pa pa) const { return Table{reinterpret_cast<std::uint64_t*>(at(pa))}; }

    std::optional<twofold::Pa> allocate(std::uint64_t bytes) {
        twofold::Pa pa;
        if (!free_.empty() && free_.back().bytes == bytes) {
            pa = free_.back().pa;
            free_.pop_back();
        } else {
            const std::uint64_t start = twofold::align_up(used_, bytes);
            if (start + bytes > bytes_) {
                return std::nullopt;
            }
            pa = base_ + start;
            used_ = start + bytes;
        }
        std::memset(at(pa), 0, bytes);
        return pa;
    }
    void free(twofold::Pa pa, std::uint64_t bytes) { free_.push_back({pa, bytes}); }

    // One thread: nobody else can be in a section.
    void retire(twofold::Pa pa, std::uint64_t bytes) { free(pa, bytes); }
    struct Section {};
    Section section() const { return {}; }

    // At EL2: the instruction of that name.
    void barrier(twofold::Barrier) { std::atomic_thread_fence(std::memory_order_seq_cst); }
    void tlbi(const twofold::TlbiOperation&) { ++tlbis_; }

    std::uint64_t tlbis() const { return tlbis_; }

private:
    static constexpr std::size_t alignment = twofold::MiB; // 16 tables of 64 KiB

    struct Piece {
        twofold::Pa pa;
        std::uint64_t bytes;
    };

    std::byte* at(twofold::Pa pa) const { return memory_.get() + (pa - base_); }

    twofold::Pa base_;
    std::size_t bytes_;
    std::unique_ptr<std::byte, decltype(&std::free)> memory_;
    std::size_t used_ = 0;
    std::vector<Piece> free_ = {};
    std::uint64_t tlbis_ = 0;
};

static_assert(twofold::TablePort<ArenaPort>);
