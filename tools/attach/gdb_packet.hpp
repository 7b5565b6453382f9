// SPDX-License-Identifier: MIT
// GdbPacket: the framing of GDB's remote protocol: $data#checksum, with + and - between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twofold::tool {

std::string gdb_packet(std::string_view data);

// Little-endian, as a register or memory of arm64 is sent: "0100000000000000" is 1. Empty unless
// it is the text of one to eight whole bytes; "xx", which stands for what is not known, is not.
std::optional<std::uint64_t> parse_gdb_number(std::string_view hex);
// Pairs of digits; empty if it is anything else.
std::optional<std::string> parse_gdb_bytes(std::string_view hex);

// Takes packets out of a stream of bytes.
class GdbPacketReader {
public:
    // Bounded, whatever comes: with repetitions a byte stands for up to 97.
    static constexpr std::size_t longest_packet = 1U << 20;

    void add(std::string_view bytes) { unread_ += bytes; }

    struct Packet {
        std::string data; // without escapes and repetitions
        bool intact = true;
    };
    // Empty if there is no whole packet yet. What is between packets is passed over.
    std::optional<Packet> take();
    // What waits can be no packet.
    bool overflown() const { return unread_.size() > longest_packet; }

private:
    std::string unread_;
};

} // namespace twofold::tool
