// SPDX-License-Identifier: MIT
// Two guests side by side: one reaches for everything that could be the other's, and the other
// notices nothing. Each is to run for a while, so that they do meet.
#include "cases.hpp"
#include "cpu.hpp"
#include "cpu/sysreg.hpp"
#include "gic.hpp"
#include "mmio.hpp"
#include "probe.hpp"
#include "psci.hpp"
#include "report.hpp"
#include "stage1.hpp"

namespace twofold::payload {

namespace {

constexpr unsigned sgis = 16;
constexpr std::uint64_t area = 8 * MiB;

std::uint64_t now() {
    hyp::isb();
    return TWOFOLD_READ_SYSREG(CNTVCT_EL0);
}

std::uint64_t in_seconds(unsigned seconds) {
    return now() + seconds * TWOFOLD_READ_SYSREG(CNTFRQ_EL0);
}

void unmask() { asm volatile("msr daifclr, #2\n\tisb" ::: "memory"); }
void mask() { asm volatile("msr daifset, #2\n\tisb" ::: "memory"); }

// Every SGI through every register, to all CPUs but this one: by name and as "all others".
void send_to_others(const Machine& machine) {
    constexpr std::uint64_t all_others = std::uint64_t{1} << 40; // IRM
    for (std::uint64_t intid = 0; intid < sgis; ++intid) {
        for (std::uint64_t cluster = 0; cluster < 4; ++cluster) {
            std::uint64_t targets = 0xffff;
            if (cluster == 0)
                targets &= ~((std::uint64_t{1} << machine.cpus) - 1);
            const std::uint64_t value = intid << 24 | cluster << 16 | targets;
            TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_5, value); // ICC_SGI1R_EL1
            TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_6, value); // ICC_ASGI1R_EL1
            TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_7, value); // ICC_SGI0R_EL1
        }
        TWOFOLD_WRITE_SYSREG(S3_0_C12_C11_5, intid << 24 | all_others);
    }
    hyp::isb();
}

void expect_no_cpu(const Machine& machine, std::uint64_t mpidr) {
    const auto invalid = static_cast<std::uint64_t>(result::invalid_parameters);
    expect("CPU_ON of no CPU",
           static_cast<std::uint64_t>(hypercall(function::cpu_on, mpidr, machine.image.start, 0)),
           invalid);
    expect("AFFINITY_INFO of no CPU",
           static_cast<std::uint64_t>(hypercall(function::affinity_info, mpidr, 0)), invalid);
}

void reach_for_cpus(const Machine& machine) {
    for (std::uint64_t cpu = machine.cpus; cpu < 32; ++cpu)
        expect_no_cpu(machine, cpu);
    for (unsigned shift : {8U, 16U, 32U})
        expect_no_cpu(machine, std::uint64_t{1} << shift);
}

// Where the machine has its memory: the guest's own is at the same addresses as that of others.
void reach_for_memory(const Machine& machine) {
    for (std::uint64_t ipa = 1 * GiB; ipa < 10 * GiB; ipa += 2 * MiB) {
        if (machine.memory.contains(ipa))
            continue;
        const std::uint64_t va = map_window(Window::general, ipa, WindowKind::normal);
        for (Access* const access : {access_load64, access_store64}) {
            if (!probe(access, va, 0x0bad'0bad'0bad'0bad).taken)
                fail("{:#x} can be accessed", ipa);
        }
    }
}

// Of all CPUs that listen.
void disturb(const Machine& machine) {
    asm volatile("tlbi vmalle1is\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
    const std::uint64_t gicd = machine.distributor.start;
    for (unsigned n = 1; n < 32; ++n) {
        write32(gicd + 0x200 + 4 * n, ~0U); // ISPENDR
        write32(gicd + 0x280 + 4 * n, ~0U); // ICPENDR
    }
}

std::uint64_t pattern(std::uint64_t at) { return at * 0x9e37'79b9'7f4a'7c15 + 1; }

void expect_no_interrupts(const CpuState& cpu) {
    for (unsigned intid = 0; intid < 64; ++intid) {
        if (cpu.interrupts[intid] != 0)
            fail("interrupt {} came {} times", intid, cpu.interrupts[intid]);
    }
    expect("other interrupts", cpu.other_interrupts, 0);
}

} // namespace

void case_attack(Machine& machine) {
    const std::uint64_t untouched = machine.fresh(area, 2 * MiB);
    init_distributor(machine);
    init_gic_cpu(machine);
    unmask();
    const std::uint64_t end = in_seconds(4);
    do {
        send_to_others(machine);
        reach_for_cpus(machine);
        reach_for_memory(machine);
        disturb(machine);
    } while (now() < end);
    mask();
    expect_no_interrupts(this_cpu());
    // Nor does anything of the other turn up here.
    for (std::uint64_t at = untouched; at < untouched + area; at += 8) {
        if (read64(at) != 0) {
            fail("{:#x} is not zero: {:#x}", at, read64(at));
            break;
        }
    }
}

void case_quiet(Machine& machine) {
    CpuState& cpu = this_cpu();
    const std::uint64_t memory = machine.fresh(area, 2 * MiB);
    for (std::uint64_t at = memory; at < memory + area; at += 8)
        write64(at, pattern(at));
    init_distributor(machine);
    init_gic_cpu(machine);
    // It would take whatever came.
    constexpr std::uint64_t sgi_frame = 0x10000;
    constexpr std::uint64_t set_enable = 0x100;
    write32(machine.redistributors.start + sgi_frame + set_enable, 0xffff);
    for (unsigned n = 1; n < 32; ++n)
        write32(machine.distributor.start + set_enable + 4 * n, ~0U);
    unmask();
    const std::uint64_t end = in_seconds(4);
    bool whole = true;
    do {
        for (std::uint64_t at = memory; at < memory + area && whole; at += 8) {
            whole = read64(at) == pattern(at);
            if (!whole)
                fail("{:#x} has changed: {:#x}", at, read64(at));
        }
        for (unsigned i = 1; i < machine.cpus; ++i)
            expect("AFFINITY_INFO",
                   static_cast<std::uint64_t>(
                       hypercall(function::affinity_info, machine.mpidrs[i], 0)),
                   static_cast<std::uint64_t>(result::off));
    } while (whole && now() < end);
    mask();
    expect_no_interrupts(cpu);
}

} // namespace twofold::payload
