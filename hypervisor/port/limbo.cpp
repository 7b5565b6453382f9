// SPDX-License-Identifier: MIT
// The list through the tables that wait.
#include "port/limbo.hpp"

namespace twofold::hyp {

void Limbo::add(Pa pa, std::uint64_t bytes, std::uint64_t stamp) {
    const LockGuard guard{lock_};
    set(pa.value, next_word, 0);
    set(pa.value, stamp_word, stamp << mark_bits);
    set(pa.value, size_word, bytes);
    if (last_ != 0)
        set(last_, next_word, pa.value);
    else
        first_ = pa.value;
    last_ = pa.value;
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

Limbo::Block Limbo::take_first() {
    const Block block{.pa = Pa{first_}, .bytes = word(first_, size_word) & ~mark};
    first_ = word(first_, next_word) & ~mark;
    if (first_ == 0)
        last_ = 0;
    bytes_.store(bytes_.load(std::memory_order_relaxed) - block.bytes, std::memory_order_relaxed);
    return block;
}

} // namespace twofold::hyp
