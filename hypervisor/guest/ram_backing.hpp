// SPDX-License-Identifier: MIT
// RamBacking: a guest's memory in extents of one size, taken from the pool when first touched. An
// extent is zeroed, and without FEAT_S2FWB cleaned from the caches, before a guest gets it. Single
// pages of it can be taken away or moved, while nobody can reach them.
#pragma once

#include "cpu/spinlock.hpp"
#include "guest/extent_map.hpp"
#include "memory/pool.hpp"

#include <twofold/vm/backing.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace twofold::hyp {

class RamBacking final : public Backing {
public:
    constexpr RamBacking() = default;

    // `extent` and `page` are sizes that the pool has. False if the pool cannot even hold the list
    // of extents.
    bool init(MemoryPool& pool, std::uint64_t size, std::uint64_t extent, std::uint64_t page,
              bool clean_caches);

    BackingAnswer extent(std::uint64_t offset, AccessKind access) override;
    // What is there; or small extents, as long as the pool has plenty.
    BackingAnswer nearby(std::uint64_t offset) override;

    // The extent there, if there is one yet; nothing is taken from the pool.
    std::optional<Extent> extent_at(std::uint64_t offset);

    // Copies to the guest's memory past the guest, and out of the caches. False without memory.
    bool write(std::uint64_t offset, std::span<const std::byte> data);

    // A word of the guest's memory, if there is any yet.
    std::optional<std::uint64_t> peek(std::uint64_t offset);

    // For a page that the guest has or had, whose memory nobody can reach until the call returns:
    // takes it back if there is nothing but zeroes in it, and will be again when it is touched;
    bool take_back_zeroes(std::uint64_t offset);
    // or gives it other memory with the same content. False: nothing was changed.
    bool move(std::uint64_t offset);
    // A look without a promise: whether it could be worth the effort to take it back.
    bool looks_zero(std::uint64_t offset);

    // Gives all extents back. Nobody can reach them any more.
    void release();

    // Bytes of memory that the guest has, and as extents.
    std::uint64_t bytes_in_use() const { return bytes_.load(std::memory_order_relaxed); }
    std::uint64_t extents_in_use() const {
        return (bytes_in_use() + extent_size() - 1) / extent_size();
    }
    std::uint64_t extent_size() const { return map_.extent_size(); }
    std::uint64_t page_size() const { return map_.page_size(); }
    std::uint64_t size() const { return map_.size(); }

private:
    [[gnu::noinline]] BackingAnswer extent_slowly(std::uint64_t offset);
    std::optional<Extent> take(std::uint64_t offset);
    std::optional<Pa> allocate_zeroes(std::uint64_t offset, std::uint64_t bytes);

    MemoryPool* pool_ = nullptr;
    bool clean_caches_ = false;
    ExtentMap map_;
    std::atomic<std::uint64_t> bytes_{0};
    Spinlock lock_; // around the map, but for looking at extents that are not divided
};

} // namespace twofold::hyp
