// SPDX-License-Identifier: MIT
// The other CPUs: switched on, off and on again, and at work beside the first.
#include "cases.hpp"
#include "cpu.hpp"
#include "cpu/cache.hpp"
#include "cpu/sysreg.hpp"
#include "gic.hpp"
#include "probe.hpp"
#include "psci.hpp"
#include "report.hpp"
#include "stage1.hpp"

#include <array>
#include <atomic>

extern "C" {
extern const char secondary_entry[];
extern const char witness_entry[];
// x0, SCTLR_EL1, DAIF, CurrentEL and MPIDR_EL1 of a CPU that has just come up.
alignas(64) volatile std::uint64_t witness[8];
}

namespace twofold::payload {

struct SecondaryWork;

struct SecondaryStart {
    std::uint64_t stack = 0; // entry.S
    unsigned index = 0;
    SecondaryWork* work = nullptr;
};

namespace {

constexpr std::uint64_t context = 0xfeed'face'1234'5678;
constexpr unsigned increments = 50'000;
constexpr unsigned pages = 256;
constexpr std::uint64_t page_size = 4096;

} // namespace

struct SecondaryWork {
    const Machine* machine = nullptr;
    std::uint64_t memory = 0; // for all of them
    std::atomic<std::uint64_t> counter{0};
    std::atomic<unsigned> ready{0};
    std::atomic<unsigned> done{0};
    std::atomic<unsigned> bad{0};
};

namespace {

constinit std::array<SecondaryStart, Machine::max_cpus> starts;
constinit std::array<CpuState, Machine::max_cpus> states{};
alignas(16) constinit std::array<std::array<std::byte, 16384>, Machine::max_cpus> stacks{};
constinit SecondaryWork work;

std::uint64_t clock() {
    hyp::isb();
    return TWOFOLD_READ_SYSREG(CNTVCT_EL0);
}

template <typename Condition>
bool wait_until(Condition condition) {
    const std::uint64_t end = clock() + 10 * TWOFOLD_READ_SYSREG(CNTFRQ_EL0);
    while (!condition()) {
        if (clock() > end)
            return false;
    }
    return true;
}

// Fresh memory that all CPUs fault in at once, each in an order of its own; a word each.
void do_work(SecondaryWork& shared, unsigned index) {
    shared.ready.fetch_add(1);
    if (!wait_until([&] { return shared.ready.load() == shared.machine->cpus; }))
        shared.bad.fetch_add(1);
    for (unsigned i = 0; i < pages; ++i) {
        const unsigned n = index % 2 == 0 ? i : pages - 1 - i;
        auto* const words =
            reinterpret_cast<volatile std::uint64_t*>(shared.memory + n * page_size);
        if (words[index] != 0)
            shared.bad.fetch_add(1);
        words[index] = (std::uint64_t{index} << 32) + n + 1;
    }
    for (unsigned i = 0; i < increments; ++i)
        shared.counter.fetch_add(1);
    shared.done.fetch_add(1);
}

void expect_written(const SecondaryWork& shared) {
    for (unsigned n = 0; n < pages; ++n) {
        auto* const words =
            reinterpret_cast<volatile std::uint64_t*>(shared.memory + n * page_size);
        for (unsigned index = 0; index < shared.machine->cpus; ++index)
            expect("a word of a CPU", words[index], (std::uint64_t{index} << 32) + n + 1);
    }
}

std::uint64_t address_of_entry(const char* entry) {
    return reinterpret_cast<std::uintptr_t>(entry);
}

bool switch_off_is_seen(std::uint64_t mpidr) {
    return wait_until(
        [mpidr] { return hypercall(function::affinity_info, mpidr, 0) == result::off; });
}

void witness_one(std::uint64_t mpidr) {
    for (volatile std::uint64_t& word : witness)
        word = 0;
    // The CPU writes them with caches off.
    hyp::clean_and_invalidate_data_cache(reinterpret_cast<std::uintptr_t>(&witness),
                                         sizeof(witness));
    const std::int64_t first =
        hypercall(function::cpu_on, mpidr, address_of_entry(witness_entry), context);
    if (first != 0) {
        fail("CPU_ON of {:#x}: {}", mpidr, first);
        return;
    }
    if (!switch_off_is_seen(mpidr))
        fail("{:#x} does not come up and go off", mpidr);
    hyp::invalidate_data_cache(reinterpret_cast<std::uintptr_t>(&witness), sizeof(witness));
    expect("x0", witness[0], context);
    expect("SCTLR_EL1, M C I", witness[1] & 0x1005, 0);
    expect("DAIF", witness[2], 0x3c0);
    expect("CurrentEL", witness[3], 4);
    expect("MPIDR_EL1", witness[4] & 0xff00ffffff, mpidr);
}

} // namespace

void case_secondaries(Machine& machine) {
    init_distributor(machine);
    init_gic_cpu(machine);
    work.machine = &machine;
    work.memory = machine.fresh(pages * page_size, 2 * MiB);
    for (unsigned i = 1; i < machine.cpus; ++i) {
        const std::uint64_t mpidr = machine.mpidrs[i];
        witness_one(mpidr);
        witness_one(mpidr);
        starts[i] = {.stack = reinterpret_cast<std::uintptr_t>(&stacks[i]) + sizeof(stacks[i]),
                     .index = i,
                     .work = &work};
        hyp::clean_data_cache(reinterpret_cast<std::uintptr_t>(&starts[i]), sizeof(starts[i]));
        const auto start = reinterpret_cast<std::uintptr_t>(&starts[i]);
        expect("CPU_ON",
               static_cast<std::uint64_t>(
                   hypercall(function::cpu_on, mpidr, address_of_entry(secondary_entry), start)),
               0);
        const std::int64_t again =
            hypercall(function::cpu_on, mpidr, address_of_entry(secondary_entry), start);
        if (again != result::already_on && again != result::on_pending)
            fail("second CPU_ON: {}", again);
    }
    do_work(work, 0);
    if (!wait_until([&] { return work.done.load() == machine.cpus; }))
        fail("{} CPUs of {} came to the end", work.done.load(), machine.cpus);
    expect("count", work.counter.load(), std::uint64_t{increments} * machine.cpus);
    expect("words that were not zero", work.bad.load(), 0);
    expect_written(work);

    for (unsigned i = 1; i < machine.cpus; ++i) {
        const std::uint64_t mpidr = machine.mpidrs[i];
        expect("AFFINITY_INFO",
               static_cast<std::uint64_t>(hypercall(function::affinity_info, mpidr, 0)), 0);
        expect("CPU_ON of one that is on",
               static_cast<std::uint64_t>(
                   hypercall(function::cpu_on, mpidr, address_of_entry(secondary_entry), 0)),
               static_cast<std::uint64_t>(result::already_on));
        // It answers one SGI and goes off at the other.
        send_sgi(mpidr, 1);
        if (!wait_until([&] { return states[i].interrupts[1] == 1; }))
            fail("CPU {} did not take an SGI", i);
        send_sgi(mpidr, 2);
        if (!switch_off_is_seen(mpidr))
            fail("CPU {} does not go off", i);
    }
}

} // namespace twofold::payload

extern "C" [[noreturn]] void start_secondary(twofold::payload::SecondaryStart* start) {
    using namespace twofold::payload;
    CpuState& state = states[start->index];
    state.index = start->index;
    adopt_cpu(state);
    init_gic_cpu(*start->work->machine);
    do_work(*start->work, start->index);
    // Looked at with interrupts masked: one that came between the look and WFI would be slept over.
    while (state.interrupts[2] == 0) {
        twofold::hyp::wait_for_interrupt();
        asm volatile("msr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
    }
    hypercall(function::cpu_off);
    for (;;)
        twofold::hyp::wait_for_event();
}
