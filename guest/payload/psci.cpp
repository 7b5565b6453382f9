// SPDX-License-Identifier: MIT
// HVC with arguments.
#include "psci.hpp"

#include "accesses.hpp"

namespace twofold::payload {

std::int64_t hypercall(std::uint64_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    std::uint64_t registers[31] = {function, a, b, c};
    call_hvc(registers);
    return static_cast<std::int64_t>(registers[0]);
}

void power_off() {
    hypercall(function::system_off);
    for (;;)
        asm volatile("wfe");
}

} // namespace twofold::payload
