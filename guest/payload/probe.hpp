// SPDX-License-Identifier: MIT
// Probes: an access that may end in an exception, at EL1 or at EL0, and what came of it.
#pragma once

#include "accesses.hpp"
#include "cpu.hpp"

#include <cstdint>

namespace twofold::payload {

Fault probe(Access* access, std::uint64_t address, std::uint64_t value = 0);

// `access` is run at EL0. Without a fault the exception is its SVC.
Fault probe_el0(Access* access, std::uint64_t address);
// Where EL0 sees the function.
std::uint64_t el0_address(Access* access);
// EL0 starts anywhere.
Fault probe_el0_at(std::uint64_t pc, std::uint64_t argument);

inline std::uint64_t address_of(Access* access) { return reinterpret_cast<std::uintptr_t>(access); }

// ESR_EL1 [31:26] EC
namespace ec {
inline constexpr unsigned unknown = 0x00;
inline constexpr unsigned service_call = 0x15;
inline constexpr unsigned instruction_abort_el0 = 0x20;
inline constexpr unsigned instruction_abort_el1 = 0x21;
inline constexpr unsigned data_abort_el0 = 0x24;
inline constexpr unsigned data_abort_el1 = 0x25;
} // namespace ec

constexpr unsigned class_of(const Fault& fault) { return (fault.esr >> 26) & 0x3f; }
constexpr unsigned status_of(const Fault& fault) { return fault.esr & 0x3f; } // DFSC, IFSC

// What a fault must be. The whole of ESR_EL1 is compared.
struct Expected {
    std::uint64_t esr = 0;
    std::uint64_t far = 0;
    std::uint64_t elr = 0;
    bool el0 = false;
    bool far_valid = true;
};

// Complains about everything that differs; `what` says which access it was.
void expect_fault(const char* what, const Fault& fault, const Expected& expected);
void expect_no_fault(const char* what, const Fault& fault);

} // namespace twofold::payload
