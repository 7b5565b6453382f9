// SPDX-License-Identifier: MIT
// BenchPort: tables in one piece of memory at its own address, on the host and on bare metal. TLBIs
// and barriers are counted, not executed: what they cost is the machine's affair.
#pragma once

#include <twofold/arch/geometry.hpp>
#include <twofold/table/port.hpp>
#include <twofold/table/store_series.hpp>

#include <cstdint>
#include <cstring>
#include <optional>

namespace twofold::bench {

class BenchPort {
public:
    // `memory` is aligned to 64 KiB.
    BenchPort(void* memory, std::uint64_t bytes, const Geometry& geometry)
        : next_{reinterpret_cast<std::uint64_t>(memory)},
          end_{next_ + bytes},
          page_size_{geometry.page_size()} {}

    class Table {
    public:
        explicit Table(std::uint64_t* entries) : entries_{entries} {}
        std::uint64_t load(unsigned i) const {
            return __atomic_load_n(&entries_[i], __ATOMIC_ACQUIRE);
        }
        void store(unsigned i, std::uint64_t value) { entries_[i] = value; }
        void store_series(unsigned first, unsigned count, std::uint64_t value, std::uint64_t step) {
            twofold::store_series(&entries_[first], count, value, step);
        }
        void publish(unsigned i, std::uint64_t value) {
            __atomic_store_n(&entries_[i], value, __ATOMIC_RELEASE);
        }
        std::uint64_t exchange(unsigned i, std::uint64_t value) {
            return __atomic_exchange_n(&entries_[i], value, __ATOMIC_ACQ_REL);
        }
        std::uint64_t clear_bits(unsigned i, std::uint64_t mask) {
            return __atomic_fetch_and(&entries_[i], ~mask, __ATOMIC_ACQ_REL);
        }
        std::uint64_t set_bits(unsigned i, std::uint64_t mask) {
            return __atomic_fetch_or(&entries_[i], mask, __ATOMIC_ACQ_REL);
        }
        bool compare_exchange(unsigned i, std::uint64_t before, std::uint64_t after) {
            return __atomic_compare_exchange_n(&entries_[i], &before, after, false,
                                               __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
        }

    private:
        std::uint64_t* entries_;
    };

    Table table(Pa pa) const { return Table{reinterpret_cast<std::uint64_t*>(pa.value)}; }

    std::optional<Pa> allocate(std::uint64_t bytes) {
        std::uint64_t at = 0;
        if (bytes == page_size_ && free_ != 0) {
            at = free_;
            std::memcpy(&free_, reinterpret_cast<const void*>(at), sizeof free_);
        } else {
            at = align_up(next_, bytes);
            if (at + bytes > end_) {
                return std::nullopt;
            }
            next_ = at + bytes;
        }
        std::memset(reinterpret_cast<void*>(at), 0, bytes);
        return Pa{at};
    }
    // A root is not used again: a benchmark has few of them.
    void free(Pa pa, std::uint64_t bytes) {
        if (bytes == page_size_) {
            std::memcpy(reinterpret_cast<void*>(pa.value), &free_, sizeof free_);
            free_ = pa.value;
        }
    }

    // The next guest begins when this one is dropped, so nobody is in a section of it.
    void retire(Pa pa, std::uint64_t bytes) { free(pa, bytes); }
    struct Section {};
    Section section() const { return {}; }
    void barrier(Barrier kind) { barriers_ += kind == Barrier::isb ? 0 : 1; }
    void tlbi(const TlbiOperation&) { ++tlbis_; }

    std::uint64_t tlbis() const { return tlbis_; }
    std::uint64_t barriers() const { return barriers_; }

private:
    std::uint64_t next_;
    std::uint64_t end_;
    std::uint64_t free_ = 0;
    std::uint64_t tlbis_ = 0;
    std::uint64_t barriers_ = 0;
    std::uint64_t page_size_;
};

static_assert(TablePort<BenchPort>);

} // namespace twofold::bench
