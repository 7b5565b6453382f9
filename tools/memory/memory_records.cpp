// SPDX-License-Identifier: MIT
// Files of {u64 pa, u64 length, bytes}, one after another, little-endian: memory with holes, in the
// plainest form that a script can write.
#include "tools/memory/memory_image.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

constexpr std::uint64_t header_bytes = 16;
// No address of the architecture has more bits.
constexpr std::uint64_t address_limit = std::uint64_t{1} << 56;

// Whether these are the first bytes of a record and not of any other file.
bool plausible(Pa pa, std::uint64_t length) {
    return pa.is_aligned(8) && length != 0 && length % 8 == 0 && pa.value < address_limit &&
           length <= address_limit - pa.value;
}

} // namespace

std::optional<Result<MemoryPieces>> read_memory_records(const ImageFile& file) {
    MemoryPieces found;
    std::uint64_t at = 0;
    while (file.size() - at >= header_bytes) {
        const Pa pa{file.number(at, 8)};
        const std::uint64_t length = file.number(at + 8, 8);
        if (!plausible(pa, length)) {
            if (found.pieces.empty()) {
                return std::nullopt;
            }
            found.notes.push_back(fmt::format(
                "no record of {{pa, length, bytes}} at offset {:#x}: the rest is left out", at));
            return found;
        }
        if (found.pieces.size() == most_pieces) {
            found.notes.push_back(
                fmt::format("more than {} records: the rest is left out", most_pieces));
            return found;
        }
        const std::uint64_t there = file.size() - at - header_bytes;
        if (there != 0) {
            found.pieces.push_back({pa, std::min(length, there), at + header_bytes});
        }
        if (length > there) {
            found.notes.push_back(
                fmt::format("the file ends within the record of PA {:#x}: {} of {} bytes are there",
                            pa.value, there, length));
            return found;
        }
        at += header_bytes + length;
    }
    if (at != file.size() && !found.pieces.empty()) {
        found.notes.emplace_back("the file ends within a record's header");
    }
    if (found.pieces.empty()) {
        return std::nullopt;
    }
    return found;
}

} // namespace twofold::tool
