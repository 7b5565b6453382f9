// SPDX-License-Identifier: MIT
// Signals through signalfd().
#include "tools/run/signals.hpp"

#include <sys/signalfd.h>

namespace twofold::tool {

namespace {

sigset_t session_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
        sigaddset(&set, signal);
    }
    return set;
}

} // namespace

BlockedSignals::BlockedSignals() : pipe_handler_{std::signal(SIGPIPE, SIG_IGN)} {
    const sigset_t set = session_signals();
    sigprocmask(SIG_BLOCK, &set, &saved_);
}

BlockedSignals::~BlockedSignals() {
    sigprocmask(SIG_SETMASK, &saved_, nullptr);
    std::signal(SIGPIPE, pipe_handler_);
}

SessionSignals::SessionSignals() {
    const sigset_t set = session_signals();
    descriptor_ = FileDescriptor{signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
}

bool SessionSignals::take_stop() {
    bool stop = false;
    signalfd_siginfo info{};
    while (read(number(), &info, sizeof(info)) == sizeof(info)) {
        stop |= info.ssi_signo != SIGCHLD;
    }
    return stop;
}

} // namespace twofold::tool
