// SPDX-License-Identifier: MIT
// A test-and-set lock. EL2 runs with interrupts masked, so a holder is never interrupted by a
// waiter. It is not fair on purpose: where CPUs are threads of an emulator, handing the lock to a
// waiter that its host has put to sleep would stop all others.
#pragma once

#include <atomic>

namespace twofold::hyp {

inline void cpu_relax() {
#if defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

class Spinlock {
public:
    constexpr Spinlock() = default;
    Spinlock(const Spinlock&) = delete;
    Spinlock& operator=(const Spinlock&) = delete;

    void lock() {
        while (locked_.exchange(true, std::memory_order_acquire)) {
            while (locked_.load(std::memory_order_relaxed))
                cpu_relax();
        }
    }

    void unlock() { locked_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> locked_{false};
};

class [[nodiscard]] LockGuard {
public:
    explicit LockGuard(Spinlock& lock) : lock_{lock} { lock_.lock(); }
    ~LockGuard() { lock_.unlock(); }
    LockGuard(const LockGuard&) = delete;
    LockGuard& operator=(const LockGuard&) = delete;

private:
    Spinlock& lock_;
};

} // namespace twofold::hyp
