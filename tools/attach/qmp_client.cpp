// SPDX-License-Identifier: MIT
// Commands and replies.
#include "tools/attach/qmp_client.hpp"

#include "tools/text/printable.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

Failure not_qmp() { return Failure{"this is not QEMU's QMP: expected lines of JSON objects"}; }

} // namespace

Result<QmpClient> QmpClient::greet(Connection connection) {
    QmpClient client{std::move(connection)};
    const auto greeting = client.next(client.connection_.deadline());
    if (!greeting) {
        // QEMU takes one client at a time, and lets others wait.
        const bool silent = greeting.error().starts_with("no answer");
        return Failure{greeting.error() + (silent ? ": is another program connected to it?" : "")};
    }
    if (!greeting->contains("QMP")) {
        return not_qmp();
    }
    if (const auto done = client.execute("qmp_capabilities"); !done) {
        return Failure{done.error()};
    }
    return client;
}

Result<QmpClient::Json> QmpClient::next(Connection::Clock::time_point deadline) {
    std::size_t searched = 0;
    while (true) {
        const std::size_t end = unread_.find('\n', searched);
        if (end != std::string::npos) {
            Json json = Json::parse(std::string_view{unread_}.substr(0, end), nullptr, false);
            unread_.erase(0, end + 1);
            if (!json.is_object()) {
                return not_qmp();
            }
            return json;
        }
        searched = unread_.size();
        if (searched > longest_line) {
            return Failure{fmt::format("a line of more than {} MiB", longest_line >> 20)};
        }
        const auto bytes = connection_.receive(deadline);
        if (!bytes) {
            return Failure{bytes.error()};
        }
        unread_ += *bytes;
    }
}

// Events come whenever they like, and so does the reply to a command that was given up.
Result<QmpClient::Json> QmpClient::reply(Connection::Clock::time_point deadline) {
    while (Connection::Clock::now() < deadline) {
        auto json = next(deadline);
        if (json && json->value("id", Json()) != Json(last_id_)) {
            continue;
        }
        if (!json || json->contains("return")) {
            return json ? Result<Json>{std::move((*json)["return"])} : std::move(json);
        }
        if (const auto error = json->find("error"); error != json->end()) {
            const auto text = error->is_object() ? error->find("desc") : error->end();
            return Failure{error->is_object() && text != error->end() && text->is_string()
                               ? printable(text->get<std::string>())
                               : "an error without a description"};
        }
    }
    return Failure{"events and no reply"};
}

Result<QmpClient::Json> QmpClient::execute(const std::string& command, const Json& arguments) {
    Json request{{"execute", command}, {"id", ++last_id_}};
    if (!arguments.empty()) {
        request["arguments"] = arguments;
    }
    const auto deadline = connection_.deadline();
    if (const std::string error = connection_.send(
            request.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n', deadline);
        !error.empty()) {
        return Failure{fmt::format("{}: {}", command, error)};
    }
    auto answer = reply(deadline);
    return answer ? std::move(answer)
                  : Result<Json>{Failure{fmt::format("{}: {}", command, answer.error())}};
}

Result<std::string> QmpClient::monitor(const std::string& line) {
    const auto text = execute("human-monitor-command", {{"command-line", line}});
    if (!text) {
        return Failure{text.error()};
    }
    if (!text->is_string()) {
        return Failure{"human-monitor-command: expected a text"};
    }
    return text->get<std::string>();
}

} // namespace twofold::tool
