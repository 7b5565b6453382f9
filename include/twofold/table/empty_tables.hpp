// SPDX-License-Identifier: MIT
// Empty tables: how one is taken out in which nothing stands any more, from the one that lost an
// entry upwards.
//
// A fault on another CPU may be about to put something into such a table. So every entry is closed
// first (marked as broken), which fails if something is there; only then the table is taken out.
#pragma once

#include <twofold/table/tree.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

// Whether all entries of a table are vacant.
template <TablePort Port>
bool seems_empty(const Tree<Port>& tree, Pa pa) {
    const auto entries = tree.table(pa);
    const unsigned count = tree.geometry.entries_below_root();
    constexpr unsigned at_once = 8; // of 512 or more
    for (unsigned i = 0; i < count; i += at_once) {
        std::uint64_t seen = 0;
#pragma GCC unroll 8
        for (unsigned k = 0; k < at_once; ++k) {
            seen |= entries.load(i + k);
        }
        if (!invalid_entry::is_vacant(seen)) {
            return false;
        }
    }
    return true;
}
// The same, looking first behind `index` and before it: who removes leaf by leaf mostly goes
// one way.
template <TablePort Port>
bool seems_empty(const Tree<Port>& tree, Pa pa, unsigned index) {
    const PageWalk& pages = tree.pages;
    const auto entries = tree.table(pa);
    return invalid_entry::is_vacant(entries.load(pages.index_behind(index))) &&
           invalid_entry::is_vacant(
               entries.load(static_cast<unsigned>((index - 1) & pages.index_mask))) &&
           seems_empty(tree, pa);
}

// How many entries are closed, up to one that is not vacant.
template <PortTable Entries>
unsigned close_entries(Entries& entries, unsigned count) {
    unsigned i = 0;
    for (; i < count; ++i) {
        const std::uint64_t d = entries.load(i);
        if (!invalid_entry::is_vacant(d) ||
            !entries.compare_exchange(i, d, d | invalid_entry::broken)) {
            break;
        }
    }
    return i;
}
// The same without a look before: the bit is set in a page and in what is broken.
template <PortTable Entries>
unsigned close_pages(Entries& entries, unsigned count) {
    std::uint64_t d = 0;
    unsigned i = 0;
#pragma GCC unroll 8
    for (; i < count; ++i) {
        d = entries.set_bits(i, invalid_entry::broken);
        if (!invalid_entry::is_vacant(d)) {
            break;
        }
    }
    if (invalid_entry::is_annotation(d)) {
        entries.publish(i, d);
    }
    return i;
}

// Closes every entry of an empty table, so that nobody can put anything there. False: something
// is there, and all is as before. An invalidation that is not complete yet does not stop it:
// that of the table covers it.
template <TablePort Port>
bool close_table(const Tree<Port>& tree, Pa pa, Level level) {
    auto entries = tree.table(pa);
    const unsigned count = tree.geometry.entries_below_root();
    unsigned closed =
        level == page_level ? close_pages(entries, count) : close_entries(entries, count);
    if (closed == count) {
        return true;
    }
    while (closed-- > 0) {
        entries.publish(closed, entries.load(closed) & ~invalid_entry::broken);
    }
    return false;
}

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
    if (tombstone == 0 || !close_table(tree, emptied.table, emptied.level)) {
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
           seems_empty(tree, emptied.table, emptied.index) &&
           held.add(Stripes::of(tree.geometry, tree.entry_at(ipa, emptied.level - 1)))) {
        const auto above = drop_empty_table(tree, ipa, emptied, owed);
        if (!above) {
            return;
        }
        emptied = *above;
    }
}

} // namespace twofold
