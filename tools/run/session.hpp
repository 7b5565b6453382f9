// SPDX-License-Identifier: MIT
// Session: one QEMU from its start to its end, with its console connected to ours.
#pragma once

#include "tools/result.hpp"
#include "tools/run/console.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace twofold::tool {

enum class SessionEnd : unsigned char {
    exited,      // by itself
    killed,      // by a signal from elsewhere
    timed_out,   // we stopped it
    interrupted, // Ctrl-C and the like: we stopped it
    unheard,     // our output was closed: we stopped it
};

struct SessionResult {
    SessionEnd end = SessionEnd::exited;
    int status = 0; // if it exited: its status; if it was killed: the signal
    double seconds = 0;
    Console console; // what the machine printed
    Console errors;  // what QEMU said
};

struct SessionOptions {
    std::chrono::seconds timeout{300};
    bool show_console = true;
    std::vector<std::string> expect = {}; // SessionResult::console watches for them
};

// An error means that the program could not be started.
Result<SessionResult> run_session(const std::vector<std::string>& command,
                                  const SessionOptions& options);

} // namespace twofold::tool
