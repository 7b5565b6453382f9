// SPDX-License-Identifier: MIT
// Who has the keyboard.
#include "devices/keyboard.hpp"

#include <algorithm>

namespace twofold::hyp {

bool KeyboardSeat::sit(Keyboard& keyboard, std::string_view name, unsigned cpu,
                       ConsoleInput& input) {
    if (keyboard.count_ == Keyboard::most_seats)
        return false;
    keyboard_ = &keyboard;
    name_ = name;
    cpu_ = cpu;
    input_ = &input;
    keyboard.seats_[keyboard.count_++] = this;
    const LockGuard guard{keyboard.lock_};
    if (keyboard.holder_ == nullptr)
        keyboard.give(*this);
    return true;
}

std::string_view KeyboardSeat::leave() {
    const LockGuard guard{keyboard_->lock_};
    gone_.store(true, std::memory_order_relaxed);
    if (keyboard_->holder_ != this)
        return {};
    keyboard_->holder_ = nullptr;
    for (KeyboardSeat* const seat : all()) {
        if (seat->is_taken()) {
            keyboard_->give(*seat);
            return seat->name_;
        }
    }
    // Nobody would take what comes, and the interrupt would never end.
    keyboard_->device_->set_receive_interrupt(false);
    return {};
}

bool KeyboardSeat::try_get(char& character) {
    Keyboard& keyboard = *keyboard_;
    const LockGuard guard{keyboard.lock_};
    if (keyboard.holder_ != this)
        return false;
    if (keyboard.first_ == keyboard.end_)
        return keyboard.device_->try_get(character);
    character = keyboard.typed_[keyboard.first_++];
    return true;
}

void KeyboardSeat::set_receive_interrupt(bool enabled) {
    const LockGuard guard{keyboard_->lock_};
    if (keyboard_->holder_ == this)
        keyboard_->device_->set_receive_interrupt(enabled);
}

KeyboardSeat::Passed KeyboardSeat::pass(std::string_view to, std::string_view typed) {
    Keyboard& keyboard = *keyboard_;
    KeyboardSeat* const seat = keyboard.find(to);
    if (seat == nullptr)
        return Passed::unknown;
    const LockGuard guard{keyboard.lock_};
    if (!seat->is_taken())
        return Passed::gone;
    if (seat == this || keyboard.holder_ != this)
        return Passed::kept;
    // Before its CPU can get an interrupt for it.
    seat->input_->take_over(*input_);
    keyboard.put_back(typed);
    keyboard.give(*seat);
    return Passed::yes;
}

std::span<KeyboardSeat* const> KeyboardSeat::all() const {
    return std::span{keyboard_->seats_}.first(keyboard_->count_);
}

bool KeyboardSeat::has_keyboard() const {
    const LockGuard guard{keyboard_->lock_};
    return keyboard_->holder_ == this;
}

KeyboardSeat* Keyboard::find(std::string_view name_or_number) const {
    const std::span seats = std::span{seats_}.first(count_);
    for (KeyboardSeat* const seat : seats) {
        if (seat->name_ == name_or_number)
            return seat;
    }
    const bool is_digit = name_or_number.size() == 1 && name_or_number[0] >= '0' &&
                          name_or_number[0] < static_cast<char>('0' + seats.size());
    return is_digit ? seats[static_cast<std::size_t>(name_or_number[0] - '0')] : nullptr;
}

void Keyboard::give(KeyboardSeat& seat) {
    holder_ = &seat;
    interrupt_->route(seat.cpu_);
    // A seat that has no room turns it off again.
    device_->set_receive_interrupt(true);
    if (first_ != end_)
        interrupt_->raise();
}

// In front of what was put back and not read. What does not fit is lost, as are the last keys of
// those who type too much ahead.
void Keyboard::put_back(std::string_view typed) {
    const std::size_t put = std::min(typed.size(), typed_.size());
    const std::size_t kept = std::min(end_ - first_, typed_.size() - put);
    std::move(typed_.begin() + first_, typed_.begin() + first_ + kept, typed_.begin());
    std::move_backward(typed_.begin(), typed_.begin() + kept, typed_.begin() + put + kept);
    std::copy_n(typed.begin(), put, typed_.begin());
    first_ = 0;
    end_ = put + kept;
}

} // namespace twofold::hyp
