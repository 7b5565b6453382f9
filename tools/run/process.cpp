// SPDX-License-Identifier: MIT
// Starting, watching and ending of a child.
#include "tools/run/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

namespace twofold::tool {

namespace {

struct Pipe {
    FileDescriptor read;
    FileDescriptor write;

    bool open() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) {
            return false;
        }
        read = FileDescriptor{ends[0]};
        write = FileDescriptor{ends[1]};
        return true;
    }
};

// After fork(), with three pipe ends for the standard streams. Says why exec() failed through
// `failure`, which closes by itself if it succeeds.
[[noreturn]] void become(char* const* arguments, pid_t parent, int input, int output, int errors,
                         int failure) {
    // A terminal's Ctrl-C is for the parent alone, and a killed parent takes the child with it.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        std::signal(SIGPIPE, SIG_DFL);
        if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
            dup2(errors, STDERR_FILENO) >= 0) {
            execvp(arguments[0], arguments);
        }
        const int error = errno;
        [[maybe_unused]] const auto written = write(failure, &error, sizeof(error));
    }
    _exit(127);
}

} // namespace

Result<Process> Process::start(const std::vector<std::string>& command) {
    Pipe input;
    Pipe output;
    Pipe errors;
    Pipe failure;
    if (!input.open() || !output.open() || !errors.open() || !failure.open()) {
        return Failure{fmt::format("no pipe: {}", std::strerror(errno))};
    }
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);

    const pid_t parent = getpid();
    Process process;
    process.pid_ = fork();
    if (process.pid_ < 0) {
        return Failure{fmt::format("no process: {}", std::strerror(errno))};
    }
    if (process.pid_ == 0) {
        become(arguments.data(), parent, input.read.number(), output.write.number(),
               errors.write.number(), failure.write.number());
    }
    failure.write.close();
    int error = 0;
    if (read(failure.read.number(), &error, sizeof(error)) == sizeof(error)) {
        return Failure{fmt::format("cannot start {}: {}", command[0], std::strerror(error))};
    }
    process.input = std::move(input.write);
    process.output = std::move(output.read);
    process.errors = std::move(errors.read);
    fcntl(process.input.number(), F_SETFL, O_NONBLOCK);
    return process;
}

Process::Process(Process&& other) noexcept
    : input{std::move(other.input)},
      output{std::move(other.output)},
      errors{std::move(other.errors)},
      pid_{std::exchange(other.pid_, -1)},
      status_{other.status_} {}

Process::~Process() { stop(); }

std::optional<int> Process::status() {
    int status = 0;
    if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = status;
        pid_ = -1;
    }
    return status_;
}

bool Process::wait_a_moment() {
    constexpr timespec step{.tv_sec = 0, .tv_nsec = 20'000'000};
    for (unsigned i = 0; i < 100; ++i) {
        if (status()) {
            return true;
        }
        nanosleep(&step, nullptr);
    }
    return false;
}

void Process::stop() {
    if (pid_ <= 0 || status()) {
        return;
    }
    kill(-pid_, SIGTERM); // its whole group
    if (!wait_a_moment()) {
        kill(-pid_, SIGKILL);
        int status = 0;
        if (waitpid(pid_, &status, 0) == pid_) {
            status_ = status;
        }
        pid_ = -1;
    }
}

} // namespace twofold::tool
