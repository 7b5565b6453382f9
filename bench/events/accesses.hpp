// SPDX-License-Identifier: MIT
// The accesses that are measured, one instruction each, and loops without them.
#pragma once

#include "events.hpp"
#include "ticks.hpp"

#include <cstdint>

namespace twofold::bench {

inline void store(std::uint64_t address) {
    asm volatile("str xzr, [%0]" ::"r"(address) : "memory");
}
inline void load(std::uint64_t address) {
    std::uint64_t value = 0;
    asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
}
inline void call(std::uint64_t address) { asm volatile("blr %0" ::"r"(address) : "x30", "memory"); }
inline void nothing(std::uint64_t address) { asm volatile("" ::"r"(address) : "memory"); }
// As long as a call to where there is only a return.
inline void call_here(std::uint64_t address) {
    asm volatile("add %0, %0, #0\n\tadd %0, %0, #0" : "+r"(address)::"memory");
}

// `access` at `start`, start + stride, ...
template <auto access, auto empty = nothing>
Measurement measure_accesses(std::uint64_t start, std::uint64_t stride, std::uint64_t count) {
    return {.repetitions = count,
            .ticks = ticks_of(count, [=](std::uint64_t n) { access(start + n * stride); }),
            .empty_ticks = ticks_of(count, [=](std::uint64_t n) { empty(start + n * stride); })};
}

} // namespace twofold::bench
