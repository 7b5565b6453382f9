// SPDX-License-Identifier: MIT
// What the compiler and the libraries expect of a run-time system.
#include "runtime/support.hpp"

#include "runtime/panic.hpp"

#include <cstdint>

// The names are those that the compiler and the libraries use.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {

// libgcc's out-of-line atomics look here on every call; set at boot from ID_AA64ISAR0_EL1.
[[gnu::visibility("hidden")]] bool __aarch64_have_lse_atomics = false;

// libfdt comes compiled with stack protection. It only ever reads trees of the boot loader and
// writes one of ours, so a fixed value that no text contains is enough.
[[gnu::visibility("hidden")]] std::uintptr_t __stack_chk_guard = 0xff0a0d00'a55a9669;

[[noreturn]] void __stack_chk_fail() { twofold::hyp::panic("a stack buffer was overrun\n"); }

[[noreturn]] void __cxa_pure_virtual() { twofold::hyp::panic("a pure virtual call\n"); }
}

namespace std {

// libstdc++'s checks lead here, among them string_view's range checks.
[[gnu::noreturn]] void __throw_out_of_range_fmt(const char*, ...) {
    twofold::hyp::panic("an index was out of range\n");
}

} // namespace std

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace twofold::hyp {

void use_lse_atomics(bool available) { __aarch64_have_lse_atomics = available; }

} // namespace twofold::hyp

// Nothing here is created with new, so these are never called; tables of virtual functions refer to
// them.
void operator delete(void*) noexcept { twofold::hyp::panic("operator delete was called\n"); }
void operator delete(void*, std::size_t) noexcept {
    twofold::hyp::panic("operator delete was called\n");
}
