// SPDX-License-Identifier: MIT
// visit_leaves: reads what a table maps.
#pragma once

#include <twofold/table/mapping.hpp>
#include <twofold/table/tree.hpp>

namespace twofold {

// A leaf as its reader sees it.
template <TablePort Port>
Mapping mapping_of(const Tree<Port>& tree, Descriptor d, Level level, Ipa start) {
    return {.ipa = start,
            .pa = tree.format.output(d, level),
            .size = tree.geometry.entry_size(level),
            .level = level,
            .contiguous = d.contiguous(),
            .attributes = tree.attributes.decode(d.value, level)};
}

// Calls visit(const Mapping&) for the leaves below a table of `level` that map something in `part`.
template <TablePort Port, class Visit>
void visit_leaves(const Tree<Port>& tree, Pa table, Level level, IpaRange part, Visit& visit) {
    const auto entries = tree.table(table);
    tree.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
        const Descriptor d{entries.load(i)};
        if (tree.format.is_table(d, level)) {
            visit_leaves(tree, tree.format.next_table(d), level + 1, inside, visit);
        } else if (tree.format.is_leaf(d, level)) {
            visit(mapping_of(tree, d, level, entry.start));
        }
    });
}

} // namespace twofold
