// SPDX-License-Identifier: MIT
// Connection: a byte stream to another program that may be slow, hostile or gone: nothing waits
// longer than it was told to, and Ctrl-C ends every wait.
#pragma once

#include "tools/result.hpp"
#include "tools/run/file_descriptor.hpp"
#include "tools/run/signals.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace twofold::tool {

// Shared by all that wait. Who cleans up after an interrupt waits without one.
class Interruption {
public:
    // Without signals nothing interrupts.
    explicit Interruption(SessionSignals* signals = nullptr) : signals_{signals} {}

    // For poll(); -1 when there is nothing to wait for.
    int number() const { return signals_ != nullptr && !ignored_ ? signals_->number() : -1; }
    // Whether somebody wants us to end.
    bool asked();
    void ignore(bool ignored) { ignored_ = ignored; }
    // False if it was interrupted.
    bool sleep(std::chrono::milliseconds time);

private:
    SessionSignals* signals_ = nullptr;
    bool asked_ = false;
    bool ignored_ = false;
};

class Connection {
public:
    using Clock = std::chrono::steady_clock;

    // HOST:PORT, [HOST]:PORT, or the path of a Unix socket.
    static Result<Connection> open(const std::string& where, std::chrono::milliseconds timeout,
                                   Interruption& interruption);
    static Result<Connection> open_unix(const std::string& path, std::chrono::milliseconds timeout,
                                        Interruption& interruption);
    // Of a socket that is connected already.
    Connection(FileDescriptor socket, std::chrono::milliseconds timeout,
               Interruption& interruption);

    // Each exchange has its time as a whole, however many pieces it comes in.
    Clock::time_point deadline() const { return Clock::now() + timeout_; }

    // The error, empty if there is none.
    std::string send(std::string_view bytes, Clock::time_point deadline);
    // At least one byte; the error says "no answer within 5 s", "the connection was closed", ...
    Result<std::string> receive(Clock::time_point deadline);

private:
    std::string wait(short events, Clock::time_point deadline);

    FileDescriptor socket_;
    std::chrono::milliseconds timeout_;
    Interruption* interruption_;
};

} // namespace twofold::tool
