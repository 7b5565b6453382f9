// SPDX-License-Identifier: MIT
// Fibers: threads of control that run one at a time and change over only where they say so, so that
// a test decides in which order they do what.
#pragma once

#include <ucontext.h>

#include <csetjmp>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace twofold::test {

class Fibers {
public:
    static constexpr unsigned none = ~0U;

    explicit Fibers(unsigned count);
    Fibers(const Fibers&) = delete;
    Fibers& operator=(const Fibers&) = delete;

    // All from their beginning. What has not finished is forgotten: no destructor runs on its
    // stack, so a body must not own anything outside it.
    void start(std::function<void(unsigned)> body);
    // Runs a fiber to its next pause() or to its end.
    void resume(unsigned fiber);
    // Of the fiber that runs: goes back to who resumed it.
    void pause();

    unsigned count() const { return static_cast<unsigned>(fibers_.size()); }
    bool finished(unsigned fiber) const { return fibers_[fiber].finished; }
    unsigned running() const { return running_; }

private:
    struct Fiber {
        ucontext_t context = {}; // of its first step
        jmp_buf paused = {};     // after that: without a system call for each change
        bool started = false;
        std::unique_ptr<std::byte[]> stack = {};
        void* fake_stack = nullptr; // the address sanitizer's
        bool finished = false;
    };
    static void enter(unsigned high, unsigned low);
    void run();

    std::vector<Fiber> fibers_;
    std::function<void(unsigned)> body_;
    jmp_buf scheduler_ = {};
    void* scheduler_fake_stack_ = nullptr;
    const void* scheduler_stack_ = nullptr;
    std::size_t scheduler_stack_size_ = 0;
    unsigned running_ = none;
};

} // namespace twofold::test
