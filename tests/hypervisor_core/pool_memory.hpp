// SPDX-License-Identifier: MIT
// PoolMemory: memory of the host for a pool.
#pragma once

#include "memory/pool.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>

namespace twofold::hyp {

// 16 MiB, aligned to itself and full of something.
class PoolMemory {
public:
    static constexpr std::uint64_t size = 16 * MiB;

    PoolMemory() { std::memset(memory_.get(), 0xa5, size); }

    std::uint64_t base() const { return reinterpret_cast<std::uintptr_t>(memory_.get()); }
    MemoryRange range() const { return {base(), size}; }

private:
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };
    std::unique_ptr<void, Free> memory_{std::aligned_alloc(size, size)};
};

} // namespace twofold::hyp
