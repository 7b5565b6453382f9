// SPDX-License-Identifier: MIT
// Counter: counted from many CPUs at once; orders nothing. OwnCounter: counted by one thread of
// control, and read by all.
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

class OwnCounter {
public:
    OwnCounter() = default;
    OwnCounter(const OwnCounter& other) : value_{other.value()} {}
    OwnCounter& operator=(const OwnCounter&) = delete;

    void add(std::uint64_t amount = 1) {
        value_.store(value() + amount, std::memory_order_relaxed);
    }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

} // namespace twofold
