// SPDX-License-Identifier: MIT
// The registers of the PL011 by offset, and their fields, as the driver and the emulation use them.
#pragma once

#include <cstdint>

namespace twofold::hyp::pl011 {

inline constexpr unsigned data = 0x000;            // UARTDR
inline constexpr unsigned receive_status = 0x004;  // UARTRSR, UARTECR
inline constexpr unsigned flag = 0x018;            // UARTFR
inline constexpr unsigned low_power = 0x020;       // UARTILPR
inline constexpr unsigned integer_baud = 0x024;    // UARTIBRD
inline constexpr unsigned fractional_baud = 0x028; // UARTFBRD
inline constexpr unsigned line_control = 0x02c;    // UARTLCR_H
inline constexpr unsigned control = 0x030;         // UARTCR
inline constexpr unsigned fifo_levels = 0x034;     // UARTIFLS
inline constexpr unsigned mask = 0x038;            // UARTIMSC
inline constexpr unsigned raw_status = 0x03c;      // UARTRIS
inline constexpr unsigned masked_status = 0x040;   // UARTMIS
inline constexpr unsigned clear = 0x044;           // UARTICR
inline constexpr unsigned dma_control = 0x048;     // UARTDMACR
inline constexpr unsigned identification = 0xfe0;  // UARTPeriphID0 to UARTPCellID3

inline constexpr std::uint32_t data_overrun = 1u << 11; // UARTDR.OE

inline constexpr std::uint32_t flag_clear_to_send = 1u << 0;
inline constexpr std::uint32_t flag_data_set_ready = 1u << 1;
inline constexpr std::uint32_t flag_carrier_detect = 1u << 2;
inline constexpr std::uint32_t flag_busy = 1u << 3;
inline constexpr std::uint32_t flag_receive_empty = 1u << 4;
inline constexpr std::uint32_t flag_transmit_full = 1u << 5;
inline constexpr std::uint32_t flag_receive_full = 1u << 6;
inline constexpr std::uint32_t flag_transmit_empty = 1u << 7;

inline constexpr std::uint32_t line_fifo_enable = 1u << 4; // UARTLCR_H.FEN
inline constexpr std::uint32_t line_eight_bits = 3u << 5;  // UARTLCR_H.WLEN

inline constexpr std::uint32_t control_enable = 1u << 0;
inline constexpr std::uint32_t control_loopback = 1u << 7;
inline constexpr std::uint32_t control_transmit = 1u << 8;
inline constexpr std::uint32_t control_receive = 1u << 9;

inline constexpr std::uint32_t interrupt_receive = 1u << 4;
inline constexpr std::uint32_t interrupt_transmit = 1u << 5;
inline constexpr std::uint32_t interrupt_receive_timeout = 1u << 6;
inline constexpr std::uint32_t interrupt_overrun = 1u << 10;
inline constexpr std::uint32_t all_interrupts = 0x7ff;

} // namespace twofold::hyp::pl011
