// SPDX-License-Identifier: MIT
// Pl011: driver of the real UART. It works before the MMU is on (aligned 32-bit accesses only) and
// does not lock: output of several CPUs goes through Console.
#pragma once

#include "devices/character.hpp"

#include <cstdint>

namespace twofold::hyp {

class Pl011 final : public CharacterOutput, public CharacterInput {
public:
    constexpr Pl011() = default;

    // Turns the UART on with FIFOs and no interrupts. Keeps the baud rate of the firmware.
    void init(std::uintptr_t base);
    // The same device at another address, when the MMU is turned on.
    void move(std::uintptr_t base) { base_ = base; }

    // Waits while the transmit FIFO is full.
    void put(char character) override;
    bool try_get(char& character) override;
    // Interrupts at half a FIFO and when a shorter input pauses. Level: gone when the FIFO is
    // empty.
    void set_receive_interrupt(bool enabled) override;
    void enable_receive_interrupt() { set_receive_interrupt(true); }
    // Waits until the last character has left; call it before the machine stops.
    void drain();

private:
    std::uint32_t read(unsigned offset) const;
    void write(unsigned offset, std::uint32_t value);

    std::uintptr_t base_ = 0;
};

} // namespace twofold::hyp
