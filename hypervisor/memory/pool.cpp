// SPDX-License-Identifier: MIT
// The free lists of the pool, one for each power of two.
#include "memory/pool.hpp"

#include <algorithm>
#include <bit>

namespace twofold::hyp {

void MemoryPool::push(std::uint64_t block, unsigned order) {
    auto* free_block = reinterpret_cast<FreeBlock*>(block);
    free_block->next = free_[order];
    free_[order] = free_block;
}

std::uint64_t MemoryPool::pop(unsigned order) {
    FreeBlock* block = free_[order];
    free_[order] = block->next;
    return reinterpret_cast<std::uintptr_t>(block);
}

void MemoryPool::add(MemoryRange range) {
    const LockGuard guard{lock_};
    std::uint64_t start = align_up(range.start, std::uint64_t{1} << smallest);
    const std::uint64_t end = align_down(range.end(), std::uint64_t{1} << smallest);
    while (start < end) {
        unsigned order = largest;
        while (!is_aligned(start, std::uint64_t{1} << order) || end - start < std::uint64_t{1}
                                                                                  << order)
            --order;
        push(start, order);
        start += std::uint64_t{1} << order;
        total_ += std::uint64_t{1} << order;
        free_bytes_ += std::uint64_t{1} << order;
    }
}

std::optional<Pa> MemoryPool::allocate(std::uint64_t size) {
    const auto wanted = static_cast<unsigned>(std::bit_width(size) - 1);
    const LockGuard guard{lock_};
    unsigned order = wanted;
    while (order <= largest && free_[order] == nullptr)
        ++order;
    if (order > largest)
        return std::nullopt;
    const std::uint64_t block = pop(order);
    while (order > wanted) {
        --order;
        push(block + (std::uint64_t{1} << order), order);
    }
    free_bytes_ -= size;
    return Pa{block};
}

void MemoryPool::free(Pa block, std::uint64_t size) {
    const LockGuard guard{lock_};
    push(block.value, static_cast<unsigned>(std::bit_width(size) - 1));
    free_bytes_ += size;
}

std::uint64_t MemoryPool::free_bytes() {
    const LockGuard guard{lock_};
    return free_bytes_;
}

std::size_t subtract(MemoryRange memory, std::span<const MemoryRange> holes,
                     std::span<MemoryRange> result) {
    std::size_t count = 0;
    std::uint64_t at = memory.start;
    while (at < memory.end()) {
        // The hole that covers `at`, or the next one after it.
        std::uint64_t free_until = memory.end();
        std::uint64_t covered_until = at;
        for (const MemoryRange& hole : holes) {
            if (hole.empty() || hole.end() <= at)
                continue;
            if (hole.start <= at)
                covered_until = std::max(covered_until, hole.end());
            else
                free_until = std::min(free_until, hole.start);
        }
        if (covered_until > at) {
            at = covered_until;
            continue;
        }
        if (count < result.size())
            result[count++] = {at, free_until - at};
        at = free_until;
    }
    return count;
}

} // namespace twofold::hyp
