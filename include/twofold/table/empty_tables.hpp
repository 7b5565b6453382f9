// SPDX-License-Identifier: MIT
// drop_if_empty: takes out tables in which nothing stands any more, from the one that lost an entry
// upwards.
//
// A fault on another CPU may be about to put something into such a table. So every entry is closed
// first (marked as broken), which fails if something is there; only then the table is taken out.
#pragma once

#include <twofold/table/tree.hpp>

namespace twofold {

// Takes out the table in which `emptied` stands, if it is empty; the caller holds its stripes.
// Returns the entry that pointed to it.
template <TablePort Port>
std::optional<Step> drop_empty_table(Tree<Port>& tree, Ipa ipa, const Step& emptied,
                                     Invalidation& owed) {
    const Step above = tree.walk(ipa, emptied.level - 1);
    // Another CPU may have been here first.
    if (above.level != emptied.level - 1 || !tree.format.is_table(above.descriptor, above.level) ||
        tree.format.next_table(above.descriptor) != emptied.table) {
        return std::nullopt;
    }
    const std::uint64_t tombstone = tree.tombstone(ipa, owed);
    if (tombstone == 0 || !tree.close(emptied.table, emptied.level)) {
        return std::nullopt;
    }
    tree.table(above.table).exchange(above.index, tombstone);
    const IpaRange entry = tree.entry_at(ipa, above.level);
    owed.add_table(entry.start, entry.length());
    table_list::push(tree.port, owed.tables(), emptied.table);
    tree.counters.tables.subtract();
    return above;
}

// `emptied`: an entry on the way to `ipa` that holds nothing now. Where another operation has the
// stripes that this needs, an empty table stays, for the next one to find.
template <TablePort Port>
[[gnu::noinline]] void drop_if_empty(Tree<Port>& tree, Ipa ipa, Step emptied, Invalidation& owed) {
    HeldStripes held{tree.port, tree.stripes};
    while (emptied.level != tree.geometry.initial_level() &&
           tree.seems_empty(emptied.table, emptied.index) &&
           held.add(Stripes::of(tree.geometry, tree.entry_at(ipa, emptied.level - 1)))) {
        const auto above = drop_empty_table(tree, ipa, emptied, owed);
        if (!above) {
            return;
        }
        emptied = *above;
    }
}

} // namespace twofold
