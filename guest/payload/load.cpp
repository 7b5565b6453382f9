// SPDX-License-Identifier: MIT
// All CPUs at work in memory of their own while the hypervisor's monitor does with it what it
// likes: whatever is read must be what was written last, and what is executed, too.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "gic.hpp"
#include "monitor_call.hpp"
#include "other_cpus.hpp"
#include "print.hpp"
#include "report.hpp"

#include <twofold/arch/address.hpp>

#include <algorithm>
#include <array>
#include <atomic>

namespace twofold::payload {

namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t words = page / 8;
constexpr unsigned data_pages = 512;
constexpr unsigned code_pages = 64;

// A page is written in every round, or never, or is all zero in every second round, so that pages
// of zeroes come, stay and go.
enum class PageKind : std::uint8_t { zero, sometimes, always };
constexpr PageKind kind_of(unsigned number) {
    return number % 8 == 0   ? PageKind::zero
           : number % 4 == 1 ? PageKind::sometimes
                             : PageKind::always;
}

// One CPU's part.
struct alignas(64) Part {
    std::uint64_t data = 0;
    std::uint64_t code = 0;
    std::atomic<unsigned> published{0}; // functions that others may call
    std::atomic<unsigned> calling{0};   // the other CPU's function that this one calls, or none
    std::atomic<unsigned> rounds{0};
    std::atomic<unsigned> calls{0};
    std::atomic<unsigned> wrong{0};
    std::uint64_t wrong_at = 0; // the first
    std::uint64_t wrong_value = 0;
    std::uint64_t expected = 0;
};

struct Load {
    std::array<Part, Machine::max_cpus> parts;
    std::uint64_t commands = 0;
    std::uint64_t earliest = 0; // ticks
    std::uint64_t latest = 0;
    unsigned cpus = 0;
    std::atomic<unsigned> done{0};
    std::atomic<bool> over{false};
};

constinit Load load;

constexpr std::uint64_t content(unsigned cpu, unsigned number, std::uint64_t word, unsigned round) {
    const PageKind kind = kind_of(number);
    if (round == 0 || kind == PageKind::zero || (kind == PageKind::sometimes && round % 2 == 0))
        return 0;
    return (std::uint64_t{round} << 32 | std::uint64_t{cpu} << 28 | number << 12 | word) *
               0x9e37'79b9'7f4a'7c15 |
           1;
}

void note_wrong(Part& part, std::uint64_t at, std::uint64_t value, std::uint64_t expected) {
    if (part.wrong.fetch_add(1) == 0) {
        part.wrong_at = at;
        part.wrong_value = value;
        part.expected = expected;
    }
}

// Reads what the last round left, and leaves something else.
void go_through_page(Part& part, unsigned cpu, unsigned number, unsigned round) {
    auto* const at = reinterpret_cast<volatile std::uint64_t*>(part.data + number * page);
    for (std::uint64_t i = 0; i < words; ++i) {
        const std::uint64_t expected = content(cpu, number, i, round - 1);
        if (const std::uint64_t value = at[i]; value != expected)
            note_wrong(part, reinterpret_cast<std::uintptr_t>(&at[i]), value, expected);
        if (kind_of(number) != PageKind::zero)
            at[i] = content(cpu, number, i, round);
    }
}

// mov w0, #number; ret
void write_function(std::uint64_t at, unsigned number) {
    auto* const code = reinterpret_cast<volatile std::uint32_t*>(at);
    code[0] = 0x52800000U | (number & 0xffff) << 5;
    code[1] = 0xd65f03c0U;
    asm volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(at) : "memory");
}

std::uint64_t function_at(const Part& part, unsigned number) {
    return part.code + number % code_pages * page;
}

void expect_function(Part& caller, const Part& owner, unsigned number) {
    const std::uint64_t at = function_at(owner, number);
    asm volatile("isb" ::: "memory");
    const unsigned value = reinterpret_cast<unsigned (*)()>(at)();
    caller.calls.fetch_add(1, std::memory_order_relaxed);
    if (value != (number & 0xffff))
        note_wrong(caller, at, value, number);
}

