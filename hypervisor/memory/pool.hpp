// SPDX-License-Identifier: MIT
// MemoryPool: the machine's free memory, in naturally aligned blocks of a power of two.
//
// A free block holds its list's links, so the pool has no limit of its own. A larger block is split
// when no block of the size is free; the smallest that will do is taken, so that 1 GiB blocks last.
// A block that is given back joins the other half of the block that it was split from, if that is
// free, and so on upwards.
#pragma once

#include "boot/boot_tree.hpp"
#include "cpu/spinlock.hpp"

#include <twofold/arch/address.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace twofold::hyp {

class MemoryPool {
public:
    static constexpr unsigned smallest = 12; // log2
    static constexpr unsigned largest = 30;

    constexpr MemoryPool() = default;

    // Takes a range of memory that EL2 has mapped; parts of pages at its ends are left out.
    void add(MemoryRange range);

    // Once, after all ranges are there: takes a byte for each page from the pool, to know where
    // free blocks begin. Without it, and with false, blocks stay as they are given back.
    bool track();

    // `size` is a power of two from 4 KiB to 1 GiB; the content is whatever it was.
    std::optional<Pa> allocate(std::uint64_t size);
    // This very block, which is aligned to its size; false if any of it is in use.
    bool allocate_at(Pa block, std::uint64_t size);
    void free(Pa block, std::uint64_t size);

    std::uint64_t total_bytes() const { return total_; }
    std::uint64_t free_bytes();

private:
    struct FreeBlock {
        FreeBlock* next;
        FreeBlock* previous;
    };
    // Memory that was added in one piece. For each page the order of the free block that begins
    // there, or 0.
    struct Region {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        std::uint8_t* orders = nullptr;
    };
    // The memory of further ones is never joined.
    static constexpr std::size_t most_regions = 32;

    std::uint8_t* order_at(std::uint64_t block);
    bool is_free(std::uint64_t block, unsigned order);
    void push(std::uint64_t block, unsigned order);
    void remove(std::uint64_t block, unsigned order);

    Spinlock lock_;
    std::array<FreeBlock*, largest + 1> free_{};
    std::array<Region, most_regions> regions_{};
    std::size_t region_count_ = 0;
    std::uint64_t total_ = 0;
    std::uint64_t free_bytes_ = 0;
};

// What is left of `memory` without `holes`, each as its own range in `result`; returns how many.
// Ranges that do not fit into `result` are lost.
std::size_t subtract(MemoryRange memory, std::span<const MemoryRange> holes,
                     std::span<MemoryRange> result);

} // namespace twofold::hyp
