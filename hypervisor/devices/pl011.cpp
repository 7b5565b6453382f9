// SPDX-License-Identifier: MIT
// The registers of the real UART.
#include "devices/pl011.hpp"

#include "devices/pl011_registers.hpp"

namespace twofold::hyp {

std::uint32_t Pl011::read(unsigned offset) const {
    return *reinterpret_cast<const volatile std::uint32_t*>(base_ + offset);
}

void Pl011::write(unsigned offset, std::uint32_t value) {
    *reinterpret_cast<volatile std::uint32_t*>(base_ + offset) = value;
}

void Pl011::init(std::uintptr_t base) {
    base_ = base;
    write(pl011::mask, 0);
    // A change of FEN empties the FIFOs, so one that is right already stays.
    if ((read(pl011::line_control) & pl011::line_fifo_enable) == 0)
        write(pl011::line_control, pl011::line_eight_bits | pl011::line_fifo_enable);
    write(pl011::control, pl011::control_enable | pl011::control_transmit | pl011::control_receive);
}

void Pl011::put(char character) {
    while ((read(pl011::flag) & pl011::flag_transmit_full) != 0) {
    }
    write(pl011::data, static_cast<unsigned char>(character));
}

bool Pl011::try_get(char& character) {
    if ((read(pl011::flag) & pl011::flag_receive_empty) != 0)
        return false;
    character = static_cast<char>(read(pl011::data) & 0xff);
    return true;
}

void Pl011::set_receive_interrupt(bool enabled) {
    // The status is never cleared by hand: what is in the FIFO keeps it up.
    write(pl011::mask, enabled ? pl011::interrupt_receive | pl011::interrupt_receive_timeout : 0);
}

void Pl011::drain() {
    while ((read(pl011::flag) & pl011::flag_busy) != 0) {
    }
}

} // namespace twofold::hyp
