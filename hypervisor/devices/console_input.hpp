// SPDX-License-Identifier: MIT
// ConsoleInput: what is typed goes to the guest until the escape key is pressed, and then to the
// monitor until it is left.
//
//   Ctrl-]          opens the monitor
//   Ctrl-D          closes it
//   Ctrl-] Ctrl-]   gives the guest one Ctrl-]
//
// Neither QEMU (Ctrl-A, if at all) nor `twofold run` (Ctrl-C) takes this key for itself. What is
// for the guest waits here until its UART has room, so that a guest which does not listen does not
// keep anybody from the monitor before `capacity` characters have been typed. Nothing is lost.
#pragma once

#include "cpu/spinlock.hpp"
#include "devices/character.hpp"

#include <array>
#include <atomic>
#include <cstddef>

namespace twofold::hyp {

// Who gets what is not for the guest. Called on the CPU that takes the UART's interrupt.
class EscapedInput {
public:
    virtual void open() = 0;
    virtual void type(char character) = 0;
    virtual void close() = 0;
    // It becomes open or closed with the keyboard, which comes from or goes to another guest. On
    // any CPU.
    virtual void hand_over(bool open) = 0;

protected:
    ~EscapedInput() = default;
};

class ConsoleInput final : public CharacterInput {
public:
    static constexpr char escape = 0x1d;    // Ctrl-]
    static constexpr char close_key = 0x04; // Ctrl-D
    static constexpr std::size_t capacity = 256;

    constexpr ConsoleInput() = default;

    void init(CharacterInput& device, EscapedInput& monitor);

    // To be called on the device's receive interrupt, on one CPU at a time; before what is for the
    // guest is asked for, and before the interrupt is deactivated.
    void receive();

    bool try_get(char& character) override;
    // The device's interrupt is the monitor's too, and stays on while there is room.
    void set_receive_interrupt(bool) override {}

    // The keyboard comes from there, and with it the monitor if that is open. While no CPU is in
    // receive() of this, and on the CPU of the other.
    void take_over(ConsoleInput& from);

private:
    bool has_room();
    void store(char character);

    CharacterInput* device_ = nullptr;
    EscapedInput* monitor_ = nullptr;
    std::atomic<bool> escaped_{false}; // the monitor is open
    bool untouched_ = false;           // and nothing was typed into it yet

    Spinlock lock_; // of what follows
    std::array<char, capacity> waiting_{};
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    bool full_ = false; // the device's interrupt is off
};

} // namespace twofold::hyp
