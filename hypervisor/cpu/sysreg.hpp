// SPDX-License-Identifier: MIT
// System registers and barriers. A register is named as the assembler knows it; those newer than
// Armv8.0 by their encoding S<op0>_<op1>_C<n>_C<m>_<op2>, so that any assembler takes them.
#pragma once

#include <cstdint>

#define TWOFOLD_READ_SYSREG(name)                                                                  \
    ([]() -> std::uint64_t {                                                                       \
        std::uint64_t value_;                                                                      \
        asm volatile("mrs %0, " #name : "=r"(value_)::"memory");                                   \
        return value_;                                                                             \
    }())

#define TWOFOLD_WRITE_SYSREG(name, value)                                                          \
    do {                                                                                           \
        const std::uint64_t written_ = (value);                                                    \
        asm volatile("msr " #name ", %0" ::"r"(written_) : "memory");                              \
    } while (false)

namespace twofold::hyp {

inline void isb() { asm volatile("isb" ::: "memory"); }
inline void dsb_sy() { asm volatile("dsb sy" ::: "memory"); }
inline void dsb_ish() { asm volatile("dsb ish" ::: "memory"); }
inline void dsb_nsh() { asm volatile("dsb nsh" ::: "memory"); }
inline void dsb_nshst() { asm volatile("dsb nshst" ::: "memory"); }
inline void dsb_ishst() { asm volatile("dsb ishst" ::: "memory"); }
// The nXS forms of FEAT_XS, by their encoding.
inline void dsb_ish_nxs() { asm volatile(".inst 0xd5033a3f" ::: "memory"); }
inline void dsb_nsh_nxs() { asm volatile(".inst 0xd503363f" ::: "memory"); }
inline void wait_for_interrupt() { asm volatile("dsb sy\n\twfi" ::: "memory"); }
inline void wait_for_event() { asm volatile("wfe" ::: "memory"); }

} // namespace twofold::hyp
