// SPDX-License-Identifier: MIT
// What an exception saved: the registers of a guest (or of EL2 itself) and the syndrome.
#pragma once

#include "cpu/per_cpu_layout.hpp"

#include <cstddef>
#include <cstdint>

namespace twofold::hyp {

struct TrapFrame {
    std::uint64_t x[31];
    std::uint64_t elr;
    std::uint64_t spsr;
    std::uint64_t esr;
    std::uint64_t far;
    std::uint64_t hpfar;

    // Register 31 is the zero register in every trapped instruction.
    std::uint64_t get(unsigned number) const { return number < 31 ? x[number] : 0; }
    void set(unsigned number, std::uint64_t value) {
        if (number < 31)
            x[number] = value;
    }
};

static_assert(offsetof(TrapFrame, elr) == TRAP_FRAME_ELR);
static_assert(offsetof(TrapFrame, spsr) == TRAP_FRAME_SPSR);
static_assert(offsetof(TrapFrame, esr) == TRAP_FRAME_ESR);
static_assert(offsetof(TrapFrame, far) == TRAP_FRAME_FAR);
static_assert(offsetof(TrapFrame, hpfar) == TRAP_FRAME_HPFAR);
static_assert(sizeof(TrapFrame) == TRAP_FRAME_SIZE && TRAP_FRAME_SIZE % 16 == 0);

// Where an exception came from, as the vector says.
enum class TrapKind : std::uint64_t { synchronous, irq, fiq, serror };

// ESR_EL2 [31:26] EC
enum class ExceptionClass : unsigned {
    unknown = 0x00,
    wfx = 0x01,
    cp15_mcr = 0x03,
    fp_access = 0x07,
    pointer_authentication = 0x09,
    hvc32 = 0x12,
    smc32 = 0x13,
    hvc64 = 0x16,
    smc64 = 0x17,
    system_register = 0x18,
    sve_access = 0x19,
    instruction_abort_lower = 0x20,
    instruction_abort_same = 0x21,
    data_abort_lower = 0x24,
    data_abort_same = 0x25,
};

constexpr ExceptionClass exception_class(std::uint64_t esr) {
    return static_cast<ExceptionClass>((esr >> 26) & 0x3f);
}

} // namespace twofold::hyp
