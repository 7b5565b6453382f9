// SPDX-License-Identifier: MIT
// Process: a child with pipes for its input, output and errors. It never outlives its owner.
#pragma once

#include "tools/result.hpp"
#include "tools/run/file_descriptor.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

class Process {
public:
    // The program is looked up in PATH. An error is the reason why it could not be started.
    // `command` is not empty.
    static Result<Process> start(const std::vector<std::string>& command);

    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) = delete;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    FileDescriptor input;  // written by the owner, does not block
    FileDescriptor output; // read by the owner
    FileDescriptor errors;

    // How it ended, as waitpid() has it; empty while it runs.
    std::optional<int> status();
    // Asks it to end; after a moment it is made to.
    void stop();

private:
    Process() = default;
    bool wait_a_moment();

    pid_t pid_ = -1; // -1: nothing to wait for
    std::optional<int> status_;
};

} // namespace twofold::tool
