// SPDX-License-Identifier: MIT
// Counter: counted from many CPUs at once; orders nothing.
#pragma once

#include <atomic>
#include <cstdint>

namespace twofold {

class Counter {
public:
    void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
    void subtract(std::uint64_t amount = 1) { value_.fetch_sub(amount, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

} // namespace twofold
