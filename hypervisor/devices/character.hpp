// SPDX-License-Identifier: MIT
// Where characters come from and go to: what a UART driver offers and an emulated UART needs.
#pragma once

namespace twofold::hyp {

class CharacterOutput {
public:
    virtual void put(char character) = 0;

protected:
    ~CharacterOutput() = default;
};

class CharacterInput {
public:
    // False when nothing has been received.
    virtual bool try_get(char& character) = 0;
    // Whether received characters raise the interrupt of the device.
    virtual void set_receive_interrupt(bool enabled) = 0;

protected:
    ~CharacterInput() = default;
};

} // namespace twofold::hyp
