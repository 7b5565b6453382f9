// SPDX-License-Identifier: MIT
// The signals of a session, read from a file descriptor instead of interrupting anything.
#pragma once

#include "tools/run/file_descriptor.hpp"

#include <csignal>

namespace twofold::tool {

// While it lives, SIGINT, SIGTERM, SIGHUP and SIGCHLD wait, and a closed pipe is an error of
// write().
class BlockedSignals {
public:
    BlockedSignals();
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;
    ~BlockedSignals();

private:
    sigset_t saved_{};
    void (*pipe_handler_)(int) = nullptr;
};

class SessionSignals {
public:
    SessionSignals();

    // For poll(): readable when a signal waits.
    int number() const { return descriptor_.number(); }
    // Takes all that wait; whether one of them asks us to stop.
    bool take_stop();

private:
    FileDescriptor descriptor_;
};

} // namespace twofold::tool
