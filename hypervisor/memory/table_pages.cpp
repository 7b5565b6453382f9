// SPDX-License-Identifier: MIT
// Allocation of table memory, and how much of it there was at most.
#include "memory/table_pages.hpp"

#include "cpu/cache.hpp"

namespace twofold::hyp {

std::optional<Pa> TablePages::allocate(std::uint64_t bytes) {
    const auto pages = pool_->allocate(bytes);
    if (!pages)
        return std::nullopt;
    zero_pages(pages->value, bytes);
    const std::uint64_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::uint64_t most = most_bytes_.load(std::memory_order_relaxed);
    while (most < now && !most_bytes_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
    }
    return pages;
}

void TablePages::free(Pa pages, std::uint64_t bytes) {
    pool_->free(pages, bytes);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

} // namespace twofold::hyp
