// SPDX-License-Identifier: MIT
// What the registers of a bank do.
#include "gic/interrupt_bank.hpp"

namespace twofold::hyp {

namespace {

constexpr std::uint32_t implemented_priority = 0xf8;

} // namespace

bool needs_recall(BankRegister which, bool write) {
    switch (which) {
    case BankRegister::set_pending:
        return !write;
    case BankRegister::clear_pending:
    case BankRegister::set_active:
    case BankRegister::clear_active:
        return true;
    case BankRegister::group:
    case BankRegister::clear_enable:
        return write;
    case BankRegister::set_enable:
        break;
    }
    return false;
}

std::uint32_t read_bank(const InterruptBank& bank, BankRegister which) {
    switch (which) {
    case BankRegister::group:
        return bank.group;
    case BankRegister::set_enable:
    case BankRegister::clear_enable:
        return bank.enabled;
    case BankRegister::set_pending:
    case BankRegister::clear_pending:
        return bank.pending();
    case BankRegister::set_active:
    case BankRegister::clear_active:
        return bank.active;
    }
    return 0;
}

void write_bank(InterruptBank& bank, BankRegister which, std::uint32_t value) {
    switch (which) {
    case BankRegister::group:
        bank.group = value;
        return;
    case BankRegister::set_enable:
        bank.enabled |= value;
        return;
    case BankRegister::clear_enable:
        bank.enabled &= ~value;
        return;
    case BankRegister::set_pending:
        bank.latched |= value;
        return;
    case BankRegister::clear_pending:
        // A line that is still high keeps a level interrupt pending.
        bank.latched &= ~value;
        return;
    case BankRegister::set_active:
        bank.active |= value;
        return;
    case BankRegister::clear_active:
        bank.release |= bank.active & value & bank.hardware;
        bank.active &= ~value;
        return;
    }
}

std::uint32_t read_priorities(const InterruptBank& bank, unsigned first, unsigned bytes) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < bytes && first + i < InterruptBank::size; ++i)
        value |= std::uint32_t{bank.priority[first + i]} << (8 * i);
    return value;
}

void write_priorities(InterruptBank& bank, unsigned first, unsigned bytes, std::uint32_t value) {
    for (unsigned i = 0; i < bytes && first + i < InterruptBank::size; ++i)
        bank.priority[first + i] =
            static_cast<std::uint8_t>((value >> (8 * i)) & implemented_priority);
}

std::uint32_t read_configuration(const InterruptBank& bank, bool upper) {
    const std::uint32_t half = upper ? bank.edge >> 16 : bank.edge & 0xffff;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 16; ++i)
        value |= ((half >> i) & 1) << (2 * i + 1);
    return value;
}

void write_configuration(InterruptBank& bank, bool upper, std::uint32_t value) {
    std::uint32_t half = 0;
    for (unsigned i = 0; i < 16; ++i)
        half |= ((value >> (2 * i + 1)) & 1) << i;
    bank.edge = upper ? (bank.edge & 0xffff) | (half << 16) : (bank.edge & 0xffff0000) | half;
}

} // namespace twofold::hyp
