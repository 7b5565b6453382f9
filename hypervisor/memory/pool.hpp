// SPDX-License-Identifier: MIT
// MemoryPool: the machine's free memory, in naturally aligned blocks of a power of two.
//
// A free block holds its list's link, so the pool has no limit of its own. A larger block is split
// when no block of the size is free; the smallest that will do is taken, so that 1 GiB blocks last.
// Blocks are not merged again: a guest that starts anew asks for the sizes that it gave back.
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

    // `size` is a power of two from 4 KiB to 1 GiB; the content is whatever it was.
    std::optional<Pa> allocate(std::uint64_t size);
    void free(Pa block, std::uint64_t size);

    std::uint64_t total_bytes() const { return total_; }
    std::uint64_t free_bytes();

private:
    struct FreeBlock {
        FreeBlock* next;
    };

    void push(std::uint64_t block, unsigned order);
    std::uint64_t pop(unsigned order);

    Spinlock lock_;
    std::array<FreeBlock*, largest + 1> free_{};
    std::uint64_t total_ = 0;
    std::uint64_t free_bytes_ = 0;
};

// What is left of `memory` without `holes`, each as its own range in `result`; returns how many.
// Ranges that do not fit into `result` are lost.
std::size_t subtract(MemoryRange memory, std::span<const MemoryRange> holes,
                     std::span<MemoryRange> result);

} // namespace twofold::hyp
