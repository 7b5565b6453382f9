// SPDX-License-Identifier: MIT
// Hashes of states that were seen. 64 bits: among a million states, two share one by chance once in
// forty million searches.
#pragma once

#include <cstdint>

namespace twofold::test {

constexpr std::uint64_t scramble(std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8'feb8'6659'fd93;
    x ^= x >> 29;
    x *= 0xc2b2'ae3d'27d4'eb4f;
    return x ^ (x >> 32);
}
// Depends on the order.
constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
    return scramble(hash * 0x9e37'79b9'7f4a'7c15 + value + 1);
}
// Of one word of memory; the hash of a memory is the exclusive or of all of its words', so that it
// follows a store at once.
constexpr std::uint64_t hash_word(std::uint64_t index, std::uint64_t value) {
    return value == 0 ? 0 : scramble(mix(index, value));
}

} // namespace twofold::test
