// SPDX-License-Identifier: MIT
// Accesses to addresses where nothing is, and to those that do not exist.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "stage1.hpp"

namespace twofold::payload {

namespace {

// ESR_EL1 of a synchronous external abort: EC, IL, [6] WnR, DFSC 0x10
constexpr std::uint64_t load_esr = 0x96000010;
constexpr std::uint64_t store_esr = 0x96000050;
constexpr std::uint64_t fetch_esr = 0x86000010;
constexpr std::uint64_t load_el0_esr = 0x92000010;
constexpr std::uint64_t store_el0_esr = 0x92000050;
constexpr std::uint64_t fetch_el0_esr = 0x82000010;

struct NamedAccess {
    const char* name;
    Access* function;
    bool store;
};

constexpr NamedAccess simple[] = {
    {"ldrb", access_load8, false},        {"ldrh", access_load16, false},
    {"ldr w", access_load32, false},      {"ldr x", access_load64, false},
    {"ldrsb", access_load_signed, false}, {"ldar", access_load_acquire, false},
    {"strb", access_store8, true},        {"strh", access_store16, true},
    {"str w", access_store32, true},      {"str x", access_store64, true},
    {"stlr", access_store_release, true},
};

constexpr NamedAccess complex[] = {
    {"ldp", access_load_pair, false},      {"stp", access_store_pair, true},
    {"ldr post", access_load_post, false}, {"ldr pre", access_load_pre, false},
    {"str post", access_store_post, true}, {"ldr q", access_load_vector, false},
    {"str q", access_store_vector, true},  {"ldxr", access_load_exclusive, false},
};

struct Holes {
    std::uint64_t at[10];
    unsigned count = 0;
    void add(const Machine& machine, std::uint64_t address) {
        if (address < machine.ipa_limit() && address < bit_mask(47, 0) &&
            !machine.is_somewhere(address))
            at[count++] = address & ~std::uint64_t{15};
    }
};

Holes holes_of(const Machine& machine) {
    Holes holes;
    holes.add(machine, 0);
    holes.add(machine, machine.distributor.start - 16);
    holes.add(machine, machine.distributor.end());
    holes.add(machine, machine.redistributors.end());
    holes.add(machine, machine.uart.end());
    holes.add(machine, machine.memory.start - 16);
    holes.add(machine, machine.memory.end());
    holes.add(machine, machine.memory.end() + 3 * GiB / 2);
    holes.add(machine, machine.ipa_limit() - 16);
    return holes;
}

void probe_at(const NamedAccess& access, std::uint64_t va) {
    const Fault fault = probe(access.function, va, 0x5555);
    expect_fault(access.name, fault,
                 {.esr = access.store ? store_esr : load_esr,
                  .far = va,
                  .elr = address_of(access.function)});
    // Nothing of the instruction happens, not even the change of its base register.
    expect(access.name, fault.x0, va);
}

} // namespace

void case_holes(Machine& machine) {
    const Holes holes = holes_of(machine);
    for (unsigned i = 0; i < holes.count; ++i) {
        for (const WindowKind kind :
             {WindowKind::device, WindowKind::normal, WindowKind::non_cacheable}) {
            const std::uint64_t va = map_window(Window::general, holes.at[i], kind);
            for (const NamedAccess& access : simple)
                probe_at(access, va);
        }
        const std::uint64_t va = map_window(Window::general, holes.at[i], WindowKind::normal);
        expect_fault("fetch", probe(access_jump, va), {.esr = fetch_esr, .far = va, .elr = va});
    }
}

void case_holes_el0(Machine& machine) {
    const Holes holes = holes_of(machine);
    for (unsigned i = 0; i < holes.count; ++i) {
        const std::uint64_t va = map_window(Window::el0, holes.at[i], WindowKind::el0);
        for (const NamedAccess& access : simple) {
            const Fault fault = probe_el0(access.function, va);
            expect_fault(access.name, fault,
                         {.esr = access.store ? store_el0_esr : load_el0_esr,
                          .far = va,
                          .elr = el0_address(access.function),
                          .el0 = true});
        }
        expect_fault("fetch", probe_el0_at(va, 0),
                     {.esr = fetch_el0_esr, .far = va, .elr = va, .el0 = true});
    }
}

void case_no_syndrome(Machine& machine) {
    const Holes holes = holes_of(machine);
    for (unsigned i = 0; i < holes.count; ++i) {
        const std::uint64_t va = map_window(Window::general, holes.at[i], WindowKind::normal);
        for (const NamedAccess& access : complex)
            probe_at(access, va);
        probe_at({"dc zva", access_dc_zva, true}, va & ~std::uint64_t{0xfff});
    }
    // [23:20] Atomic of ID_AA64ISAR0_EL1. Whether WnR is set depends on the CPU.
    if ((TWOFOLD_READ_SYSREG(ID_AA64ISAR0_EL1) >> 20 & 0xf) >= 2) {
        const std::uint64_t va =
            map_window(Window::general, machine.memory.end(), WindowKind::normal);
        const Fault fault = probe(access_store_atomic, va);
        expect_fault("ldadd", fault,
                     {.esr = load_esr | (fault.esr & 1U << 6),
                      .far = va,
                      .elr = address_of(access_store_atomic)});
    }
    // Devices take only what can be emulated.
    for (const std::uint64_t device : {machine.uart.start + 0x18, machine.distributor.start + 0x80,
                                       machine.redistributors.start + 0x10080}) {
        const std::uint64_t va = map_window(Window::general, device, WindowKind::non_cacheable);
        for (const NamedAccess& access : complex)
            probe_at(access, va);
    }
}

void case_maintenance(Machine& machine) {
    constexpr NamedAccess operations[] = {
        {"dc cvac", access_dc_cvac, false}, {"dc civac", access_dc_civac, false},
        {"dc ivac", access_dc_ivac, false}, {"dc cvau", access_dc_cvau, false},
        {"ic ivau", access_ic_ivau, false}, {"prfm", access_prefetch, false},
    };
    const std::uint64_t fresh = machine.fresh(4 * KiB, 4 * KiB);
    const Holes holes = holes_of(machine);
    for (const NamedAccess& operation : operations) {
        for (unsigned i = 0; i < holes.count; ++i) {
            const std::uint64_t va = map_window(Window::general, holes.at[i], WindowKind::normal);
            expect_no_fault(operation.name, probe(operation.function, va));
        }
        const std::uint64_t device =
            map_window(Window::general, machine.uart.start, WindowKind::normal);
        expect_no_fault(operation.name, probe(operation.function, device));
        expect_no_fault(operation.name, probe(operation.function, fresh));
    }
    // By set and way: every way of the first sets, at all levels that there are.
    for (std::uint64_t level = 0; level < 3; ++level) {
        for (std::uint64_t set = 0; set < 8; ++set) {
            const std::uint64_t operand = set << 6 | level << 1;
            asm volatile("dc cisw, %0\n\tdc csw, %0" ::"r"(operand) : "memory");
        }
    }
    hyp::dsb_sy();
    asm volatile("ic iallu\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
    expect("memory after it", *reinterpret_cast<volatile std::uint64_t*>(fresh), 0);
}

void case_beyond(Machine& machine) {
    // DFSC 0b000001: address size fault, level 1, where the block is.
    constexpr std::uint64_t level_1 = 1;
    constexpr std::uint64_t syndrome = ~std::uint64_t{0x3f};
    for (unsigned bit = machine.ipa_bits(); bit < 48; ++bit) {
        const std::uint64_t ipa = std::uint64_t{1} << bit | machine.memory.start;
        const std::uint64_t va = map_window(Window::general, ipa, WindowKind::normal);
        Fault fault = probe(access_load64, va);
        expect_fault(
            "load", fault,
            {.esr = (load_esr & syndrome) | level_1, .far = va, .elr = address_of(access_load64)});
        fault = probe(access_store_pair, va);
        expect_fault("stp", fault,
                     {.esr = (store_esr & syndrome) | level_1,
                      .far = va,
                      .elr = address_of(access_store_pair)});
        fault = probe(access_jump, va);
        expect_fault("fetch", fault,
                     {.esr = (fetch_esr & syndrome) | level_1, .far = va, .elr = va});
    }
}

} // namespace twofold::payload
