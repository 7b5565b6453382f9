// SPDX-License-Identifier: MIT
// Limbo: tables that no walker can reach any more, until no CPU can hold their addresses.
//
// They wait in the order in which they came, threaded through their own descriptors 1 to 3:
// whoever still looks there finds entries that are broken, and asks again. Descriptor 0 belongs to
// the engine, and all others stay as they were.
#pragma once

#include "cpu/spinlock.hpp"

#include <twofold/arch/address.hpp>

#include <cstdint>
#include <optional>

namespace twofold::hyp {

class Limbo {
public:
    struct Block {
        Pa pa;
        std::uint64_t bytes = 0;
    };

    constexpr Limbo() = default;

    // `bytes`: a power of two of at least 4 KiB. `stamp`: from Quiescence, after it was unlinked.
    void add(Pa pa, std::uint64_t bytes, std::uint64_t stamp);

    // The block that has waited longest, if passed(stamp) says that its time is over.
    template <typename Passed>
    std::optional<Block> take(Passed&& passed) {
        const LockGuard guard{lock_};
        if (first_ == 0 || !passed(word(first_, stamp_word) >> mark_bits))
            return std::nullopt;
        return take_first();
    }

    std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

private:
    static constexpr unsigned next_word = 1;
    static constexpr unsigned stamp_word = 2;
    static constexpr unsigned size_word = 3;
    // [1:0] = 10: a broken entry, which only its owner leaves. Sizes and addresses have none of
    // these bits.
    static constexpr std::uint64_t mark = 0b10;
    static constexpr unsigned mark_bits = 2;

    static std::uint64_t& word(std::uint64_t block, unsigned index) {
        return reinterpret_cast<std::uint64_t*>(block)[index];
    }
    static void set(std::uint64_t block, unsigned index, std::uint64_t value) {
        __atomic_store_n(&word(block, index), value | mark, __ATOMIC_RELAXED);
    }
    Block take_first();

    Spinlock lock_;
    std::uint64_t first_ = 0; // 0: there is none
    std::uint64_t last_ = 0;
    std::atomic<std::uint64_t> bytes_{0};
};

} // namespace twofold::hyp
