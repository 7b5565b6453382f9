// SPDX-License-Identifier: MIT
// Start and end of the other CPUs.
#include "other_cpus.hpp"

#include "cpu/cache.hpp"
#include "gic.hpp"
#include "psci.hpp"

#include <array>
#include <cstddef>

extern "C" const char secondary_entry[];

namespace twofold::payload {

// What a CPU finds in x0; entry.S takes the stack.
struct SecondaryStart {
    std::uint64_t stack = 0;
    unsigned index = 0;
    const Machine* machine = nullptr;
    CpuWork* work = nullptr;
};

namespace {

constexpr unsigned off_sgi = 2;

constinit std::array<SecondaryStart, Machine::max_cpus> starts;
constinit std::array<CpuState, Machine::max_cpus> states{};
alignas(16) constinit std::array<std::array<std::byte, 16384>, Machine::max_cpus> stacks{};

} // namespace

CpuState& state_of(unsigned index) { return states[index]; }

std::int64_t start_cpu(const Machine& machine, unsigned index, CpuWork* work) {
    SecondaryStart& start = starts[index];
    start = {.stack = reinterpret_cast<std::uintptr_t>(&stacks[index]) + sizeof(stacks[index]),
             .index = index,
             .machine = &machine,
             .work = work};
    const auto context = reinterpret_cast<std::uintptr_t>(&start);
    hyp::clean_data_cache(context, sizeof(start));
    return hypercall(function::cpu_on, machine.mpidrs[index],
                     reinterpret_cast<std::uintptr_t>(secondary_entry), context);
}

bool switch_off_is_seen(std::uint64_t mpidr) {
    return wait_until(
        [mpidr] { return hypercall(function::affinity_info, mpidr, 0) == result::off; });
}

bool stop_cpu(const Machine& machine, unsigned index) {
    send_sgi(machine.mpidrs[index], off_sgi);
    return switch_off_is_seen(machine.mpidrs[index]);
}

} // namespace twofold::payload

extern "C" [[noreturn]] void start_secondary(twofold::payload::SecondaryStart* start) {
    using namespace twofold::payload;
    CpuState& state = states[start->index];
    state.index = start->index;
    adopt_cpu(state);
    init_gic_cpu(*start->machine);
    start->work(start->index);
    // Looked at with interrupts masked: one that came between the look and WFI would be slept over.
    while (state.interrupts[off_sgi] == 0) {
        twofold::hyp::wait_for_interrupt();
        asm volatile("msr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
    }
    state.interrupts[off_sgi] = 0;
    hypercall(function::cpu_off);
    for (;;)
        twofold::hyp::wait_for_event();
}
