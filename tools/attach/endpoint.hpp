// SPDX-License-Identifier: MIT
// Endpoint: a host and a port, as QEMU's -gdb is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace twofold::tool {

struct Endpoint {
    std::string host;
    std::string port;
};

// HOST:PORT, tcp:HOST:PORT, :PORT (this machine) or [HOST]:PORT. Empty for anything else, which is
// then the path of a Unix socket: one with a slash, or without a number behind a colon.
std::optional<Endpoint> parse_endpoint(std::string_view text);

} // namespace twofold::tool
