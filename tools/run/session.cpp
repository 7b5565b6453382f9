// SPDX-License-Identifier: MIT
// The loop between our terminal and QEMU.
#include "tools/run/session.hpp"

#include "tools/run/process.hpp"
#include "tools/run/signals.hpp"
#include "tools/run/terminal.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace twofold::tool {

namespace {

using Clock = std::chrono::steady_clock;

bool write_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(to, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

class Session {
public:
    Session(Process& process, const SessionOptions& options)
        : process_{process},
          options_{options},
          start_{Clock::now()} {
        result_.console.expect(options.expect);
    }

    SessionResult run() {
        while (!ended_ && (process_.output.is_open() || process_.errors.is_open())) {
            turn();
        }
        // A child that has closed its output is about to end.
        while (!ended_ && !process_.status()) {
            turn();
        }
        if (ended_) {
            process_.stop();
        } else if (const int status = *process_.status(); WIFSIGNALED(status)) {
            result_.end = SessionEnd::killed;
            result_.status = WTERMSIG(status);
        } else {
            result_.status = WEXITSTATUS(status);
        }
        result_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
        if (options_.show_console && result_.console.is_mid_line()) {
            write_all(STDOUT_FILENO, "\n");
        }
        result_.console.finish();
        result_.errors.finish();
        return std::move(result_);
    }

private:
    void end(SessionEnd how) {
        if (!ended_) {
            result_.end = how;
            ended_ = true;
        }
    }

    void turn() {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(start_ + options_.timeout - Clock::now());
        if (left.count() <= 0) {
            end(SessionEnd::timed_out);
            return;
        }
        enum : unsigned char { signals, output, errors, typed, input, polls };
        std::array<pollfd, polls> fds{};
        fds[signals] = {.fd = signals_.number(), .events = POLLIN, .revents = 0};
        fds[output] = {.fd = process_.output.number(), .events = POLLIN, .revents = 0};
        fds[errors] = {.fd = process_.errors.number(), .events = POLLIN, .revents = 0};
        // What is typed is read only when QEMU has taken what was typed before.
        fds[typed] = {
            .fd = typing_ && typed_.empty() ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
        fds[input] = {
            .fd = typed_.empty() ? -1 : process_.input.number(), .events = POLLOUT, .revents = 0};
        // The end of the child is a signal, so that nothing has to be asked in between.
        if (poll(fds.data(), fds.size(), static_cast<int>(left.count())) <= 0) {
            return;
        }
        if (fds[signals].revents != 0 && signals_.take_stop()) {
            end(SessionEnd::interrupted);
        }
        if (fds[output].revents != 0) {
            forward(process_.output, result_.console, STDOUT_FILENO, options_.show_console);
        }
        if (fds[errors].revents != 0) {
            forward(process_.errors, result_.errors, STDERR_FILENO, true);
        }
        if (fds[typed].revents != 0) {
            read_typed();
        }
        if (fds[input].revents != 0) {
            write_typed();
        }
    }

    void forward(FileDescriptor& from, Console& console, int to, bool show) {
        std::array<char, 16384> buffer{};
        const ssize_t size = read(from.number(), buffer.data(), buffer.size());
        if (size <= 0) {
            if (size == 0 || errno != EINTR) {
                from.close();
            }
            return;
        }
        const std::string_view bytes{buffer.data(), static_cast<std::size_t>(size)};
        console.take(bytes);
        if (show && !write_all(to, bytes)) {
            end(SessionEnd::unheard);
        }
    }

    void read_typed() {
        std::array<char, 4096> buffer{};
        const ssize_t size = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (size > 0) {
            typed_.assign(buffer.data(), static_cast<std::size_t>(size));
        } else if (size == 0 || errno != EINTR) {
            typing_ = false;
        }
    }

    void write_typed() {
        const ssize_t size = write(process_.input.number(), typed_.data(), typed_.size());
        if (size > 0) {
            typed_.erase(0, static_cast<std::size_t>(size));
        } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
            typed_.clear();
            typing_ = false;
        }
    }

    Process& process_;
    SessionOptions options_;
    Clock::time_point start_;
    SessionSignals signals_;
    RawTerminal terminal_;
    SessionResult result_;
    std::string typed_; // not yet taken by QEMU
    bool typing_ = true;
    bool ended_ = false;
};

} // namespace

Result<SessionResult> run_session(const std::vector<std::string>& command,
                                  const SessionOptions& options) {
    // Before the child starts, so that no signal is lost.
    const BlockedSignals blocked;
    auto process = Process::start(command);
    if (!process) {
        return Failure{process.error()};
    }
    return Session{*process, options}.run();
}

} // namespace twofold::tool
