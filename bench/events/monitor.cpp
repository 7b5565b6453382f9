// SPDX-License-Identifier: MIT
// The call: a vendor-specific one of the SMC Calling Convention.
#include "monitor.hpp"

#include "print.hpp"
#include "psci.hpp"

namespace twofold::bench {

std::uint64_t monitor(std::string_view command) {
    constexpr std::uint64_t monitor_command = 0xc600ff00;
    register std::uint64_t x0 asm("x0") = monitor_command;
    register std::uint64_t x1 asm("x1") = reinterpret_cast<std::uintptr_t>(command.data());
    register std::uint64_t x2 asm("x2") = command.size();
    asm volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2)::"x3", "memory");
    if (x0 != 0) {
        payload::print("the monitor does not do \"{}\": {}\n", command,
                       static_cast<std::int64_t>(x0));
        payload::power_off();
    }
    return x1;
}

} // namespace twofold::bench
