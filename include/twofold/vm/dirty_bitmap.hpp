// SPDX-License-Identifier: MIT
// DirtyBitmap: which pages have been written, a bit each, and above them levels in which a bit says
// that a word below has any: looking through it costs what is dirty, not what could be.
//
//   level 1   1 bit for 64 words ...     .1......
//                                         |
//   level 0   1 bit for a page           ..1...11 ........ ...
//
// Marking goes upwards, taking goes downwards: a bit above is cleared before what is below is
// taken, and whoever marks a page makes sure last of all that the bits above are set. So a mark
// that had returned when a take began is found by it, and any other by it or by the next.
#pragma once

#include <twofold/table/progress.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace twofold {

// How the bitmap touches its words; tests put others in the place of this.
struct AtomicWords {
    static std::uint64_t load(std::uint64_t& word) {
        return std::atomic_ref{word}.load(std::memory_order_acquire);
    }
    static std::uint64_t set(std::uint64_t& word, std::uint64_t bits) {
        return std::atomic_ref{word}.fetch_or(bits, std::memory_order_acq_rel);
    }
    static std::uint64_t clear(std::uint64_t& word, std::uint64_t bits) {
        return std::atomic_ref{word}.fetch_and(~bits, std::memory_order_acq_rel);
    }
};

template <class Words = AtomicWords>
class BasicDirtyBitmap {
public:
    // Words that a bitmap of so many pages takes.
    static constexpr std::size_t words(std::uint64_t pages) {
        std::size_t total = 0;
        for (std::uint64_t bits = pages; bits != 0; bits = bits > 1 ? bits : 0) {
            bits = words_of(bits);
            total += bits;
        }
        return total;
    }

    // `storage`: words(pages) of zeroes, which nobody else writes as long as this is used.
    BasicDirtyBitmap(std::span<std::uint64_t> storage, std::uint64_t pages) : pages_{pages} {
        for (std::uint64_t bits = pages; bits != 0; bits = bits > 1 ? bits : 0) {
            bits = words_of(bits);
            levels_[depth_++] = storage.data();
            storage = storage.subspan(bits);
        }
    }

    std::uint64_t pages() const { return pages_; }

    // From any CPU, beside everything. True: the page was clean.
    bool mark(std::uint64_t page) {
        const bool first = set(0, page);
        for (unsigned level = 1, depth = depth_; level < depth; ++level) {
            page /= word_bits;
            if (!is_set(level, page)) {
                set(level, page);
            }
        }
        return first;
    }
    bool is_dirty(std::uint64_t page) const { return is_set(0, page); }
    bool any() const { return depth_ != 0 && Words::load(word(depth_ - 1, 0)) != 0; }

    // Cleans the pages of [first, first + count), and calls visit(page, count) for each run of
    // those that were dirty, upwards; runs end at multiples of 64 at the latest. Beside marks, one
    // taker at a time. Returns how many pages were dirty. With a budget it stops when
    // it has visited as many words of pages, and the rest stays dirty; `next` is the page to go on
    // with.
    template <class Visit>
    std::uint64_t take(std::uint64_t first, std::uint64_t count, Visit&& visit,
                       std::uint64_t budget = Progress::unlimited, std::uint64_t* next = nullptr) {
        Take<Visit> take{*this, first, first + std::min(count, pages_ - std::min(first, pages_)),
                         budget, visit};
        if (depth_ != 0 && take.first < take.end) {
            take.visit_level(depth_ - 1, 0, 1);
        }
        if (next != nullptr) {
            *next = take.stopped ? take.next : take.end;
        }
        return take.taken;
    }

private:
    static constexpr unsigned word_bits = 64;
    static constexpr unsigned max_depth = 11; // of 2^64 pages: 64 bits by 6

    static constexpr std::uint64_t words_of(std::uint64_t bits) {
        return bits / word_bits + (bits % word_bits != 0 ? 1 : 0);
    }
    static constexpr std::uint64_t bit(std::uint64_t index) {
        return std::uint64_t{1} << (index % word_bits);
    }
    std::uint64_t& word(unsigned level, std::uint64_t index) const { return levels_[level][index]; }
    bool is_set(unsigned level, std::uint64_t index) const {
        return (Words::load(word(level, index / word_bits)) & bit(index)) != 0;
    }
    // Whether it was clear.
    bool set(unsigned level, std::uint64_t index) {
        return (Words::set(word(level, index / word_bits), bit(index)) & bit(index)) == 0;
    }

    template <class Visit>
    struct Take {
        BasicDirtyBitmap& map;
        std::uint64_t first;
        std::uint64_t end; // pages
        std::uint64_t budget;
        Visit& visit;
        std::uint64_t taken = 0;
        std::uint64_t next = 0;
        bool stopped = false;

        // Bits [low, high) of a word.
        static constexpr std::uint64_t mask(std::uint64_t low, std::uint64_t high) {
            return (~std::uint64_t{0} << low) & (~std::uint64_t{0} >> (word_bits - high));
        }

        // The words [from, to) of a level; false: the budget is used up.
        bool visit_level(unsigned level, std::uint64_t from, std::uint64_t to) {
            // Pages that a bit stands for: 64^level.
            const unsigned shift = 6 * level;
            const std::uint64_t first_bit = first >> shift;
            const std::uint64_t end_bit = ((end - 1) >> shift) + 1;
            for (std::uint64_t w = std::max(from, first_bit / word_bits);
                 w < to && w * word_bits < end_bit; ++w) {
                const std::uint64_t base = w * word_bits;
                const std::uint64_t inside =
                    mask(std::max(first_bit, base) - base,
                         std::min(end_bit - base, std::uint64_t{word_bits}));
                if (!(level == 0 ? visit_word(w, inside) : visit_below(level, w, inside))) {
                    return false;
                }
            }
            return true;
        }
        bool visit_below(unsigned level, std::uint64_t w, std::uint64_t inside) {
            std::uint64_t& word = map.word(level, w);
            std::uint64_t bits = Words::load(word) & inside;
            while (bits != 0) {
                const std::uint64_t lowest = bits & (~bits + 1);
                bits ^= lowest;
                const std::uint64_t below =
                    w * word_bits + static_cast<unsigned>(std::countr_zero(lowest));
                // Before what is below is taken: who marks there afterwards sets it again.
                Words::clear(word, lowest);
                const bool going_on = visit_level(level - 1, below, below + 1);
                if (Words::load(map.word(level - 1, below)) != 0) {
                    Words::set(word, lowest);
                }
                if (!going_on) {
                    return false;
                }
            }
            return true;
        }
        bool visit_word(std::uint64_t w, std::uint64_t inside) {
            std::uint64_t& word = map.word(0, w);
            if ((Words::load(word) & inside) == 0) {
                return true;
            }
            if (budget == 0) {
                next = std::max(first, w * word_bits);
                stopped = true;
                return false;
            }
            if (budget != Progress::unlimited) {
                --budget;
            }
            std::uint64_t bits = Words::clear(word, inside) & inside;
            while (bits != 0) {
                const auto low = static_cast<unsigned>(std::countr_zero(bits));
                const auto length = static_cast<unsigned>(std::countr_one(bits >> low));
                visit(w * word_bits + low, std::uint64_t{length});
                taken += length;
                bits &= length == word_bits ? 0 : ~(((std::uint64_t{1} << length) - 1) << low);
            }
            return true;
        }
    };

    std::uint64_t pages_;
    unsigned depth_ = 0;
    std::array<std::uint64_t*, max_depth> levels_ = {};
};

using DirtyBitmap = BasicDirtyBitmap<>;

} // namespace twofold
