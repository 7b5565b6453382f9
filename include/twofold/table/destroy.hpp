// SPDX-License-Identifier: MIT
// destroy_tables: frees the tables of a guest that is gone, in steps. Nobody uses them any more, so
// nothing is invalidated and no grace period is waited for.
#pragma once

#include <twofold/table/progress.hpp>
#include <twofold/table/tree.hpp>

namespace twofold {

// Frees `pa`, a table of `level`, and all below it. False: the budget is used up, and what is left
// is still linked.
template <TablePort Port>
bool destroy_table(Tree<Port>& tree, Pa pa, Level level, unsigned entry_count, Progress& progress) {
    if (level < page_level) {
        auto entries = tree.table(pa);
        for (unsigned i = 0; i < entry_count; ++i) {
            const Descriptor d{entries.load(i)};
            if (!tree.format.is_table(d, level)) {
                continue;
            }
            if (progress.budget == 0 ||
                !destroy_table(tree, tree.format.next_table(d), level + 1,
                               tree.geometry.entries_below_root(), progress)) {
                return false;
            }
            entries.store(i, invalid_entry::empty);
        }
    }
    if (level != tree.geometry.initial_level()) {
        tree.port.free(pa, tree.geometry.page_size());
        tree.counters.tables.subtract();
        tree.counters.tables_freed.add();
        if (progress.budget != Progress::unlimited) {
            --progress.budget;
        }
    }
    return true;
}

template <TablePort Port>
bool destroy_tables(Tree<Port>& tree, Progress& progress) {
    const Level level = tree.geometry.initial_level();
    return destroy_table(tree, tree.root, level, tree.geometry.entries(level), progress);
}

} // namespace twofold
