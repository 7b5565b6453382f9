// SPDX-License-Identifier: MIT
// QmpClient: QEMU's machine protocol, a line of JSON for each command, reply and event.
#pragma once

#include "tools/attach/connection.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace twofold::tool {

class QmpClient {
public:
    using Json = nlohmann::ordered_json;

    // Takes the greeting and leaves the negotiation mode.
    static Result<QmpClient> greet(Connection connection);

    // What the command returned. The error is QEMU's own, or what is wrong with the peer.
    Result<Json> execute(const std::string& command, const Json& arguments = Json::object());
    // A command of the human monitor, for what QMP has no word for.
    Result<std::string> monitor(const std::string& line);

private:
    explicit QmpClient(Connection connection) : connection_{std::move(connection)} {}

    // No reply of those that we ask for comes near it.
    static constexpr std::size_t longest_line = 4U << 20;

    Result<Json> next(Connection::Clock::time_point deadline);
    Result<Json> reply(Connection::Clock::time_point deadline);

    Connection connection_;
    std::string unread_;
    std::uint64_t last_id_ = 0;
};

} // namespace twofold::tool
