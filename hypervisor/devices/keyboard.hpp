// SPDX-License-Identifier: MIT
// Keyboard: the receiver of the real UART, which one guest at a time has. Its interrupt goes to the
// first CPU of that guest, so that each guest deals with what it gets on a CPU of its own.
//
// A guest's ConsoleInput reads from its KeyboardSeat as from a device; a seat that does not have
// the keyboard is a device at which nothing is typed.
#pragma once

#include "cpu/spinlock.hpp"
#include "devices/character.hpp"
#include "devices/console_input.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace twofold::hyp {

class Keyboard;

// Where the UART's receive interrupt goes.
class KeyboardInterrupt {
public:
    virtual void route(unsigned cpu) = 0;
    // It is to come although nothing has arrived.
    virtual void raise() = 0;

protected:
    ~KeyboardInterrupt() = default;
};

class KeyboardSeat final : public CharacterInput {
public:
    constexpr KeyboardSeat() = default;

    // `input` reads from this seat, on `cpu`, which takes the interrupt. The first that sits down
    // has the keyboard. False: there is no place.
    bool sit(Keyboard& keyboard, std::string_view name, unsigned cpu, ConsoleInput& input);
    // For good; another seat gets the keyboard, if this one had it. Returns its name, or nothing.
    std::string_view leave();

    bool try_get(char& character) override;
    void set_receive_interrupt(bool enabled) override;

    // What a `pass` has come to.
    enum class Passed : std::uint8_t { yes, kept, gone, unknown };
    // What is typed is from now on for the seat with this name or, if there is none, this number;
    // `typed` was typed already and comes first. An open monitor stays open. On the CPU of this
    // seat.
    Passed pass(std::string_view to, std::string_view typed);

    std::string_view name() const { return name_; }
    std::span<KeyboardSeat* const> all() const;
    bool is_taken() const { return !gone_.load(std::memory_order_relaxed); }
    bool has_keyboard() const;

private:
    friend class Keyboard;

    Keyboard* keyboard_ = nullptr;
    ConsoleInput* input_ = nullptr;
    std::string_view name_;
    unsigned cpu_ = 0;
    std::atomic<bool> gone_{false};
};

class Keyboard {
public:
    static constexpr std::size_t most_seats = 4;

    constexpr Keyboard() = default;

    void init(CharacterInput& device, KeyboardInterrupt& interrupt) {
        device_ = &device;
        interrupt_ = &interrupt;
    }

private:
    friend class KeyboardSeat;

    KeyboardSeat* find(std::string_view name_or_number) const;
    void give(KeyboardSeat& seat);
    void put_back(std::string_view typed);

    CharacterInput* device_ = nullptr;
    KeyboardInterrupt* interrupt_ = nullptr;
    std::array<KeyboardSeat*, most_seats> seats_{}; // before the first guest runs
    std::size_t count_ = 0;

    mutable Spinlock lock_; // of what follows; the device and the interrupt are used under it
    KeyboardSeat* holder_ = nullptr;
    std::array<char, 256> typed_{}; // and not read yet, before what the device has
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

} // namespace twofold::hyp
