// SPDX-License-Identifier: MIT
// What something takes by the virtual counter. Under `qemu -icount shift=0` an instruction is a
// nanosecond, so that a tick is a fixed number of instructions, and repetitions give the rest.
#pragma once

#include "cpu/sysreg.hpp"

#include <cstdint>

namespace twofold::bench {

inline std::uint64_t counter_now() {
    hyp::isb();
    return TWOFOLD_READ_SYSREG(CNTVCT_EL0);
}

// Of `event` with 0, 1, ... count - 1.
template <typename Event>
[[gnu::noinline]] std::uint64_t ticks_of(std::uint64_t count, Event event) {
    const std::uint64_t before = counter_now();
    for (std::uint64_t n = 0; n < count; ++n) {
        event(n);
        asm volatile("" ::: "memory");
    }
    return counter_now() - before;
}

// Of `event` alone, each time behind a `prepare` that does not count.
template <typename Prepare, typename Event>
[[gnu::noinline]] std::uint64_t ticks_between(std::uint64_t count, Prepare prepare, Event event) {
    std::uint64_t ticks = 0;
    for (std::uint64_t n = 0; n < count; ++n) {
        prepare();
        // A tick begins somewhere else each time.
        for (std::uint64_t i = 0; i < n % 16; ++i)
            asm volatile("nop");
        const std::uint64_t before = counter_now();
        event(n);
        ticks += counter_now() - before;
    }
    return ticks;
}

} // namespace twofold::bench
