// SPDX-License-Identifier: MIT
// RawTerminal: while it lives, every key goes to the guest at once and unechoed, except Ctrl-C.
#pragma once

#include <termios.h>

namespace twofold::tool {

class RawTerminal {
public:
    // Does nothing if the standard input is no terminal.
    RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal();

private:
    termios saved_{};
    bool changed_ = false;
};

} // namespace twofold::tool
