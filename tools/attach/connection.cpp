// SPDX-License-Identifier: MIT
// Sockets that do not block.
#include "tools/attach/connection.hpp"

#include "tools/attach/endpoint.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace twofold::tool {

namespace {

std::string error_words(int error) { return std::strerror(error); }

int milliseconds_until(Connection::Clock::time_point deadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Connection::Clock::now());
    return left.count() <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left.count(), 1 << 30));
}

// 0, or the errno for which there is no connection.
int connect_within(int socket, const sockaddr* address, socklen_t length,
                   Connection::Clock::time_point deadline, Interruption& interruption) {
    if (connect(socket, address, length) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno; // EAGAIN of a Unix socket: its queue is full
    }
    std::array<pollfd, 2> fds{{{.fd = socket, .events = POLLOUT, .revents = 0},
                               {.fd = interruption.number(), .events = POLLIN, .revents = 0}}};
    if (poll(fds.data(), fds.size(), milliseconds_until(deadline)) <= 0) {
        return ETIMEDOUT;
    }
    if (fds[1].revents != 0 && interruption.asked()) {
        return EINTR;
    }
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

} // namespace

bool Interruption::asked() {
    asked_ = asked_ || (signals_ != nullptr && signals_->take_stop());
    return asked_ && !ignored_;
}

bool Interruption::sleep(std::chrono::milliseconds time) {
    const auto deadline = Connection::Clock::now() + time;
    while (!asked()) {
        const int left = milliseconds_until(deadline);
        if (left == 0) {
            return true;
        }
        pollfd fd{.fd = number(), .events = POLLIN, .revents = 0};
        poll(&fd, 1, left);
    }
    return false;
}

Connection::Connection(FileDescriptor socket, std::chrono::milliseconds timeout,
                       Interruption& interruption)
    : socket_{std::move(socket)},
      timeout_{timeout},
      interruption_{&interruption} {
    fcntl(socket_.number(), F_SETFL, O_NONBLOCK);
}

Result<Connection> Connection::open_unix(const std::string& path, std::chrono::milliseconds timeout,
                                         Interruption& interruption) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return Failure{fmt::format("a socket's path has 1 to {} bytes, not {}",
                                   sizeof(address.sun_path) - 1, path.size())};
    }
    path.copy(std::begin(address.sun_path), path.size());
    FileDescriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int error = connect_within(socket.number(), reinterpret_cast<const sockaddr*>(&address),
                                     sizeof(address), Clock::now() + timeout, interruption);
    if (error != 0) {
        return Failure{error_words(error)};
    }
    return Connection{std::move(socket), timeout, interruption};
}

Result<Connection> Connection::open(const std::string& where, std::chrono::milliseconds timeout,
                                    Interruption& interruption) {
    const auto endpoint = parse_endpoint(where);
    if (!endpoint) {
        return open_unix(where, timeout, interruption);
    }
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error =
            getaddrinfo(endpoint->host.c_str(), endpoint->port.c_str(), &hints, &found);
        error != 0) {
        return Failure{gai_strerror(error)};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses{found, freeaddrinfo};
    const auto deadline = Clock::now() + timeout;
    int error = ECONNREFUSED;
    for (const addrinfo* next = found; next != nullptr; next = next->ai_next) {
        FileDescriptor socket{
            ::socket(next->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        error = connect_within(socket.number(), next->ai_addr, next->ai_addrlen, deadline,
                               interruption);
        if (error == 0) {
            // Many small packets, each of which waits for its answer.
            const int on = 1;
            setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            return Connection{std::move(socket), timeout, interruption};
        }
    }
    return Failure{error_words(error)};
}

std::string Connection::wait(short events, Clock::time_point deadline) {
    while (true) {
        if (interruption_->asked()) {
            return "interrupted";
        }
        std::array<pollfd, 2> fds{
            {{.fd = socket_.number(), .events = events, .revents = 0},
             {.fd = interruption_->number(), .events = POLLIN, .revents = 0}}};
        const int ready = poll(fds.data(), fds.size(), milliseconds_until(deadline));
        if (ready == 0) {
            return fmt::format("no answer within {} s",
                               static_cast<double>(timeout_.count()) / 1000);
        }
        if (ready > 0 && fds[0].revents != 0) {
            return "";
        }
        if (ready < 0 && errno != EINTR) {
            return error_words(errno);
        }
    }
}

std::string Connection::send(std::string_view bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return errno == EPIPE ? "the connection was closed" : error_words(errno);
        } else if (std::string error = wait(POLLOUT, deadline); !error.empty()) {
            return error;
        }
    }
    return "";
}

Result<std::string> Connection::receive(Clock::time_point deadline) {
    // A peer that never falls silent does not get more time for it.
    while (true) {
        if (std::string error = wait(POLLIN, deadline); !error.empty()) {
            return Failure{std::move(error)};
        }
        std::string bytes(1U << 14, '\0');
        const ssize_t received = recv(socket_.number(), bytes.data(), bytes.size(), 0);
        if (received > 0) {
            bytes.resize(static_cast<std::size_t>(received));
            return bytes;
        }
        if (received == 0) {
            return Failure{"the connection was closed"};
        }
        if (errno != EAGAIN && errno != EINTR) {
            return Failure{error_words(errno)};
        }
    }
}

} // namespace twofold::tool
