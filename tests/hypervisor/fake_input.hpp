// SPDX-License-Identifier: MIT
// FakeInput: characters that wait in a device until somebody takes them.
#pragma once

#include "devices/character.hpp"

#include <deque>
#include <string_view>

namespace twofold {

class FakeInput : public hyp::CharacterInput {
public:
    bool try_get(char& character) override {
        if (waiting.empty())
            return false;
        character = waiting.front();
        waiting.pop_front();
        return true;
    }
    void set_receive_interrupt(bool enable) override { interrupt = enable; }
    void type(std::string_view text) { waiting.insert(waiting.end(), text.begin(), text.end()); }

    std::deque<char> waiting;
    bool interrupt = false;
};

} // namespace twofold
