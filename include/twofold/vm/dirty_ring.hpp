// SPDX-License-Identifier: MIT
// DirtyRing: the pages that one vCPU has written, in the order of its faults, for who harvests
// while it runs. Bounded: a vCPU whose ring is nearly full stops until something has been taken, so
// that nothing is lost.
#pragma once

#include <twofold/arch/address.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace twofold {

// One CPU puts (that of the vCPU), one takes; beside each other, without a lock.
class DirtyRing {
public:
    // `storage`: a power of two of entries, of which `reserve` are kept for what a vCPU may still
    // write after it is told to stop; fewer than there are. Traps else.
    DirtyRing(std::span<Ipa> storage, std::size_t reserve)
        : storage_{storage},
          limit_{storage.size() - reserve} {
        if (!std::has_single_bit(storage.size()) || reserve >= storage.size()) {
            __builtin_trap();
        }
    }

    // Whether the vCPU has to stop until some are taken.
    bool is_full() const { return size() >= limit_; }
    // False: there is no room, and the page is not in the ring.
    [[nodiscard]] bool put(Ipa page) {
        const std::uint64_t at = put_.load(std::memory_order_relaxed);
        if (at - taken_.load(std::memory_order_acquire) == storage_.size()) {
            return false;
        }
        slot(at) = page;
        put_.store(at + 1, std::memory_order_release);
        return true;
    }

    // Calls visit(Ipa) for what is in the ring, oldest first, for `most` entries or as many as
    // there are, and takes them out when all have been visited. Returns how many.
    template <class Visit>
    std::size_t take(Visit&& visit, std::size_t most = ~std::size_t{0}) {
        const std::uint64_t from = taken_.load(std::memory_order_relaxed);
        const std::uint64_t ready = put_.load(std::memory_order_acquire) - from;
        const std::uint64_t end = from + std::min<std::uint64_t>(ready, most);
        for (std::uint64_t i = from; i < end; ++i) {
            visit(Ipa{slot(i)});
        }
        taken_.store(end, std::memory_order_release);
        return static_cast<std::size_t>(end - from);
    }
    // A moment ago, for who neither puts nor takes.
    std::size_t size() const {
        const std::uint64_t taken = taken_.load(std::memory_order_acquire);
        return static_cast<std::size_t>(put_.load(std::memory_order_acquire) - taken);
    }

private:
    Ipa& slot(std::uint64_t at) { return storage_[at & (storage_.size() - 1)]; }

    std::span<Ipa> storage_;
    std::uint64_t limit_;
    std::atomic<std::uint64_t> put_ = 0;
    std::atomic<std::uint64_t> taken_ = 0;
};

} // namespace twofold