// The latest function of the next CPU, which goes round its pages and leaves alone what it knows to
// be called.
void call_next(unsigned cpu) {
    Part& part = load.parts[cpu];
    const Part& owner = load.parts[(cpu + 1) % load.cpus];
    const unsigned latest = owner.published.load();
    if (&owner == &part || latest == 0)
        return;
    part.calling.store(latest);
    if (owner.published.load() - latest < code_pages - 1)
        expect_function(part, owner, latest);
    part.calling.store(0);
}

// Not while another CPU may fetch from there: QEMU 7.2 translates code and only then watches
// its page for writes, so that a write in between leaves the old code for good, whatever IC IVAU
// says.
void wait_for_caller(unsigned cpu, unsigned number) {
    const Part& caller = load.parts[(cpu + load.cpus - 1) % load.cpus];
    while (number > code_pages && caller.calling.load() == number - code_pages)
        asm volatile("yield" ::: "memory");
}

void write_and_call(unsigned cpu) {
    Part& part = load.parts[cpu];
    const unsigned number = part.published.load() + 1;
    wait_for_caller(cpu, number);
    write_function(function_at(part, number), number);
    part.published.store(number);
    expect_function(part, part, number);
    call_next(cpu);
}

// Of time, of commands of the monitor, and of everybody's rounds.
bool is_enough() {
    const std::uint64_t now = clock();
    if (now > load.latest)
        return true;
    if (now < load.earliest || (load.commands != 0 && call_monitor("commands") < load.commands))
        return false;
    return std::all_of(load.parts.begin(), load.parts.begin() + load.cpus,
                       [](const Part& part) { return part.rounds.load() >= 2; });
}

void work_on(unsigned cpu) {
    Part& part = load.parts[cpu];
    // Each CPU goes its own way through its pages.
    const unsigned stride = 2 * cpu + 77;
    for (unsigned round = 1; !load.over.load() && part.wrong.load() == 0; ++round) {
        for (unsigned i = 0; i < data_pages; ++i) {
            go_through_page(part, cpu, i * stride % data_pages, round);
            if (i % 16 == 0)
                write_and_call(cpu);
        }
        part.rounds.store(round);
        if (cpu == 0 && is_enough())
            load.over.store(true);
    }
    load.over.store(true);
    load.done.fetch_add(1);
}

} // namespace

// payload.commands=N: until so many commands of the monitor were carried out, and a second at
// least; that needs monitor.calls=on.
void case_load(Machine& machine) {
    constexpr std::uint64_t at_most = 100; // seconds
    for (const char c : machine.word("payload.commands"))
        load.commands = load.commands * 10 + static_cast<unsigned>(c - '0');
    init_distributor(machine);
    init_gic_cpu(machine);
    load.cpus = machine.cpus;
    for (unsigned i = 0; i < machine.cpus; ++i) {
        load.parts[i].data = machine.fresh(data_pages * page, 2 * MiB);
        load.parts[i].code = machine.fresh(code_pages * page, page);
    }
    const std::uint64_t second = TWOFOLD_READ_SYSREG(CNTFRQ_EL0);
    load.earliest = clock() + second;
    load.latest = clock() + at_most * second;
    for (unsigned i = 1; i < machine.cpus; ++i)
        expect("CPU_ON", static_cast<std::uint64_t>(start_cpu(machine, i, work_on)), 0);
    work_on(0);
    if (!wait_until([&] { return load.done.load() == machine.cpus; }))
        fail("{} CPUs of {} came to the end", load.done.load(), machine.cpus);
    for (unsigned i = 0; i < machine.cpus; ++i) {
        const Part& part = load.parts[i];
        if (part.wrong.load() != 0)
            fail("CPU {}: {} wrong, first at {:#x}: {:#x} instead of {:#x}", i, part.wrong.load(),
                 part.wrong_at, part.wrong_value, part.expected);
        if (part.rounds.load() < 2)
            fail("CPU {} came round {} times", i, part.rounds.load());
        if (part.calls.load() < code_pages)
            fail("CPU {} called {} functions", i, part.calls.load());
        print("PAYLOAD: load CPU {}: {} rounds, {} functions called\n", i, part.rounds.load(),
              part.calls.load());
        if (i != 0 && !stop_cpu(machine, i))
            fail("CPU {} does not go off", i);
    }
}

} // namespace twofold::payload
