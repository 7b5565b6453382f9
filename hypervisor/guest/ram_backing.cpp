// SPDX-License-Identifier: MIT
// Extents of guest memory on demand.
#include "guest/ram_backing.hpp"

#include "memory/contents.hpp"

#include <algorithm>
#include <cstring>

namespace twofold::hyp {

namespace {

Extent extent_of(const ExtentMap::Piece& piece) {
    return {.offset = piece.offset, .pa = *piece.pa, .length = piece.length, .clean = true};
}

} // namespace

bool RamBacking::init(MemoryPool& pool, std::uint64_t size, std::uint64_t extent,
                      std::uint64_t page, bool clean_caches) {
    pool_ = &pool;
    clean_caches_ = clean_caches;
    return map_.init(pool, size, extent, page);
}

std::optional<Pa> RamBacking::allocate_zeroes(std::uint64_t offset, std::uint64_t bytes) {
    // At its old place a part may join its neighbours again.
    auto pa = map_.wanted_place(offset);
    if (!pa || !pool_->allocate_at(*pa, bytes))
        pa = pool_->allocate(bytes);
    if (!pa)
        return std::nullopt;
    zero_contents(*pa, bytes);
    if (clean_caches_)
        clean_contents(*pa, bytes);
    return pa;
}

std::optional<Extent> RamBacking::extent_at(std::uint64_t offset) {
    if (const auto extent = map_.extent(offset))
        return extent->pa ? std::optional{extent_of(*extent)} : std::nullopt;
    const LockGuard guard{lock_};
    const ExtentMap::Piece run = map_.run(offset);
    return run.pa ? std::optional{extent_of(run)} : std::nullopt;
}

std::optional<Extent> RamBacking::take(std::uint64_t offset) {
    if (const auto there = extent_at(offset))
        return there;
    const LockGuard guard{lock_};
    const ExtentMap::Piece piece = map_.piece(offset);
    if (!piece.pa) {
        const auto pa = allocate_zeroes(offset, piece.length);
        if (!pa)
            return std::nullopt;
        map_.set(offset, pa);
        bytes_.fetch_add(piece.length, std::memory_order_relaxed);
    }
    return extent_of(map_.run(offset));
}

BackingAnswer RamBacking::extent(std::uint64_t offset, AccessKind) {
    // What nearly all faults find, made where it is returned.
    if (const auto pa = map_.whole(offset)) [[likely]]
        return Extent{.offset = align_down(offset, extent_size()),
                      .pa = *pa,
                      .length = extent_size(),
                      .clean = true};
    return extent_slowly(offset);
}

BackingAnswer RamBacking::extent_slowly(std::uint64_t offset) {
    const auto extent = take(offset);
    return extent ? BackingAnswer{*extent} : std::unexpected(Unbacked::not_yet);
}

BackingAnswer RamBacking::nearby(std::uint64_t offset) {
    constexpr std::uint64_t small = 64 * KiB; // to be zeroed
    constexpr std::uint64_t plenty = 8;       // a part of the pool that is free
    if (const auto there = extent_at(offset))
        return *there;
    if (extent_size() > small || pool_->free_bytes() < pool_->total_bytes() / plenty)
        return std::unexpected(Unbacked::not_yet);
    return extent_slowly(offset);
}

bool RamBacking::write(std::uint64_t offset, std::span<const std::byte> data) {
    if (offset > size() || data.size() > size() - offset)
        return false;
    while (!data.empty()) {
        const auto extent = take(offset);
        if (!extent)
            return false;
        const std::size_t size =
            std::min<std::uint64_t>(data.size(), extent->offset + extent->length - offset);
        const Pa to = extent->pa_of(offset);
        std::memcpy(reinterpret_cast<std::byte*>(to.value), data.data(), size);
        const Pa first = to.align_down(4 * KiB);
        clean_contents(first, (to + size).align_up(4 * KiB) - first);
        data = data.subspan(size);
        offset += size;
    }
    return true;
}

std::optional<std::uint64_t> RamBacking::peek(std::uint64_t offset) {
    std::uint64_t word = 0;
    if (offset >= size() || !is_aligned(offset, sizeof(word)))
        return std::nullopt;
    const auto extent = extent_at(offset);
    if (!extent)
        return std::nullopt;
    std::memcpy(&word, reinterpret_cast<const std::byte*>(extent->pa_of(offset).value),
                sizeof(word));
    return word;
}

bool RamBacking::looks_zero(std::uint64_t offset) {
    const LockGuard guard{lock_};
    const std::uint64_t page = align_down(offset, page_size());
    const ExtentMap::Piece piece = map_.piece(page);
    return piece.pa && is_zero(piece.pa_of(page), page_size());
}

bool RamBacking::take_back_zeroes(std::uint64_t offset) {
    const LockGuard guard{lock_};
    const std::uint64_t page = align_down(offset, page_size());
    const ExtentMap::Piece piece = map_.piece(page);
    if (!piece.pa)
        return false;
    const Pa pa = piece.pa_of(page);
    // What the guest wrote past the caches, or what it has left in them.
    if (clean_caches_)
        clean_contents(pa, page_size());
    if (!is_zero(pa, page_size()) || !map_.divide(page))
        return false;
    map_.set(page, std::nullopt);
    pool_->free(pa, page_size());
    bytes_.fetch_sub(page_size(), std::memory_order_relaxed);
    return true;
}

bool RamBacking::move(std::uint64_t offset) {
    const LockGuard guard{lock_};
    const std::uint64_t page = align_down(offset, page_size());
    const ExtentMap::Piece piece = map_.piece(page);
    const auto to = piece.pa ? pool_->allocate(page_size()) : std::nullopt;
    if (!to)
        return false;
    if (!map_.divide(page)) {
        pool_->free(*to, page_size());
        return false;
    }
    const Pa from = piece.pa_of(page);
    if (clean_caches_)
        clean_contents(from, page_size());
    copy_contents(from, *to, page_size());
    if (clean_caches_)
        clean_contents(*to, page_size());
    map_.set(page, *to);
    pool_->free(from, page_size());
    return true;
}

void RamBacking::release() {
    const LockGuard guard{lock_};
    map_.clear([this](Pa pa, std::uint64_t bytes) { pool_->free(pa, bytes); });
    bytes_.store(0, std::memory_order_relaxed);
}

} // namespace twofold::hyp
