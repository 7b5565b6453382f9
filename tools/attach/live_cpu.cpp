// SPDX-License-Identifier: MIT
// Reading and grouping of CPUs.
#include "tools/attach/live_cpu.hpp"

#include <twofold/arch/vtcr.hpp>
#include <twofold/arch/vttbr.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

using SctlrEe = Field<25>;
using HcrFwb = Field<46>;

// A register that not every QEMU offers; empty also if it is offered and not given.
Result<std::optional<std::uint64_t>>
read_offered(GdbClient& gdb, const TargetDescription& description, std::string_view name) {
    const auto number = description.number(name);
    if (!number) {
        return std::optional<std::uint64_t>{};
    }
    const auto value = gdb.read_register(*number);
    return value ? Result<std::optional<std::uint64_t>>{std::optional{*value}}
                 : Failure{value.error()};
}

// The same tables, read in the same way, by the same VMID. What else is in these registers
// (Common not Private, virtual interrupts) differs between CPUs.
bool same_stage2(const RegimeRegisters& a, const RegimeRegisters& b) {
    return a.vtcr == b.vtcr && Vttbr::cnp::set(a.vttbr, 0) == Vttbr::cnp::set(b.vttbr, 0) &&
           HcrFwb::get(a.hcr) == HcrFwb::get(b.hcr) && a.big_endian == b.big_endian &&
           a.s2pir == b.s2pir;
}

} // namespace

bool LiveCpu::has_table() const {
    return stage2_is_on() || Vttbr::baddr::get(registers.vttbr) != 0;
}

unsigned LiveCpu::vmid() const {
    const auto vmid = static_cast<unsigned>(Vttbr::vmid::get(registers.vttbr));
    return Vtcr::vs::is_set(registers.vtcr) ? vmid : vmid & 0xff;
}

Result<LiveCpu> read_cpu(GdbClient& gdb, const TargetDescription& description, unsigned number) {
    LiveCpu cpu{.number = number, .registers = {}, .id = known_cpus().front().registers};
    std::uint64_t sctlr = 0;
    const struct {
        std::string_view name;
        std::uint64_t& value;
        bool required;
    } wanted[] = {{"VTCR_EL2", cpu.registers.vtcr, true},
                  {"VTTBR_EL2", cpu.registers.vttbr, true},
                  {"HCR_EL2", cpu.registers.hcr, true},
                  {"SCTLR_EL2", sctlr, false},
                  {"S2PIR_EL2", cpu.registers.s2pir, false}};
    for (const auto& [name, value, required] : wanted) {
        const auto read = read_offered(gdb, description, name);
        if (!read) {
            return Failure{read.error()};
        }
        if (!*read && required) {
            return Failure{fmt::format("CPU {} has no EL2: its gdbstub has no {} (QEMU's machine "
                                       "\"virt\" has EL2 with virtualization=on)",
                                       number, name)};
        }
        value = read->value_or(0);
    }
    cpu.registers.big_endian = SctlrEe::is_set(sctlr);
    IdRegisters id;
    const struct {
        std::string_view name;
        std::uint64_t& value;
    } ids[] = {{"ID_AA64MMFR0_EL1", id.mmfr0},
               {"ID_AA64MMFR1_EL1", id.mmfr1},
               {"ID_AA64MMFR2_EL1", id.mmfr2},
               {"ID_AA64MMFR3_EL1", id.mmfr3},
               {"ID_AA64ISAR0_EL1", id.isar0},
               {"ID_AA64ISAR1_EL1", id.isar1},
               {"CTR_EL0", id.ctr}};
    unsigned offered = 0;
    for (const auto& [name, value] : ids) {
        const auto read = read_offered(gdb, description, name);
        if (!read) {
            return Failure{read.error()};
        }
        value = read->value_or(0);
        offered += *read && name.contains("MMFR") ? 1 : 0;
    }
    // ID_AA64MMFR3_EL1 is younger than the other three, and 0 where it is not.
    cpu.own_id = offered >= 3;
    if (cpu.own_id) {
        cpu.id = id;
    }
    return cpu;
}

std::vector<LiveStage2> group_cpus(const std::vector<LiveCpu>& cpus, bool off) {
    std::vector<LiveStage2> groups;
    for (const LiveCpu& cpu : cpus) {
        if (!cpu.stage2_is_on() && (!off || !cpu.has_table())) {
            continue;
        }
        RegimeRegisters registers = cpu.registers;
        if (!cpu.stage2_is_on()) {
            registers.hcr = HcrFwb::set(registers.hcr | 1, CpuFeatures::from(cpu.id).fwb ? 1 : 0);
        }
        const auto found = std::ranges::find_if(groups, [&](const LiveStage2& group) {
            return group.vmid == cpu.vmid() && same_stage2(group.registers, registers);
        });
        if (found != groups.end()) {
            found->cpus.push_back(cpu.number);
            continue;
        }
        const KnownCpu known{cpu.own_id ? "as its ID registers say" : known_cpus().front().name,
                             cpu.id};
        groups.push_back({.vmid = cpu.vmid(),
                          .cpus = {cpu.number},
                          .registers = registers,
                          .regime = Regime{known, registers}});
    }
    return groups;
}

std::string cpu_words(const std::vector<unsigned>& cpus) {
    return fmt::format("CPU{} {}", cpus.size() == 1 ? "" : "s", fmt::join(cpus, ", "));
}

} // namespace twofold::tool
