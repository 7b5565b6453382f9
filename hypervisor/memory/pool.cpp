// SPDX-License-Identifier: MIT
// The free lists of the pool, one for each power of two.
#include "memory/pool.hpp"

#include <algorithm>
#include <bit>

namespace twofold::hyp {

namespace {

constexpr std::uint64_t bytes_of(unsigned order) { return std::uint64_t{1} << order; }
constexpr unsigned order_of(std::uint64_t size) {
    return static_cast<unsigned>(std::bit_width(size) - 1);
}

} // namespace

std::uint8_t* MemoryPool::order_at(std::uint64_t block) {
    for (std::size_t i = 0; i < region_count_; ++i) {
        const Region& region = regions_[i];
        if (block >= region.start && block < region.end)
            return region.orders != nullptr ? &region.orders[(block - region.start) >> smallest]
                                            : nullptr;
    }
    return nullptr;
}

bool MemoryPool::is_free(std::uint64_t block, unsigned order) {
    const std::uint8_t* const at = order_at(block);
    return at != nullptr && *at == order;
}

void MemoryPool::push(std::uint64_t block, unsigned order) {
    auto* const free_block = reinterpret_cast<FreeBlock*>(block);
    *free_block = {.next = free_[order], .previous = nullptr};
    if (free_[order] != nullptr)
        free_[order]->previous = free_block;
    free_[order] = free_block;
    if (std::uint8_t* const at = order_at(block))
        *at = static_cast<std::uint8_t>(order);
}

void MemoryPool::remove(std::uint64_t block, unsigned order) {
    const FreeBlock& links = *reinterpret_cast<const FreeBlock*>(block);
    if (links.previous != nullptr)
        links.previous->next = links.next;
    else
        free_[order] = links.next;
    if (links.next != nullptr)
        links.next->previous = links.previous;
    if (std::uint8_t* const at = order_at(block))
        *at = 0;
}

void MemoryPool::add(MemoryRange range) {
    const LockGuard guard{lock_};
    std::uint64_t start = align_up(range.start, bytes_of(smallest));
    const std::uint64_t end = align_down(range.end(), bytes_of(smallest));
    if (start < end && region_count_ < most_regions)
        regions_[region_count_++] = {.start = start, .end = end, .orders = nullptr};
    while (start < end) {
        unsigned order = largest;
        while (!is_aligned(start, bytes_of(order)) || end - start < bytes_of(order))
            --order;
        push(start, order);
        start += bytes_of(order);
        total_ += bytes_of(order);
        free_bytes_ += bytes_of(order);
    }
}

bool MemoryPool::track() {
    std::uint64_t pages = 0;
    for (std::size_t i = 0; i < region_count_; ++i)
        pages += (regions_[i].end - regions_[i].start) >> smallest;
    const std::uint64_t bytes = std::bit_ceil(std::max(pages, bytes_of(smallest)));
    const auto map = bytes <= bytes_of(largest) ? allocate(bytes) : std::nullopt;
    if (!map)
        return false;
    auto* at = reinterpret_cast<std::uint8_t*>(map->value);
    std::fill_n(at, bytes, std::uint8_t{0});
    const LockGuard guard{lock_};
    for (std::size_t i = 0; i < region_count_; ++i) {
        regions_[i].orders = at;
        at += (regions_[i].end - regions_[i].start) >> smallest;
    }
    for (unsigned order = smallest; order <= largest; ++order) {
        for (const FreeBlock* block = free_[order]; block != nullptr; block = block->next) {
            if (std::uint8_t* const head = order_at(reinterpret_cast<std::uintptr_t>(block)))
                *head = static_cast<std::uint8_t>(order);
        }
    }
    return true;
}

std::optional<Pa> MemoryPool::allocate(std::uint64_t size) {
    const unsigned wanted = order_of(size);
    const LockGuard guard{lock_};
    unsigned order = wanted;
    while (order <= largest && free_[order] == nullptr)
        ++order;
    if (order > largest)
        return std::nullopt;
    const auto block = reinterpret_cast<std::uintptr_t>(free_[order]);
    remove(block, order);
    while (order > wanted) {
        --order;
        push(block + bytes_of(order), order);
    }
    free_bytes_ -= size;
    return Pa{block};
}

bool MemoryPool::allocate_at(Pa block, std::uint64_t size) {
    const unsigned wanted = order_of(size);
    const LockGuard guard{lock_};
    for (unsigned order = wanted; order <= largest; ++order) {
        std::uint64_t from = align_down(block.value, bytes_of(order));
        if (!is_free(from, order))
            continue;
        remove(from, order);
        while (order > wanted) {
            --order;
            // The half that is not wanted stays free.
            const std::uint64_t middle = from + bytes_of(order);
            push(block.value < middle ? middle : from, order);
            from = block.value < middle ? from : middle;
        }
        free_bytes_ -= size;
        return true;
    }
    return false;
}

void MemoryPool::free(Pa block, std::uint64_t size) {
    const LockGuard guard{lock_};
    std::uint64_t at = block.value;
    unsigned order = order_of(size);
    while (order < largest && is_free(at ^ bytes_of(order), order)) {
        remove(at ^ bytes_of(order), order);
        at = align_down(at, bytes_of(order + 1));
        ++order;
    }
    push(at, order);
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
