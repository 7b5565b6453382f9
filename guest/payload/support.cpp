// SPDX-License-Identifier: MIT
// What the compiler and libfdt expect of a run-time system.
#include "print.hpp"
#include "psci.hpp"

#include <cstddef>

namespace {

[[noreturn]] void die(const char* why) {
    twofold::payload::print("PAYLOAD: FAIL {}\nTWOFOLD-GUEST: fail\n", why);
    twofold::payload::power_off();
}

} // namespace

extern "C" {

std::uintptr_t __stack_chk_guard = 0xff0a0d00'a55a9669;

[[noreturn]] void __stack_chk_fail() { die("a stack buffer was overrun"); }
[[noreturn]] void __cxa_pure_virtual() { die("a pure virtual call"); }
[[noreturn]] void abort() { die("abort"); }
}

namespace std {

void __throw_out_of_range_fmt(const char*, ...) { die("an index was out of range"); }

} // namespace std

void operator delete(void*) noexcept { die("operator delete was called"); }
void operator delete(void*, std::size_t) noexcept { die("operator delete was called"); }
