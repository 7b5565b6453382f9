// SPDX-License-Identifier: MIT
// A tree of tables in memory, entry by entry in the order of the IPA, in bounded time however it is
// knotted: a table that is reached again at the same level says what it said the first time, and is
// not descended again.
#pragma once

#include "tools/memory/memory_source.hpp"
#include "tools/walk/regime.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace twofold::tool {

enum class TreeEntryKind : std::uint8_t {
    leaf,
    hole,         // zero
    invalid,      // bit 0 is clear, and software has left something
    reserved,     // bits 1:0 are those of a leaf that this level does not have
    unread,       // the descriptor is not in the image
    out_of_range, // a table at an address that no walk may use
    again,        // a table that was reached before
};

struct TreeEntry {
    Ipa ipa;
    Level level = 0;
    TreeEntryKind kind = TreeEntryKind::hole;
    Descriptor descriptor; // 0 if unread
    Ipa same_as;           // again: where the table was reached first
};

class TreeVisitor {
public:
    virtual ~TreeVisitor() = default;
    // False: enough.
    virtual bool visit(const TreeEntry& entry) = 0;
};

struct TreeReport {
    std::uint64_t tables = 0;           // that were read, those of the root included
    std::uint64_t incomplete = 0;       // of them, not or not wholly in the image
    std::optional<Ipa> stopped_at = {}; // where there were too many tables, or the visitor ended it
    bool too_many_tables = false;
};

// 4 GiB of tables of the 4K granule: enough for 2 TiB in single pages.
inline constexpr std::uint64_t most_tables = 1U << 20;

// The regime has a geometry.
TreeReport visit_tree(const Regime& regime, MemorySource& memory, TreeVisitor& visitor,
                      std::uint64_t table_limit = most_tables);

} // namespace twofold::tool
