// SPDX-License-Identifier: MIT
// Start of the other CPUs through the firmware's PSCI.
#include "cpu/cpus.hpp"

#include "cpu/cache.hpp"
#include "cpu/machine.hpp"
#include "cpu/spinlock.hpp"
#include "runtime/panic.hpp"
#include "runtime/print.hpp"

#include <array>

extern "C" const char secondary_entry[];

namespace twofold::hyp {

namespace {

constexpr std::size_t stack_size = 32768;
constexpr std::size_t fault_stack_size = 8192;
constexpr std::uint64_t affinity_mask = 0xff00ffffff; // Aff3, Aff2, Aff1, Aff0

struct alignas(4096) Stack {
    std::byte bytes[stack_size];
};
struct alignas(4096) FaultStack {
    std::byte bytes[fault_stack_size];
};

std::array<Stack, max_cpus> stacks;
std::array<FaultStack, max_cpus> fault_stacks;
std::array<PerCpu, max_cpus> cpus;
unsigned started = 0;
void (*secondary_main)(PerCpu& cpu) = nullptr;

PerCpu& prepare(unsigned index, std::uint64_t mpidr) {
    PerCpu& cpu = cpus[index];
    cpu.index = index;
    cpu.mpidr = mpidr;
    cpu.stack_top = reinterpret_cast<std::uintptr_t>(&stacks[index]) + stack_size;
    cpu.fault_stack_top = reinterpret_cast<std::uintptr_t>(&fault_stacks[index]) + fault_stack_size;
    return cpu;
}

// The next CPU is started only when this one has read what it needs.
void wait_until_online(const PerCpu& cpu) {
    constexpr std::uint64_t patience_seconds = 20;
    const std::uint64_t end =
        TWOFOLD_READ_SYSREG(CNTPCT_EL0) + patience_seconds * TWOFOLD_READ_SYSREG(CNTFRQ_EL0);
    while (!cpu.online.load(std::memory_order_acquire)) {
        if (TWOFOLD_READ_SYSREG(CNTPCT_EL0) > end)
            panic("CPU {:#x} was started but does not arrive\n", cpu.mpidr);
        cpu_relax();
    }
}

} // namespace

PerCpu& cpu(unsigned index) { return cpus[index]; }
unsigned cpu_count() { return started; }

std::array<std::uint64_t, max_cpus> guard_pages() {
    std::array<std::uint64_t, max_cpus> pages{};
    for (unsigned i = 0; i < max_cpus; ++i)
        pages[i] = reinterpret_cast<std::uintptr_t>(&stacks[i]);
    return pages;
}

IdRegisters read_id_registers() {
    return {
        .mmfr0 = TWOFOLD_READ_SYSREG(ID_AA64MMFR0_EL1),
        .mmfr1 = TWOFOLD_READ_SYSREG(ID_AA64MMFR1_EL1),
        .mmfr2 = TWOFOLD_READ_SYSREG(S3_0_C0_C7_2),
        .mmfr3 = TWOFOLD_READ_SYSREG(S3_0_C0_C7_3),
        .isar0 = TWOFOLD_READ_SYSREG(ID_AA64ISAR0_EL1),
        .isar1 = TWOFOLD_READ_SYSREG(ID_AA64ISAR1_EL1),
        .ctr = TWOFOLD_READ_SYSREG(CTR_EL0),
    };
}

void adopt_boot_cpu() {
    PerCpu& cpu = prepare(0, TWOFOLD_READ_SYSREG(MPIDR_EL1) & affinity_mask);
    TWOFOLD_WRITE_SYSREG(TPIDR_EL2, reinterpret_cast<std::uintptr_t>(&cpu));
    cpu.id_registers = read_id_registers();
    cpu.online.store(true, std::memory_order_relaxed);
    started = 1;
}

void start_other_cpus(std::span<const std::uint64_t> mpidrs, const AddressSpace& space,
                      void (*entry)(PerCpu& cpu)) {
    static SecondaryStart start;
    secondary_main = entry;
    for (const std::uint64_t mpidr : mpidrs) {
        if (mpidr == cpus[0].mpidr || started == max_cpus)
            continue;
        PerCpu& cpu = prepare(started, mpidr);
        start = {.ttbr0 = space.root(),
                 .tcr = AddressSpace::tcr(),
                 .mair = AddressSpace::mair(),
                 .sctlr = AddressSpace::sctlr(),
                 // A guest's TrapFrame has its place at the very top.
                 .stack_top = cpu.stack_top - sizeof(TrapFrame),
                 .cpu = &cpu};
        const auto context = reinterpret_cast<std::uintptr_t>(&start);
        clean_data_cache(context, sizeof(start));
        const std::int64_t result =
            firmware_cpu_on(mpidr, reinterpret_cast<std::uintptr_t>(secondary_entry), context);
        if (result != 0) {
            print("CPU {:#x} does not start: PSCI error {}\n", mpidr, result);
            continue;
        }
        wait_until_online(cpu);
        ++started;
    }
}

} // namespace twofold::hyp

extern "C" [[noreturn]] void start_secondary(twofold::hyp::PerCpu* cpu) {
    using namespace twofold::hyp;
    TWOFOLD_WRITE_SYSREG(TPIDR_EL2, reinterpret_cast<std::uintptr_t>(cpu));
    cpu->id_registers = read_id_registers();
    secondary_main(*cpu);
    for (;;)
        wait_for_event();
}
