// SPDX-License-Identifier: MIT
// InterruptBank: the state of 32 interrupts, a bit each, as the GIC's registers show it.
//
//   pending = latched, or the line is high and the interrupt is level-sensitive or a physical one
//
//   in memory only        resident = 0   the bits here are the truth
//   in a list register    resident = 1   a latch and news about `active` are there; the vCPU that
//                                        holds it brings them back on its exit
//
// A physical interrupt (hardware = 1) is active at the physical GIC exactly while line or active is
// set here; `release` are those that the guest made inactive behind the back of its CPU interface.
#pragma once

#include <array>
#include <cstdint>

namespace twofold::hyp {

struct InterruptBank {
    static constexpr unsigned size = 32;

    std::uint32_t group = ~std::uint32_t{0}; // 1: group 1
    std::uint32_t enabled = 0;
    std::uint32_t latched = 0;
    std::uint32_t line = 0;
    std::uint32_t active = 0;
    std::uint32_t edge = 0;
    std::uint32_t hardware = 0;
    std::uint32_t release = 0;
    std::uint32_t resident = 0;
    std::uint32_t held = 0; // must not go to a list register now
    std::array<std::uint8_t, size> priority{};
    std::array<std::uint16_t, size> physical{}; // the physical INTID, where hardware = 1

    constexpr std::uint32_t pending() const { return latched | (line & (~edge | hardware)); }
    // A rising line latches an edge interrupt.
    constexpr void set_line(std::uint32_t mask, bool level) {
        if (!level) {
            line &= ~mask;
            return;
        }
        latched |= mask & ~line & edge;
        line |= mask;
    }
};

// The registers that have one bit for each interrupt, in the order of their offsets.
enum class BankRegister : std::uint8_t {
    group,         // IGROUPR
    set_enable,    // ISENABLER
    clear_enable,  // ICENABLER
    set_pending,   // ISPENDR
    clear_pending, // ICPENDR
    set_active,    // ISACTIVER
    clear_active,  // ICACTIVER
};

// Whether interrupts in list registers must be brought back before the access.
bool needs_recall(BankRegister which, bool write);
std::uint32_t read_bank(const InterruptBank& bank, BankRegister which);
void write_bank(InterruptBank& bank, BankRegister which, std::uint32_t value);

// IPRIORITYR: `bytes` (1 or 4) priorities from `first` on. Five bits are implemented.
std::uint32_t read_priorities(const InterruptBank& bank, unsigned first, unsigned bytes);
void write_priorities(InterruptBank& bank, unsigned first, unsigned bytes, std::uint32_t value);

// ICFGR: two bits each for 16 interrupts, the lower or the upper half of the bank.
std::uint32_t read_configuration(const InterruptBank& bank, bool upper);
void write_configuration(InterruptBank& bank, bool upper, std::uint32_t value);

} // namespace twofold::hyp
