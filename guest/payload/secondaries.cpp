// SPDX-License-Identifier: MIT
// The other CPUs: switched on, off and on again, and at work beside the first.
#include "cases.hpp"
#include "cpu.hpp"
#include "cpu/cache.hpp"
#include "cpu/sysreg.hpp"
#include "gic.hpp"
#include "other_cpus.hpp"
#include "probe.hpp"
#include "psci.hpp"
#include "report.hpp"
#include "stage1.hpp"

#include <atomic>

extern "C" {
extern const char secondary_entry[];
extern const char witness_entry[];
// x0, SCTLR_EL1, DAIF, CurrentEL and MPIDR_EL1 of a CPU that has just come up.
alignas(64) volatile std::uint64_t witness[8];
}

namespace twofold::payload {

namespace {

constexpr std::uint64_t context = 0xfeed'face'1234'5678;
constexpr unsigned increments = 50'000;
constexpr unsigned pages = 256;
constexpr std::uint64_t page_size = 4096;

struct SecondaryWork {
    const Machine* machine = nullptr;
    std::uint64_t memory = 0; // for all of them
    std::atomic<std::uint64_t> counter{0};
    std::atomic<unsigned> ready{0};
    std::atomic<unsigned> done{0};
    std::atomic<unsigned> bad{0};
};

constinit SecondaryWork work;

// Fresh memory that all CPUs fault in at once, each in an order of its own; a word each.
void do_work(unsigned index) {
    SecondaryWork& shared = work;
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
        expect("CPU_ON", static_cast<std::uint64_t>(start_cpu(machine, i, do_work)), 0);
        const std::int64_t again =
            hypercall(function::cpu_on, mpidr, address_of_entry(secondary_entry), 0);
        if (again != result::already_on && again != result::on_pending)
            fail("second CPU_ON: {}", again);
    }
    do_work(0);
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
        if (!wait_until([&] { return state_of(i).interrupts[1] == 1; }))
            fail("CPU {} did not take an SGI", i);
        if (!stop_cpu(machine, i))
            fail("CPU {} does not go off", i);
    }
}

} // namespace twofold::payload
