// SPDX-License-Identifier: MIT
// Terminal modes.
#include "tools/run/terminal.hpp"

#include <unistd.h>

namespace twofold::tool {

namespace {

// A change from a background job would stop the whole program.
bool in_foreground() { return tcgetpgrp(STDIN_FILENO) == getpgrp(); }

} // namespace

RawTerminal::RawTerminal() {
    if (isatty(STDIN_FILENO) == 0 || !in_foreground() || tcgetattr(STDIN_FILENO, &saved_) != 0) {
        return;
    }
    termios raw = saved_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IXON | ISTRIP);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    raw.c_cc[VQUIT] = _POSIX_VDISABLE;
    changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

RawTerminal::~RawTerminal() {
    if (changed_) {
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_);
    }
}

} // namespace twofold::tool
