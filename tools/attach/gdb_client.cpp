// SPDX-License-Identifier: MIT
// Requests and replies.
#include "tools/attach/gdb_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace twofold::tool {

namespace {

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value, 16);
    return error == std::errc{} && rest == end ? std::optional{value} : std::nullopt;
}

Failure unexpected(std::string_view request, std::string_view reply) {
    const std::string_view why = reply.empty() ? "the stub does not know it"
                                 : reply.starts_with('E')
                                     ? "refused"
                                     : "an answer of another form than expected";
    return Failure{fmt::format("{}: {}", request, why)};
}

// A description names its parts, and its parts may name others.
constexpr std::size_t most_features = 64;
constexpr std::size_t longest_feature = 1U << 20;
// Bounds a stub that goes on for ever.
constexpr std::size_t most_threads = 4096;

} // namespace

Result<GdbClient> GdbClient::greet(Connection connection) {
    GdbClient client{std::move(connection)};
    const auto supported = client.exchange("qSupported:xmlRegisters=arm");
    if (!supported) {
        const bool silent = supported.error().contains("no answer");
        return Failure{supported.error() + (silent ? ": is another debugger attached?" : "")};
    }
    constexpr std::string_view key = "PacketSize=";
    if (const std::size_t at = supported->find(key); at != std::string::npos) {
        const std::size_t start = at + key.size();
        const auto bytes = parse_hex(
            std::string_view{*supported}.substr(start, supported->find(';', start) - start));
        if (bytes) {
            client.packet_bytes_ = std::clamp<std::size_t>(*bytes, 64, 1U << 16);
        }
    }
    if (!supported->contains("qXfer:features:read+")) {
        return Failure{"this gdbstub has no target description (qXfer:features:read)"};
    }
    return client;
}

Result<std::string> GdbClient::exchange(std::string_view request) {
    const auto deadline = connection_.deadline();
    const auto named = [request](std::string_view what) {
        return Failure{fmt::format("{}: {}", request, what)};
    };
    if (const std::string error = connection_.send(gdb_packet(request), deadline); !error.empty()) {
        return named(error);
    }
    unsigned damaged = 0;
    while (Connection::Clock::now() < deadline) {
        if (auto packet = reader_.take()) {
            if (!packet->intact) {
                if (++damaged > 3) {
                    return named("damaged packets: is this a gdbstub?");
                }
                connection_.send("-", deadline);
                continue;
            }
            connection_.send("+", deadline);
            // The machine has stopped, or said something: no answer to what we ask.
            const char first = packet->data.empty() ? ' ' : packet->data.front();
            if (first == 'T' || first == 'S' || (first == 'O' && packet->data != "OK")) {
                continue;
            }
            if (first == 'W' || first == 'X') {
                return named("the machine has ended");
            }
            return std::move(packet->data);
        }
        if (reader_.overflown()) {
            return named("a packet without end: is this a gdbstub?");
        }
        const auto bytes = connection_.receive(deadline);
        if (!bytes) {
            return named(bytes.error());
        }
        reader_.add(*bytes);
    }
    return named("no answer in time");
}

Result<std::vector<unsigned>> GdbClient::threads() {
    std::vector<unsigned> threads;
    std::string_view request = "qfThreadInfo";
    while (true) {
        const auto reply = exchange(request);
        if (!reply) {
            return Failure{reply.error()};
        }
        if (*reply == "l") {
            return threads;
        }
        if (!reply->starts_with('m')) {
            return unexpected(request, *reply);
        }
        std::string_view rest = std::string_view{*reply}.substr(1);
        while (!rest.empty()) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            const auto thread = parse_hex(rest.substr(0, comma));
            if (!thread || *thread == 0 || *thread > most_threads ||
                threads.size() == most_threads) {
                return unexpected(request, "m");
            }
            threads.push_back(static_cast<unsigned>(*thread));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
        request = "qsThreadInfo";
    }
}

Result<std::string> GdbClient::read_feature(const std::string& name) {
    std::string text;
    while (true) {
        const std::string request =
            fmt::format("qXfer:features:read:{}:{:x},{:x}", name, text.size(), packet_bytes_ - 5);
        const auto reply = exchange(request);
        if (!reply) {
            return Failure{reply.error()};
        }
        const bool last = reply->starts_with('l');
        if ((!last && !reply->starts_with('m')) || (!last && reply->size() == 1)) {
            return unexpected(request, *reply);
        }
        text += std::string_view{*reply}.substr(1);
        if (last) {
            return text;
        }
        if (text.size() > longest_feature) {
            return Failure{fmt::format("{}: more than {} MiB", request, longest_feature >> 20)};
        }
    }
}

Result<TargetDescription> GdbClient::describe() {
    TargetDescription description;
    // In the order of the text, which is what registers without numbers are numbered by.
    std::vector<std::string> pending{"target.xml"};
    std::size_t read = 0;
    while (!pending.empty()) {
        const std::string name = std::move(pending.back());
        pending.pop_back();
        if (++read > most_features) {
            return Failure{"the target description includes itself"};
        }
        const auto text = read_feature(name);
        if (!text) {
            return Failure{text.error()};
        }
        const std::vector<std::string> included = description.add(*text);
        pending.insert(pending.end(), included.rbegin(), included.rend());
    }
    return description;
}

Result<bool> GdbClient::select(unsigned thread) {
    const std::string request = fmt::format("Hg{:x}", thread);
    const auto reply = exchange(request);
    if (!reply) {
        return Failure{reply.error()};
    }
    return *reply == "OK" ? Result<bool>{true} : unexpected(request, *reply);
}

Result<std::uint64_t> GdbClient::read_register(unsigned number) {
    const std::string request = fmt::format("p{:x}", number);
    const auto reply = exchange(request);
    if (!reply) {
        return Failure{reply.error()};
    }
    const auto value = parse_gdb_number(*reply);
    return value ? Result<std::uint64_t>{*value} : unexpected(request, *reply);
}

Result<bool> GdbClient::use_physical_memory(bool on) {
    const auto reply = exchange(on ? "Qqemu.PhyMemMode:1" : "Qqemu.PhyMemMode:0");
    if (!reply) {
        return Failure{reply.error()};
    }
    return *reply == "OK";
}

Result<std::string> GdbClient::read_memory(Pa pa, std::size_t bytes) {
    std::string memory;
    while (memory.size() < bytes) {
        const std::size_t length = std::min(bytes - memory.size(), (packet_bytes_ - 4) / 2);
        const std::string request = fmt::format("m{:x},{:x}", pa.value + memory.size(), length);
        const auto reply = exchange(request);
        if (!reply) {
            return Failure{reply.error()};
        }
        const auto part = parse_gdb_bytes(*reply);
        if (!part || part->size() != length) {
            return unexpected(request, *reply);
        }
        memory += *part;
    }
    return memory;
}

Result<bool> GdbClient::detach() {
    const auto reply = exchange("D");
    if (!reply) {
        return Failure{reply.error()};
    }
    return *reply == "OK" ? Result<bool>{true} : unexpected("D", *reply);
}

} // namespace twofold::tool
