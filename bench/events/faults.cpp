// SPDX-License-Identifier: MIT
// First touches of memory that the hypervisor has for the guest already: it was touched before, and
// then unmapped.
#include "accesses.hpp"
#include "monitor.hpp"

#include <twofold/arch/address.hpp>

namespace twofold::bench {

namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t pages = 8192;
constexpr std::uint64_t blocks = 128;

std::uint64_t backed(payload::Machine& machine, std::uint64_t count, std::uint64_t size) {
    const std::uint64_t start = machine.fresh(count * size, size);
    for (std::uint64_t n = 0; n < count; ++n)
        store(start + n * size);
    return start;
}

Measurement fault_4k_write(payload::Machine& machine) {
    const std::uint64_t start = backed(machine, pages, page);
    monitor("drop");
    return measure_accesses<store>(start, page, pages);
}

Measurement fault_4k_read(payload::Machine& machine) {
    const std::uint64_t start = backed(machine, pages, page);
    monitor("drop");
    return measure_accesses<load>(start, page, pages);
}

Measurement exec_fault_4k(payload::Machine& machine) {
    constexpr std::uint32_t ret = 0xd65f03c0;
    const std::uint64_t start = backed(machine, pages, page);
    monitor("drop");
    // Mapped by a write, and thus not for execution.
    for (std::uint64_t n = 0; n < pages; ++n)
        *reinterpret_cast<volatile std::uint32_t*>(start + n * page) = ret;
    asm volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" ::: "memory");
    return measure_accesses<call, call_here>(start, page, pages);
}

Measurement fault_2m(payload::Machine& machine) {
    const std::uint64_t start = backed(machine, blocks, 2 * MiB);
    monitor("drop");
    return measure_accesses<store>(start, 2 * MiB, blocks);
}

// There is one such block besides that of the program.
Measurement fault_1g(payload::Machine& machine) {
    constexpr std::uint64_t repetitions = 64;
    const std::uint64_t start = backed(machine, 1, GiB);
    const auto unmap = [] { monitor("drop"); };
    return {.repetitions = repetitions,
            .ticks = ticks_between(repetitions, unmap, [=](std::uint64_t) { store(start); }),
            .empty_ticks =
                ticks_between(repetitions, unmap, [=](std::uint64_t) { nothing(start); })};
}

constexpr Event events[] = {
    {"fault_4k_write", fault_4k_write},
    {"fault_4k_read", fault_4k_read},
    {"fault_2m", fault_2m},
    {"fault_1g", fault_1g},
    {"exec_fault_4k", exec_fault_4k},
};

} // namespace

std::span<const Event> fault_events() { return events; }

} // namespace twofold::bench
