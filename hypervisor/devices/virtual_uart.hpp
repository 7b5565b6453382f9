// SPDX-License-Identifier: MIT
// VirtualUart: an emulated PL011 (r1p5, 32-deep FIFOs) for a guest.
//
// The transmitter is never busy: characters go straight to the output. Received characters stay in
// the real UART while the guest's FIFO is full or its receiver off, so nothing is lost.
#pragma once

#include "cpu/spinlock.hpp"
#include "devices/character.hpp"
#include "devices/interrupt_line.hpp"
#include "devices/mmio.hpp"

#include <array>
#include <cstdint>

namespace twofold::hyp {

class VirtualUart final : public MmioDevice {
public:
    static constexpr std::uint64_t frame_size = 0x1000;
    static constexpr unsigned fifo_depth = 32;

    constexpr VirtualUart() = default;

    // Lock order: this device, then the console and the interrupt controller.
    void init(Ipa base, CharacterOutput& output, CharacterInput& input, InterruptLine& interrupt);
    // As after power-on. Nothing that waits in the real UART is lost.
    void reset();

    bool access(unsigned vcpu, MmioAccess& access) override;
    // To be called on the real UART's receive interrupt, before it is deactivated.
    void receive();

private:
    std::uint32_t read_register(unsigned offset);
    void write_register(unsigned offset, std::uint32_t value);
    std::uint32_t flags() const;
    std::uint32_t take();
    void store(std::uint32_t entry);
    void pump();
    void transmit(char character);
    unsigned depth() const;
    unsigned receive_trigger() const;
    bool receiver_on() const;
    void update_interrupt();

    Spinlock lock_;
    CharacterOutput* output_ = nullptr;
    CharacterInput* input_ = nullptr;
    InterruptLine* interrupt_ = nullptr;

    std::array<std::uint16_t, fifo_depth> fifo_{}; // data with its error bits, as in UARTDR
    unsigned first_ = 0;
    unsigned count_ = 0;

    std::uint32_t receive_status_ = 0;
    std::uint32_t low_power_ = 0;
    std::uint32_t integer_baud_ = 0;
    std::uint32_t fractional_baud_ = 0;
    std::uint32_t line_control_ = 0;
    std::uint32_t control_ = 0;
    std::uint32_t fifo_levels_ = 0;
    std::uint32_t mask_ = 0;
    std::uint32_t raw_ = 0;
    std::uint32_t dma_control_ = 0;
    bool level_ = false; // of the interrupt line
};

} // namespace twofold::hyp
