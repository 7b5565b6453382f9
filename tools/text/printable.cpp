// SPDX-License-Identifier: MIT
// Replacing what cannot be printed.
#include "tools/text/printable.hpp"

#include <cstddef>
#include <cstdint>

namespace twofold::tool {

namespace {

// Bytes of the character that begins the text; 0 if none does.
std::size_t character_bytes(std::string_view text) {
    const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    const std::size_t bytes = first >> 5 == 0b110     ? 2
                              : first >> 4 == 0b1110  ? 3
                              : first >> 3 == 0b11110 ? 4
                                                      : 0;
    if (bytes == 0 || text.size() < bytes) {
        return 0;
    }
    std::uint32_t value = first & (0xffU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        if (at(i) >> 6 != 0b10) {
            return 0;
        }
        value = (value << 6) | (at(i) & 0x3fU);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value < 0xe000;
    const bool control = value < 0xa0; // C1
    return value < least[bytes] || value > 0x10ffff || surrogate || control ? 0 : bytes;
}

} // namespace

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t bytes = character_bytes(text);
        if (bytes == 0) {
            result += '?';
            text.remove_prefix(1);
        } else {
            result += text.substr(0, bytes);
            text.remove_prefix(bytes);
        }
    }
    return result;
}

} // namespace twofold::tool
