// SPDX-License-Identifier: MIT
// Stripes: try-locks by input address, with which the operations that break entries exclude each
// other over a range. Faults never take one, and nobody waits for one.
//
// A stripe stands for what one table two levels above the pages covers (4K granule: 1 GiB), so two
// operations that may change one table of pages, or one entry that points to such a table, share a
// stripe. Tables further up cover more than all stripes: whoever removes one holds all.
#pragma once

#include <twofold/arch/geometry.hpp>
#include <twofold/table/ipa_range.hpp>
#include <twofold/table/shared_step.hpp>

#include <atomic>
#include <cstdint>

namespace twofold {

class Stripes {
public:
    static constexpr unsigned count = 64;
    static constexpr std::uint64_t all = ~std::uint64_t{0};

    // The stripes of a range, as a set.
    static constexpr std::uint64_t of(const Geometry& geometry, IpaRange range) {
        const unsigned shift = geometry.shift(page_level - 2);
        const std::uint64_t first = range.start.value >> shift;
        const std::uint64_t last = (range.end.value - 1) >> shift;
        if (last - first >= count - 1) {
            return all;
        }
        const std::uint64_t low = (std::uint64_t{1} << (last - first + 1)) - 1;
        const unsigned turn = first % count;
        return turn == 0 ? low : (low << turn) | (low >> (count - turn));
    }

    // All of `set`, or none.
    template <class Port>
    bool try_take(Port& port, std::uint64_t set) {
        shared_step(port);
        std::uint64_t taken = taken_.load(std::memory_order_relaxed);
        // Whoever changes the word in between has taken or given back a stripe, so this ends.
        for (unsigned attempt = 0; attempt < count; ++attempt) {
            if ((taken & set) != 0) {
                return false;
            }
            if (taken_.compare_exchange_weak(taken, taken | set, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }
    template <class Port>
    void give_back(Port& port, std::uint64_t set) {
        shared_step(port);
        taken_.fetch_and(~set, std::memory_order_release);
    }

private:
    std::atomic<std::uint64_t> taken_ = 0;
};

// Stripes that are held for the time of an operation.
template <class Port>
class [[nodiscard]] HeldStripes {
public:
    HeldStripes(Port& port, Stripes& stripes) : port_{port}, stripes_{stripes} {}
    ~HeldStripes() { release(); }
    HeldStripes(const HeldStripes&) = delete;
    HeldStripes& operator=(const HeldStripes&) = delete;

    // Holds `set` beside what is held already; false: what is held stays.
    bool add(std::uint64_t set) {
        const std::uint64_t missing = set & ~held_;
        if (missing != 0 && !stripes_.try_take(port_, missing)) {
            return false;
        }
        held_ |= missing;
        return true;
    }
    bool holds(std::uint64_t set) const { return (set & ~held_) == 0; }
    void release() {
        if (held_ != 0) {
            stripes_.give_back(port_, held_);
            held_ = 0;
        }
    }

private:
    Port& port_;
    Stripes& stripes_;
    std::uint64_t held_ = 0;
};

} // namespace twofold
