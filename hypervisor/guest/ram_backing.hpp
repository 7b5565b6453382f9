// SPDX-License-Identifier: MIT
// RamBacking: a guest's memory in extents of one size, taken from the pool when first touched. An
// extent is zeroed, and without FEAT_S2FWB cleaned from the caches, before a guest gets it.
#pragma once

#include "cpu/spinlock.hpp"
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

    // `extent` is a size that the pool has. False if the pool cannot even hold the list of extents.
    bool init(MemoryPool& pool, std::uint64_t size, std::uint64_t extent, bool clean_caches);

    BackingAnswer extent(std::uint64_t offset, AccessKind access) override;

    // Copies to the guest's memory past the guest, and out of the caches. False without memory.
    bool write(std::uint64_t offset, std::span<const std::byte> data);

    // The extent there, if there is one yet; nothing is taken from the pool.
    std::optional<Extent> extent_at(std::uint64_t offset) const;

    // A word of the guest's memory, if there is any yet.
    std::optional<std::uint64_t> peek(std::uint64_t offset) const;

    // Gives all extents back. Nobody can reach them any more.
    void release();

    std::uint64_t extents_in_use() const { return in_use_.load(std::memory_order_relaxed); }
    std::uint64_t extent_size() const { return extent_; }
    std::uint64_t size() const { return size_; }

private:
    std::optional<Pa> take(std::uint64_t number);

    MemoryPool* pool_ = nullptr;
    std::uint64_t size_ = 0;
    std::uint64_t extent_ = 0;
    bool clean_caches_ = false;
    // The PA of each extent, 1 for one that is not there: PAs are aligned.
    std::atomic<std::uint64_t>* extents_ = nullptr;
    std::atomic<std::uint64_t> in_use_{0};
    Spinlock lock_; // of filling an entry
};

} // namespace twofold::hyp
