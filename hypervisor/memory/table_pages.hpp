// SPDX-License-Identifier: MIT
// TablePages: zeroed pages for stage-2 tables, out of the pool.
#pragma once

#include "memory/pool.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace twofold::hyp {

class TablePages {
public:
    constexpr TablePages() = default;

    void init(MemoryPool& pool) { pool_ = &pool; }

    // `bytes` is a power of two, 4 KiB or more; the memory is aligned to it.
    std::optional<Pa> allocate(std::uint64_t bytes);
    void free(Pa pages, std::uint64_t bytes);

    std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    std::uint64_t most_bytes() const { return most_bytes_.load(std::memory_order_relaxed); }

private:
    MemoryPool* pool_ = nullptr;
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<std::uint64_t> most_bytes_{0};
};

} // namespace twofold::hyp
