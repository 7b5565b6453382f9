// SPDX-License-Identifier: MIT
// Extents of guest memory on demand.
#include "guest/ram_backing.hpp"

#include "cpu/cache.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace twofold::hyp {

namespace {

constexpr std::uint64_t absent = 1;

} // namespace

bool RamBacking::init(MemoryPool& pool, std::uint64_t size, std::uint64_t extent,
                      bool clean_caches) {
    pool_ = &pool;
    size_ = size;
    extent_ = extent;
    clean_caches_ = clean_caches;
    const std::uint64_t count = align_up(size, extent) / extent;
    const std::uint64_t bytes = std::bit_ceil(std::max(count * sizeof(*extents_), 4 * KiB));
    const auto list = bytes <= GiB ? pool.allocate(bytes) : std::nullopt;
    if (!list)
        return false;
    extents_ = reinterpret_cast<std::atomic<std::uint64_t>*>(list->value);
    for (std::uint64_t i = 0; i < count; ++i)
        new (&extents_[i]) std::atomic<std::uint64_t>{absent};
    return true;
}

std::optional<Pa> RamBacking::take(std::uint64_t number) {
    std::atomic<std::uint64_t>& entry = extents_[number];
    if (const std::uint64_t pa = entry.load(std::memory_order_acquire); pa != absent)
        return Pa{pa};
    const LockGuard guard{lock_};
    if (const std::uint64_t pa = entry.load(std::memory_order_relaxed); pa != absent)
        return Pa{pa};
    const auto pa = pool_->allocate(extent_);
    if (!pa)
        return std::nullopt;
    zero_pages(pa->value, extent_);
    if (clean_caches_)
        clean_and_invalidate_data_cache(pa->value, extent_);
    in_use_.fetch_add(1, std::memory_order_relaxed);
    entry.store(pa->value, std::memory_order_release);
    return pa;
}

BackingAnswer RamBacking::extent(std::uint64_t offset, AccessKind) {
    const std::uint64_t number = offset / extent_;
    const auto pa = take(number);
    if (!pa)
        return std::unexpected(Unbacked::not_yet);
    return Extent{.offset = number * extent_, .pa = *pa, .length = extent_, .clean = true};
}

bool RamBacking::write(std::uint64_t offset, std::span<const std::byte> data) {
    if (offset > size_ || data.size() > size_ - offset)
        return false;
    while (!data.empty()) {
        const auto pa = take(offset / extent_);
        if (!pa)
            return false;
        const std::uint64_t inside = offset % extent_;
        const std::size_t size = std::min<std::uint64_t>(data.size(), extent_ - inside);
        std::memcpy(reinterpret_cast<std::byte*>(pa->value + inside), data.data(), size);
        clean_data_cache(pa->value + inside, size);
        data = data.subspan(size);
        offset += size;
    }
    return true;
}

std::optional<Extent> RamBacking::extent_at(std::uint64_t offset) const {
    const std::uint64_t number = offset / extent_;
    const std::uint64_t pa = extents_[number].load(std::memory_order_acquire);
    if (pa == absent)
        return std::nullopt;
    return Extent{.offset = number * extent_, .pa = Pa{pa}, .length = extent_, .clean = true};
}

std::optional<std::uint64_t> RamBacking::peek(std::uint64_t offset) const {
    std::uint64_t word = 0;
    if (offset >= size_ || !is_aligned(offset, sizeof(word)))
        return std::nullopt;
    const std::uint64_t pa = extents_[offset / extent_].load(std::memory_order_acquire);
    if (pa == absent)
        return std::nullopt;
    std::memcpy(&word, reinterpret_cast<const std::byte*>(pa + offset % extent_), sizeof(word));
    return word;
}

void RamBacking::release() {
    const std::uint64_t count = align_up(size_, extent_) / extent_;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t pa = extents_[i].exchange(absent, std::memory_order_acq_rel);
        if (pa != absent)
            pool_->free(Pa{pa}, extent_);
    }
    in_use_.store(0, std::memory_order_relaxed);
}

} // namespace twofold::hyp
