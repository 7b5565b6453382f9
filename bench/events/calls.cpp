// SPDX-License-Identifier: MIT
// Calls and device registers.
#include "accesses.hpp"
#include "psci.hpp"

namespace twofold::bench {

namespace {

constexpr std::uint64_t repetitions = 4096;

void call_hypervisor(std::uint64_t) {
    register std::uint64_t x0 asm("x0") = payload::function::psci_version;
    asm volatile("hvc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
}
void call_nobody(std::uint64_t) {
    register std::uint64_t x0 asm("x0") = payload::function::psci_version;
    asm volatile("" : "+r"(x0)::"x1", "x2", "x3", "memory");
}

Measurement hvc(payload::Machine&) {
    return measure_accesses<call_hypervisor, call_nobody>(0, 0, repetitions);
}

void load_register(std::uint64_t address) {
    std::uint64_t value = 0;
    asm volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
}

Measurement mmio_read(payload::Machine& machine) {
    constexpr std::uint64_t gicd_typer = 4;
    return measure_accesses<load_register>(machine.distributor.start + gicd_typer, 0, repetitions);
}

constexpr Event events[] = {
    {"hvc", hvc},
    {"mmio_read", mmio_read},
};

} // namespace

std::span<const Event> call_events() { return events; }

} // namespace twofold::bench
