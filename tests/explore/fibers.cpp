// SPDX-License-Identifier: MIT
#include "fibers.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define TWOFOLD_FIBERS_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TWOFOLD_FIBERS_UNDER_ASAN 1
#endif
#endif

#ifdef TWOFOLD_FIBERS_UNDER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace twofold::test {

namespace {

constexpr std::size_t stack_size = std::size_t{256} * 1024;

// The address sanitizer wants to know on which stack it is, and a stack that is used again still
// has its marks.
#ifdef TWOFOLD_FIBERS_UNDER_ASAN
void leave_stack(void** fake, const void* to, std::size_t size) {
    __sanitizer_start_switch_fiber(fake, to, size);
}
void arrive(void* fake, const void** from, std::size_t* size) {
    __sanitizer_finish_switch_fiber(fake, from, size);
}
void wipe(void* stack) { __asan_unpoison_memory_region(stack, stack_size); }
#else
void leave_stack(void** /*fake*/, const void* /*to*/, std::size_t /*size*/) {}
void arrive(void* /*fake*/, const void** /*from*/, std::size_t* /*size*/) {}
void wipe(void* /*stack*/) {}
#endif

} // namespace

Fibers::Fibers(unsigned count) : fibers_(count) {
    for (Fiber& fiber : fibers_) {
        fiber.stack = std::make_unique_for_overwrite<std::byte[]>(stack_size);
    }
}

void Fibers::start(std::function<void(unsigned)> body) {
    body_ = std::move(body);
    for (Fiber& fiber : fibers_) {
        wipe(fiber.stack.get());
        fiber.started = fiber.finished = false;
        fiber.fake_stack = nullptr;
        if (getcontext(&fiber.context) != 0) {
            std::perror("getcontext");
            std::abort();
        }
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = stack_size;
        fiber.context.uc_link = nullptr;
        // makecontext() passes ints only.
        const auto self = reinterpret_cast<std::uintptr_t>(this);
        makecontext(&fiber.context, reinterpret_cast<void (*)()>(&Fibers::enter), 2,
                    static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
    }
}

void Fibers::enter(unsigned high, unsigned low) {
    auto* fibers = reinterpret_cast<Fibers*>((static_cast<std::uintptr_t>(high) << 32) | low);
    arrive(nullptr, &fibers->scheduler_stack_, &fibers->scheduler_stack_size_);
    fibers->run();
}

void Fibers::run() {
    body_(running_);
    fibers_[running_].finished = true;
    pause(); // for good
}

void Fibers::resume(unsigned fiber) {
    running_ = fiber;
    leave_stack(&scheduler_fake_stack_, fibers_[fiber].stack.get(), stack_size);
    if (_setjmp(scheduler_) == 0) {
        if (!std::exchange(fibers_[fiber].started, true)) {
            setcontext(&fibers_[fiber].context);
        }
        _longjmp(fibers_[fiber].paused, 1);
    }
    arrive(scheduler_fake_stack_, nullptr, nullptr);
    running_ = none;
}

void Fibers::pause() {
    Fiber& fiber = fibers_[running_];
    leave_stack(fiber.finished ? nullptr : &fiber.fake_stack, scheduler_stack_,
                scheduler_stack_size_);
    if (_setjmp(fiber.paused) == 0) {
        _longjmp(scheduler_, 1);
    }
    arrive(fibers_[running_].fake_stack, &scheduler_stack_, &scheduler_stack_size_);
}

} // namespace twofold::test
