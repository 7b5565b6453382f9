// SPDX-License-Identifier: MIT
// Dirty logging of all of the guest's memory. These come last, as they touch all of it.
#include "accesses.hpp"
#include "monitor.hpp"

#include <twofold/arch/address.hpp>

namespace twofold::bench {

namespace {

constexpr std::uint64_t page = 4 * KiB;

// From the first memory that is not used to the end, mapped for writing.
std::uint64_t touch_all(payload::Machine& machine) {
    const std::uint64_t start = machine.fresh(0, 2 * MiB);
    for (std::uint64_t at = machine.memory.start; at < machine.memory.end(); at += page) {
        // What is used keeps its content.
        if (at < start)
            load(at);
        else
            store(at);
    }
    return start;
}

Measurement log_enable_1g(payload::Machine& machine) {
    touch_all(machine);
    const auto enable = [](std::uint64_t) { monitor("log on"); };
    const Measurement m{.repetitions = 1, .ticks = ticks_of(1, enable), .empty_ticks = 0};
    monitor("log off");
    return m;
}

// The first write to a page: all are mapped, and none may be written.
Measurement dirty_log_fault_4k(payload::Machine& machine) {
    constexpr std::uint64_t pages = 8192;
    const std::uint64_t start = touch_all(machine);
    monitor("log on");
    const Measurement m = measure_accesses<store>(start, page, pages);
    monitor("log off");
    return m;
}

// One page in a hundred of them is dirty.
Measurement log_harvest_1g(payload::Machine& machine) {
    constexpr std::uint64_t step = 100;
    const std::uint64_t start = touch_all(machine);
    monitor("log on");
    monitor("harvest");
    for (std::uint64_t at = start; at < machine.memory.end(); at += step * page)
        store(at);
    const auto harvest = [](std::uint64_t) { monitor("harvest"); };
    const Measurement m{.repetitions = 1, .ticks = ticks_of(1, harvest), .empty_ticks = 0};
    monitor("log off");
    return m;
}

// The first write to a block, which is divided for it.
Measurement dirty_log_split_2m(payload::Machine& machine) {
    constexpr std::uint64_t blocks = 128;
    const std::uint64_t start = touch_all(machine);
    monitor("log on");
    return measure_accesses<store>(start, 2 * MiB, blocks);
}

// Behind dirty_log_split_2m: the other pages of these blocks are still there.
Measurement after_split_2m(payload::Machine& machine) {
    constexpr std::uint64_t blocks = 128;
    return measure_accesses<load>(machine.fresh(0, 2 * MiB) + MiB, 2 * MiB, blocks);
}

constexpr Event events[] = {
    {"log_enable_1g", log_enable_1g},   {"dirty_log_fault_4k", dirty_log_fault_4k},
    {"log_harvest_1g", log_harvest_1g}, {"dirty_log_split_2m", dirty_log_split_2m},
    {"after_split_2m", after_split_2m},
};

} // namespace

std::span<const Event> logging_events() { return events; }

} // namespace twofold::bench
