// SPDX-License-Identifier: MIT
// Gate: where one thread stops until another lets it go on.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace twofold::test {

class Gate {
public:
    void pass() {
        reached_.store(true);
        while (!open_.load()) {
            std::this_thread::yield();
        }
    }
    void open() { open_.store(true); }
    // Until somebody stands before it. False: nobody comes.
    bool wait() {
        return wait_for([&] { return reached_.load(); });
    }

    // Until it holds, for a while.
    template <class Condition>
    static bool wait_for(Condition&& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::yield();
        }
        return true;
    }

private:
    std::atomic<bool> reached_ = false;
    std::atomic<bool> open_ = false;
};

} // namespace twofold::test
