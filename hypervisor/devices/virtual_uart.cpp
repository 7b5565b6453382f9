// SPDX-License-Identifier: MIT
// The registers of the emulated UART.
#include "devices/virtual_uart.hpp"

#include "devices/pl011_registers.hpp"

namespace twofold::hyp {

namespace {

constexpr std::uint32_t half_full = 2; // UARTIFLS: both FIFOs at a half

// UARTPeriphID0 to 3, UARTPCellID0 to 3: PL011, Arm, revision 3 (r1p5)
constexpr std::array<std::uint8_t, 8> identification{0x11, 0x10, 0x34, 0x00,
                                                     0x0d, 0xf0, 0x05, 0xb1};

} // namespace

void VirtualUart::init(Ipa base, CharacterOutput& output, CharacterInput& input,
                       InterruptLine& interrupt) {
    place(base, frame_size);
    output_ = &output;
    input_ = &input;
    interrupt_ = &interrupt;
    reset();
}

void VirtualUart::reset() {
    const LockGuard guard{lock_};
    first_ = 0;
    count_ = 0;
    receive_status_ = 0;
    low_power_ = 0;
    integer_baud_ = 0;
    fractional_baud_ = 0;
    line_control_ = 0;
    control_ = pl011::control_transmit | pl011::control_receive;
    fifo_levels_ = half_full | half_full << 3;
    mask_ = 0;
    raw_ = 0;
    dma_control_ = 0;
    update_interrupt();
    input_->set_receive_interrupt(false);
}

bool VirtualUart::access(unsigned, MmioAccess& access) {
    if (access.bytes > 4 || !access.ipa.is_aligned(access.bytes))
        return false;
    const unsigned offset = static_cast<unsigned>(access.ipa - base());
    // Registers are words. A narrow access to their low bytes is fine, the others are empty.
    if (offset % 4 != 0) {
        access.value = 0;
        return true;
    }
    const LockGuard guard{lock_};
    if (access.write)
        write_register(
            offset, static_cast<std::uint32_t>(access.value & bit_mask(8 * access.bytes - 1, 0)));
    else
        access.value = read_register(offset);
    return true;
}

void VirtualUart::receive() {
    const LockGuard guard{lock_};
    pump();
}

std::uint32_t VirtualUart::read_register(unsigned offset) {
    switch (offset) {
    case pl011::data:
        return take();
    case pl011::receive_status:
        return receive_status_;
    case pl011::flag:
        return flags();
    case pl011::low_power:
        return low_power_;
    case pl011::integer_baud:
        return integer_baud_;
    case pl011::fractional_baud:
        return fractional_baud_;
    case pl011::line_control:
        return line_control_;
    case pl011::control:
        return control_;
    case pl011::fifo_levels:
        return fifo_levels_;
    case pl011::mask:
        return mask_;
    case pl011::raw_status:
        return raw_;
    case pl011::masked_status:
        return raw_ & mask_;
    case pl011::dma_control:
        return dma_control_;
    default:
        break;
    }
    if (offset >= pl011::identification && offset < frame_size)
        return identification[(offset - pl011::identification) / 4];
    return 0;
}

void VirtualUart::write_register(unsigned offset, std::uint32_t value) {
    switch (offset) {
    case pl011::data:
        transmit(static_cast<char>(value & 0xff));
        break;
    case pl011::receive_status: // UARTECR: any write clears the errors
        receive_status_ = 0;
        break;
    case pl011::low_power:
        low_power_ = value & 0xff;
        break;
    case pl011::integer_baud:
        integer_baud_ = value & 0xffff;
        break;
    case pl011::fractional_baud:
        fractional_baud_ = value & 0x3f;
        break;
    case pl011::line_control:
        line_control_ = value & 0xff;
        pump();
        break;
    case pl011::control:
        control_ = value & 0xff87;
        pump();
        break;
    case pl011::fifo_levels:
        fifo_levels_ = value & 0x3f;
        pump();
        break;
    case pl011::mask:
        mask_ = value & pl011::all_interrupts;
        break;
    case pl011::clear:
        raw_ &= ~value;
        break;
    case pl011::dma_control:
        dma_control_ = value & 0x7;
        break;
    default:
        break;
    }
    update_interrupt();
}

std::uint32_t VirtualUart::flags() const {
    // The other side of the line is always there.
    std::uint32_t value = pl011::flag_clear_to_send | pl011::flag_data_set_ready |
                          pl011::flag_carrier_detect | pl011::flag_transmit_empty;
    if (count_ == 0)
        value |= pl011::flag_receive_empty;
    if (count_ >= depth())
        value |= pl011::flag_receive_full;
    return value;
}

std::uint32_t VirtualUart::take() {
    if (count_ == 0)
        return 0;
    const std::uint32_t entry = fifo_[first_];
    first_ = (first_ + 1) % fifo_depth;
    --count_;
    receive_status_ = (entry >> 8) & 0xf;
    if (count_ < receive_trigger())
        raw_ &= ~pl011::interrupt_receive;
    if (count_ == 0)
        raw_ &= ~pl011::interrupt_receive_timeout;
    else
        raw_ |= pl011::interrupt_receive_timeout;
    pump();
    return entry;
}

void VirtualUart::store(std::uint32_t entry) {
    fifo_[(first_ + count_) % fifo_depth] = static_cast<std::uint16_t>(entry);
    ++count_;
    if (count_ >= receive_trigger())
        raw_ |= pl011::interrupt_receive;
    // Characters come in at once; the pause that the timeout waits for is over at the end.
    raw_ |= pl011::interrupt_receive_timeout;
}

void VirtualUart::pump() {
    char character = 0;
    while (receiver_on() && count_ < depth() && input_->try_get(character))
        store(static_cast<unsigned char>(character));
    // Without space the interrupt of the real UART would come for ever.
    input_->set_receive_interrupt(receiver_on() && count_ < depth());
    update_interrupt();
}

void VirtualUart::transmit(char character) {
    if ((control_ & pl011::control_loopback) != 0) {
        if (count_ < depth())
            store(static_cast<unsigned char>(character));
        else
            raw_ |= pl011::interrupt_overrun;
    } else {
        output_->put(character);
    }
    // The FIFO has run empty again.
    raw_ |= pl011::interrupt_transmit;
}

unsigned VirtualUart::depth() const {
    return (line_control_ & pl011::line_fifo_enable) != 0 ? fifo_depth : 1;
}

unsigned VirtualUart::receive_trigger() const {
    if ((line_control_ & pl011::line_fifo_enable) == 0)
        return 1;
    // UARTIFLS.RXIFLSEL: 1/8, 1/4, 1/2, 3/4, 7/8; the rest is reserved.
    constexpr std::array<std::uint8_t, 8> triggers{4, 8, 16, 24, 28, 28, 28, 28};
    return triggers[(fifo_levels_ >> 3) & 7];
}

bool VirtualUart::receiver_on() const {
    constexpr std::uint32_t needed = pl011::control_enable | pl011::control_receive;
    return (control_ & needed) == needed && (control_ & pl011::control_loopback) == 0;
}

void VirtualUart::update_interrupt() {
    const bool level = (raw_ & mask_) != 0;
    if (level == level_)
        return;
    level_ = level;
    interrupt_->set(level);
}

} // namespace twofold::hyp
