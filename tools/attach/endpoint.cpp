// SPDX-License-Identifier: MIT
// Reading of host and port.
#include "tools/attach/endpoint.hpp"

#include <algorithm>
#include <charconv>

namespace twofold::tool {

namespace {

bool is_port(std::string_view text) {
    unsigned port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    return error == std::errc{} && rest == end && port >= 1 && port <= 65535;
}

} // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
    if (text.starts_with("tcp:")) {
        text.remove_prefix(4);
    }
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.contains('/') || !is_port(text.substr(colon + 1))) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    return Endpoint{host.empty() ? "localhost" : std::string{host},
                    std::string{text.substr(colon + 1)}};
}

} // namespace twofold::tool
