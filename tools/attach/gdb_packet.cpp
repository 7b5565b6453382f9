// SPDX-License-Identifier: MIT
// Framing, checksums, escapes and repetitions.
#include "tools/attach/gdb_packet.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

unsigned checksum(std::string_view data) {
    unsigned sum = 0;
    for (const char c : data) {
        sum += static_cast<unsigned char>(c);
    }
    return sum & 0xff;
}

std::optional<unsigned> digit(char c) {
    return c >= '0' && c <= '9'   ? std::optional<unsigned>{static_cast<unsigned>(c - '0')}
           : c >= 'a' && c <= 'f' ? std::optional<unsigned>{static_cast<unsigned>(c - 'a' + 10)}
           : c >= 'A' && c <= 'F' ? std::optional<unsigned>{static_cast<unsigned>(c - 'A' + 10)}
                                  : std::nullopt;
}

// "}" and a character: that one with bit 5 changed. "*" and a character: the one before again, as
// often as the character's number less 29.
std::optional<std::string> expand(std::string_view data) {
    std::string text;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data[i] != '}' && data[i] != '*') {
            text += data[i];
            continue;
        }
        const bool repeat = data[i] == '*';
        if (++i == data.size()) {
            return std::nullopt;
        }
        if (!repeat) {
            text += static_cast<char>(data[i] ^ 0x20);
            continue;
        }
        const int times = data[i] - 29;
        if (text.empty() || times <= 0 || text.size() > GdbPacketReader::longest_packet) {
            return std::nullopt;
        }
        text.append(static_cast<std::size_t>(times), text.back());
    }
    return text;
}

} // namespace

std::string gdb_packet(std::string_view data) {
    std::string escaped;
    for (const char c : data) {
        if (c == '$' || c == '#' || c == '}' || c == '*') {
            escaped += '}';
            escaped += static_cast<char>(c ^ 0x20);
        } else {
            escaped += c;
        }
    }
    return fmt::format("${}#{:02x}", escaped, checksum(escaped));
}

std::optional<std::string> parse_gdb_bytes(std::string_view hex) {
    if (hex.size() % 2 != 0) {
        return std::nullopt;
    }
    std::string bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const auto high = digit(hex[i]);
        const auto low = digit(hex[i + 1]);
        if (!high || !low) {
            return std::nullopt;
        }
        bytes += static_cast<char>(*high << 4 | *low);
    }
    return bytes;
}

std::optional<std::uint64_t> parse_gdb_number(std::string_view hex) {
    const auto bytes = parse_gdb_bytes(hex);
    if (!bytes || bytes->empty() || bytes->size() > 8) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes->size(); ++i) {
        value |= std::uint64_t{static_cast<unsigned char>((*bytes)[i])} << (8 * i);
    }
    return value;
}

std::optional<GdbPacketReader::Packet> GdbPacketReader::take() {
    const std::size_t start = unread_.find('$');
    if (start == std::string::npos) {
        unread_.clear();
        return std::nullopt;
    }
    unread_.erase(0, start);
    const std::size_t end = unread_.find('#');
    if (end == std::string::npos || unread_.size() < end + 3) {
        return std::nullopt;
    }
    const std::string_view data = std::string_view{unread_}.substr(1, end - 1);
    const auto high = digit(unread_[end + 1]);
    const auto low = digit(unread_[end + 2]);
    auto text = expand(data);
    Packet packet{.data = {},
                  .intact = text && high && low && (*high << 4 | *low) == checksum(data)};
    if (packet.intact) {
        packet.data = std::move(*text);
    }
    unread_.erase(0, end + 3);
    return packet;
}

} // namespace twofold::tool
