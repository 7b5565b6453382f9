// SPDX-License-Identifier: MIT
// ExtentMap: which memory a guest has where: extents of one size, of which any can be divided down
// to pages that lie anywhere.
//
//   list      [ PA | absent | divided | ... ]     an entry for each extent
//                                 |
//   parts               [ PA | PA | divided | absent ... ]    512 at most
//                                      |
//   pages                      [ PA | absent | PA ... ]
//
// Parts that lie behind each other as a whole again become the extent that they were.
#pragma once

#include "memory/pool.hpp"

#include <twofold/arch/address.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace twofold::hyp {

class ExtentMap {
public:
    // A part of the memory, in one piece; without a PA there is nothing yet.
    struct Piece {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::optional<Pa> pa;

        Pa pa_of(std::uint64_t at) const { return *pa + (at - offset); }
        bool operator==(const Piece&) const = default;
    };

    constexpr ExtentMap() = default;

    // `extent` and `page` are sizes that the pool has. False: no memory for the list.
    bool init(MemoryPool& pool, std::uint64_t size, std::uint64_t extent, std::uint64_t page);

    std::uint64_t size() const { return size_; }
    std::uint64_t extent_size() const { return extent_; }
    std::uint64_t page_size() const { return page_; }

    // The extent around `offset`; empty if it is divided. Beside everything; but the answer may be
    // out of date at once, unless it is kept from changing.
    std::optional<Piece> extent(std::uint64_t offset) const;

    // Where that extent is, if it is not divided and there is memory for it. As extent().
    std::optional<Pa> whole(std::uint64_t offset) const {
        const std::uint64_t value = load(list_[offset / extent_]);
        return (value & (absent | divided)) == 0 ? std::optional{Pa{value}} : std::nullopt;
    }

    // What follows is for one CPU at a time.

    // What is not divided further, around `offset`.
    Piece piece(std::uint64_t offset) const;
    // The same with all its neighbours in the division whose memory follows its own.
    Piece run(std::uint64_t offset) const;
    // Where the memory of the piece around `offset` would continue that of a neighbour.
    std::optional<Pa> wanted_place(std::uint64_t offset) const;
    // The piece around `offset` has this memory from now on, or none.
    void set(std::uint64_t offset, std::optional<Pa> pa);
    // Divides what is around `offset` until its piece is a page. False: no memory to do it, and it
    // may be divided in part.
    bool divide(std::uint64_t offset);
    // Calls visit(Pa, std::uint64_t bytes) for all memory, and has none afterwards.
    template <typename Visit>
    void clear(Visit&& visit) {
        const std::uint64_t extents = align_up(size_, extent_) / extent_;
        for (std::uint64_t i = 0; i < extents; ++i)
            clear_entry(list_[i], extent_, visit);
    }

private:
    using Entry = std::atomic<std::uint64_t>;
    static constexpr std::uint64_t absent = 1; // PAs are aligned
    static constexpr std::uint64_t divided = 2;
    static constexpr unsigned deepest = 3; // of 1 GiB by 512 to 4 KiB: levels 0 to 2
    static constexpr std::uint64_t most_parts = 512;

    // An entry and its division.
    struct Spot {
        Entry* array = nullptr;
        std::uint64_t count = 0;
        std::uint64_t index = 0;
        std::uint64_t size = 0; // bytes that an entry covers

        Entry& entry() const { return array[index]; }
    };
    struct Path {
        std::array<Spot, deepest> spots;
        unsigned depth = 0; // of the last

        const Spot& last() const { return spots[depth]; }
    };

    static std::uint64_t load(const Entry& entry) { return entry.load(std::memory_order_acquire); }
    static void store(Entry& entry, std::uint64_t value) {
        entry.store(value, std::memory_order_release);
    }
    static bool is_divided(std::uint64_t value) { return (value & divided) != 0; }
    static Entry* parts_of(std::uint64_t value) {
        return reinterpret_cast<Entry*>(value & ~divided);
    }
    std::uint64_t part_size(std::uint64_t size) const {
        return size / most_parts > page_ ? size / most_parts : page_;
    }
    Path walk(std::uint64_t offset) const;
    bool is_whole(const Spot& spot) const;

    template <typename Visit>
    void clear_entry(Entry& entry, std::uint64_t size, Visit& visit) {
        const std::uint64_t value = load(entry);
        store(entry, absent);
        if (value == absent)
            return;
        if (!is_divided(value)) {
            visit(Pa{value}, size);
            return;
        }
        const std::uint64_t part = part_size(size);
        for (std::uint64_t i = 0; i < size / part; ++i)
            clear_entry(parts_of(value)[i], part, visit);
        pool_->free(Pa{value & ~divided}, array_bytes);
    }
    static constexpr std::uint64_t array_bytes = most_parts * sizeof(std::uint64_t);

    MemoryPool* pool_ = nullptr;
    Entry* list_ = nullptr;
    std::uint64_t size_ = 0;
    std::uint64_t extent_ = 0;
    std::uint64_t page_ = 0;
};

} // namespace twofold::hyp
