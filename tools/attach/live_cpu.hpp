// SPDX-License-Identifier: MIT
// LiveCpu: the registers of stage 2 on one CPU of a machine that stands still, and LiveStage2: the
// CPUs that are in the same one.
#pragma once

#include "tools/attach/gdb_client.hpp"
#include "tools/attach/target_description.hpp"
#include "tools/walk/regime.hpp"

#include <twofold/arch/cpu_features.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

struct LiveCpu {
    unsigned number = 0;
    RegimeRegisters registers;
    IdRegisters id;
    bool own_id = false; // the gdbstub has its ID registers, else `id` is of a CPU with everything

    bool stage2_is_on() const { return (registers.hcr & 1) != 0; } // VM
    // Where stage 2 is off, VTTBR_EL2 may have been cleared, or never set.
    bool has_table() const;
    unsigned vmid() const;
};

struct LiveStage2 {
    unsigned vmid = 0;
    std::vector<unsigned> cpus;
    RegimeRegisters registers; // of the first of them
    Regime regime;
};

// The registers of the CPU that `gdb` has selected. The error says what it does not have.
Result<LiveCpu> read_cpu(GdbClient& gdb, const TargetDescription& description, unsigned number);

// Without those whose stage 2 is off, unless `off` asks for what their registers hold nevertheless.
// HCR_EL2.FWB is then the host's, and says nothing: it is taken as set where the CPU has it.
std::vector<LiveStage2> group_cpus(const std::vector<LiveCpu>& cpus, bool off);

// "CPU 0", "CPUs 0, 1"
std::string cpu_words(const std::vector<unsigned>& cpus);

} // namespace twofold::tool
