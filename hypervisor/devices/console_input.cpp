// SPDX-License-Identifier: MIT
// The escape key, and what waits for the guest.
#include "devices/console_input.hpp"

namespace twofold::hyp {

void ConsoleInput::init(CharacterInput& device, EscapedInput& monitor) {
    device_ = &device;
    monitor_ = &monitor;
    device_->set_receive_interrupt(true);
}

void ConsoleInput::receive() {
    char character = 0;
    // The escape key itself leaves a place, so that what doubles it has one.
    while ((escaped_ || has_room()) && device_->try_get(character)) {
        if (!escaped_) {
            if (character == escape) {
                escaped_ = true;
                untouched_ = true;
                monitor_->open();
            } else {
                store(character);
            }
            continue;
        }
        const bool doubled = character == escape && untouched_;
        if (doubled)
            store(escape);
        if (doubled || character == close_key) {
            escaped_ = false;
            monitor_->close();
        } else if (character != escape) {
            untouched_ = false;
            monitor_->type(character);
        }
    }
}

void ConsoleInput::take_over(ConsoleInput& from) {
    const bool open = from.escaped_;
    from.escaped_ = false;
    from.monitor_->hand_over(false);
    escaped_ = open;
    untouched_ = false;
    monitor_->hand_over(open);
}

bool ConsoleInput::has_room() {
    const LockGuard guard{lock_};
    if (count_ < capacity)
        return true;
    // Without space the interrupt would come for ever.
    full_ = true;
    device_->set_receive_interrupt(false);
    return false;
}

void ConsoleInput::store(char character) {
    const LockGuard guard{lock_};
    waiting_[(first_ + count_) % capacity] = character;
    ++count_;
}

bool ConsoleInput::try_get(char& character) {
    const LockGuard guard{lock_};
    if (count_ == 0)
        return false;
    character = waiting_[first_];
    first_ = (first_ + 1) % capacity;
    --count_;
    if (full_) {
        full_ = false;
        device_->set_receive_interrupt(true);
    }
    return true;
}

} // namespace twofold::hyp
