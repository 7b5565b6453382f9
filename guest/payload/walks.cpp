// SPDX-License-Identifier: MIT
// Stage-1 tables in holes, beyond the address space, and in memory that nobody has touched.
#include "cases.hpp"
#include "cpu/sysreg.hpp"
#include "probe.hpp"
#include "report.hpp"
#include "stage1.hpp"

namespace twofold::payload {

namespace {

// DFSC of a fault on level n of stage 1, without n
constexpr std::uint64_t address_size = 0x00;
constexpr std::uint64_t translation = 0x04;
constexpr std::uint64_t external_on_walk = 0x14;

constexpr std::uint64_t load_esr = 0x96000000;
constexpr std::uint64_t store_esr = 0x96000040;
constexpr std::uint64_t fetch_esr = 0x86000000;
constexpr std::uint64_t load_el0_esr = 0x92000000;

alignas(4096) constinit TranslationTable tables[2]{};

// The entries of the root that are used here; 0 is that of the windows.
constexpr unsigned entry_of_level_1 = 8;
constexpr unsigned entry_of_level_2 = 9;
constexpr unsigned entry_of_memory = 16;

// All kinds of access whose walk reads `table` at `level`. An address that is too wide is reported
// with the level of the descriptor that has it, and with level 0 in TTBR1_EL1.
void walk_into(std::uint64_t table, unsigned level, std::uint64_t va, std::uint64_t status) {
    const unsigned reported = status == address_size && level != 0 ? level - 1 : level;
    const std::uint64_t expected = status | reported;
    expect_fault("load", probe(access_load64, va),
                 {.esr = load_esr | expected, .far = va, .elr = address_of(access_load64)});
    expect_fault("store", probe(access_store32, va),
                 {.esr = store_esr | expected, .far = va, .elr = address_of(access_store32)});
    expect_fault("ldp", probe(access_load_pair, va),
                 {.esr = load_esr | expected, .far = va, .elr = address_of(access_load_pair)});
    expect_fault("fetch", probe(access_jump, va),
                 {.esr = fetch_esr | expected, .far = va, .elr = va});
    if (table != 0 && level != 0)
        expect_fault("load at EL0", probe_el0(access_load64, va),
                     {.esr = load_el0_esr | expected,
                      .far = va,
                      .elr = el0_address(access_load64),
                      .el0 = true});
}

void walk_at_all_levels(std::uint64_t hole, std::uint64_t status) {
    TranslationTable& root = high_root();
    const std::uint64_t good = TWOFOLD_READ_SYSREG(TTBR1_EL1);

    TWOFOLD_WRITE_SYSREG(TTBR1_EL1, hole);
    forget_translations();
    walk_into(0, 0, high_address(entry_of_level_1), status);
    TWOFOLD_WRITE_SYSREG(TTBR1_EL1, good);

    root[entry_of_level_1] = table_descriptor(hole);
    forget_translations();
    walk_into(hole, 1, high_address(entry_of_level_1), status);

    root[entry_of_level_2] = table_descriptor(reinterpret_cast<std::uintptr_t>(&tables[0]));
    tables[0][0] = table_descriptor(hole);
    tables[0][1] = table_descriptor(reinterpret_cast<std::uintptr_t>(&tables[1]));
    tables[1][0] = table_descriptor(hole);
    forget_translations();
    walk_into(hole, 2, high_address(entry_of_level_2), status);
    walk_into(hole, 3, high_address(entry_of_level_2) + GiB, status);

    root[entry_of_level_1] = 0;
    root[entry_of_level_2] = 0;
    forget_translations();
}

void touch(const char* what, std::uint64_t va, unsigned level) {
    expect_fault(
        what, probe(access_load64, va),
        {.esr = load_esr | translation | level, .far = va, .elr = address_of(access_load64)});
}

} // namespace

void case_walk_holes(Machine& machine) {
    walk_at_all_levels(0x0a000000, external_on_walk);
    walk_at_all_levels(machine.memory.end(), external_on_walk);
    // Tables are not read from devices.
    walk_at_all_levels(machine.uart.start, external_on_walk);
    walk_at_all_levels(machine.distributor.start, external_on_walk);
    // AT reports the fault as an abort of its own: [8] CM, [6] WnR.
    high_root()[entry_of_level_1] = table_descriptor(machine.memory.end());
    forget_translations();
    const std::uint64_t va = high_address(entry_of_level_1);
    const Fault fault = probe(access_translate, va);
    expect_fault("at s1e1r", fault,
                 {.esr = 0x96000000 | external_on_walk | 1 | (fault.esr & 0x140),
                  .far = va,
                  .elr = address_of(access_translate)});
    high_root()[entry_of_level_1] = 0;
    forget_translations();
    for (unsigned bit = machine.ipa_bits(); bit < 48; ++bit)
        walk_at_all_levels(std::uint64_t{1} << bit, address_size);
}

void case_walk_memory(Machine& machine) {
    TranslationTable& root = high_root();
    const std::uint64_t va = high_address(entry_of_memory);
    std::uint64_t table[3];
    for (std::uint64_t& page : table)
        page = machine.fresh(2 * MiB, 2 * MiB);
    const std::uint64_t page = machine.fresh(4 * KiB, 4 * KiB);

    // Each walk reads a table that nobody has touched; it is zero.
    root[entry_of_memory] = table_descriptor(table[0]);
    forget_translations();
    touch("level 1", va, 1);
    const auto write = [](std::uint64_t at, std::uint64_t value) {
        *reinterpret_cast<volatile std::uint64_t*>(at) = value;
        forget_translations();
    };
    write(table[0], table_descriptor(table[1]));
    touch("level 2", va, 2);
    write(table[1], table_descriptor(table[2]));
    touch("level 3", va, 3);
    // The page, too, is touched for the first time through this walk.
    write(table[2], page | page_attributes);
    const Fault fault = probe(access_load64, va);
    expect_no_fault("load", fault);
    expect("fresh page", fault.x0, 0);
    expect_no_fault("store", probe(access_store64, va, 0x1234));
    expect("the page elsewhere", *reinterpret_cast<volatile std::uint64_t*>(page), 0x1234);

    // A walk that updates the table: [3:0] HAFDBS of ID_AA64MMFR1_EL1, TCR_EL1 [39] HA.
    if ((TWOFOLD_READ_SYSREG(ID_AA64MMFR1_EL1) & 0xf) != 0) {
        const std::uint64_t control = TWOFOLD_READ_SYSREG(TCR_EL1);
        const std::uint64_t last = machine.fresh(4 * KiB, 4 * KiB);
        const std::uint64_t other = machine.fresh(4 * KiB, 4 * KiB);
        write(last, (other | page_attributes) & ~(std::uint64_t{1} << 10));
        write(table[1] + 8, table_descriptor(last));
        TWOFOLD_WRITE_SYSREG(TCR_EL1, control | std::uint64_t{1} << 39);
        forget_translations();
        expect_no_fault("load that sets AF", probe(access_load64, va + 2 * MiB));
        expect("AF", *reinterpret_cast<volatile std::uint64_t*>(last) >> 10 & 1, 1);
        TWOFOLD_WRITE_SYSREG(TCR_EL1, control);
    }
    root[entry_of_memory] = 0;
    forget_translations();
}

} // namespace twofold::payload
