// SPDX-License-Identifier: MIT
// GuestLock: what the embedder locks a guest's memory with (BasicLockable). Held: the time it is
// locked.
#pragma once

#include <concepts>

namespace twofold {

template <class L>
concept GuestLock = requires(L lock) {
    { lock.lock() } -> std::same_as<void>;
    { lock.unlock() } -> std::same_as<void>;
};

template <GuestLock Lock>
class [[nodiscard]] Held {
public:
    explicit Held(Lock& lock) : lock_{lock} { lock_.lock(); }
    ~Held() { lock_.unlock(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

private:
    Lock& lock_;
};

} // namespace twofold
