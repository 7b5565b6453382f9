// SPDX-License-Identifier: MIT
// SizeChange: what the engine, or who uses it, made of a mapping that stays: the same memory in
// smaller or larger leaves. A port that wants to hear of it has note(const SizeChange&); for one
// that has not, nothing is done.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/table/port.hpp>

#include <cstdint>
#include <string_view>

namespace twofold {

enum class SizeChangeKind : std::uint8_t {
    split,      // a block is a table of leaves now
    collapse,   // a table of leaves is a block
    run_marked, // a run of leaves has the Contiguous bit
    run_unmarked,
};

constexpr std::string_view to_string(SizeChangeKind kind) {
    switch (kind) {
    case SizeChangeKind::split:
        return "split";
    case SizeChangeKind::collapse:
        return "collapse";
    case SizeChangeKind::run_marked:
        return "run marked";
    case SizeChangeKind::run_unmarked:
        return "run unmarked";
    }
    return "unknown";
}

struct SizeChange {
    SizeChangeKind kind = SizeChangeKind::split;
    Ipa ipa = {};           // aligned to `size`
    std::uint64_t size = 0; // bytes: of the block or the run
    std::uint64_t leaf = 0; // bytes: the largest that it may consist of, or consisted of, instead

    constexpr bool operator==(const SizeChange&) const = default;
};

// When it is certain, before or after its last store. Called from within the engine, which must not
// be called back.
template <TablePort Port>
[[gnu::always_inline]] inline void note_size(Port& port, const SizeChange& change) {
    if constexpr (requires { port.note(change); }) {
        port.note(change);
    }
}

} // namespace twofold
