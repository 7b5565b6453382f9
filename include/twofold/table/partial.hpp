// SPDX-License-Identifier: MIT
// PartialEntries: blocks, contiguous runs and annotations of which an operation covers only a part.
// They are broken first; when that is invalidated, what stays is put back beside what is new.
#pragma once

#include <twofold/table/frozen.hpp>
#include <twofold/table/subtree.hpp>
#include <twofold/table/tree.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace twofold {

struct PartialEntry {
    Pa table = {};
    unsigned index = 0; // of the first entry
    unsigned count = 1; // entries; of a run, all of them
    IpaRange covers = {};
    OldEntry old = {}; // what stood there; of a run, without the Contiguous bit
};

template <PortTable Entries>
void break_run(Entries& entries, unsigned first, unsigned run, Level level) {
    std::uint64_t seen = 0;
    for (unsigned k = first; k < first + run; ++k) {
        seen |= frozen::freeze(entries, k, level);
    }
    const std::uint64_t noted =
        seen & (leaf::af::mask | (leaf::dbm::is_set(seen) ? leaf::s2ap_write::mask : 0));
    for (unsigned k = first; k < first + run; ++k) {
        entries.publish(k, (entries.load(k) | noted) & ~leaf::contiguous::mask);
    }
}

// Breaks the entry at `i` or the run around it, for what it covers; what hardware noted in one
// entry of a run (AF, dirty state) it noted for all. The caller holds the stripes, so nobody else
// breaks it, but a leaf that stands alone may be unmapped or changed: nothing, if it is no leaf any
// more.
template <TablePort Port, PortTable Entries>
std::optional<PartialEntry> break_whole(Tree<Port>& tree, Pa table, Entries& entries, unsigned i,
                                        Level level, IpaRange entry, Descriptor d,
                                        Invalidation& owed) {
    if (!d.valid()) {
        const std::uint64_t old = entries.exchange(i, invalid_entry::broken);
        return PartialEntry{table, i, 1, entry, {old, level, entry.start}};
    }
    const unsigned run = tree.run_of(d, level);
    const unsigned first = i & ~(run - 1);
    const std::uint64_t size = run * entry.length();
    const IpaRange covers{entry.start.align_down(size), entry.start.align_down(size) + size};
    if (run == 1) {
        if (!entries.compare_exchange(i, d.value, frozen::from(d.value, level))) {
            return std::nullopt;
        }
    } else {
        break_run(entries, first, run, level);
        tree.count_run(covers.start, level, false);
    }
    owed.add_leaf(covers.start, covers.length(), level);
    tree.counters.breaks.add(run);
    return PartialEntry{
        table, first, run, covers, {frozen::was(entries.load(first), level), level, covers.start}};
}

// A range has two ends, so an operation meets at most two of them.
class PartialEntries {
public:
    void add(const PartialEntry& entry) { entries_[count_++] = entry; }
    bool empty() const { return count_ == 0; }
    bool covers(Ipa ipa) const {
        return std::ranges::any_of(entries(), [&](const PartialEntry& p) {
            return p.covers.start <= ipa && ipa < p.covers.end;
        });
    }
    std::span<const PartialEntry> entries() const { return {entries_.data(), count_}; }

private:
    std::array<PartialEntry, 2> entries_ = {};
    unsigned count_ = 0;
};

// Tables that publish_partial() takes for `whole`, of which `part` changes.
template <TablePort Port, class Content>
std::uint64_t tables_for_partial(const Tree<Port>& tree, const Subtree<Port, Content>& subtree,
                                 const Whole& whole, IpaRange part) {
    const IpaRange inside = whole.covers.intersect(part);
    if (inside.empty()) {
        return 0;
    }
    const IpaRange first = tree.entry_at(inside.start, whole.level);
    const IpaRange last = tree.entry_at(inside.end - 1, whole.level);
    std::uint64_t tables = 0;
    if (first.intersect(part) != first) {
        tables += subtree.tables(whole.level + 1, first);
    }
    if (last != first && last.intersect(part) != last) {
        tables += subtree.tables(whole.level + 1, last);
    }
    return tables;
}
// For what stands across the two ends of `part`.
template <TablePort Port, class Content>
std::uint64_t tables_for_ends(const Tree<Port>& tree, const Subtree<Port, Content>& subtree,
                              IpaRange part) {
    const Whole first = tree.whole_at(part.start);
    const Whole last = tree.whole_at(part.end - 1);
    const std::uint64_t tables = tables_for_partial(tree, subtree, first, part);
    return last.covers == first.covers ? tables
                                       : tables + tables_for_partial(tree, subtree, last, part);
}

// Puts back what stays of a broken entry, with the new content in `part`. The invalidation of what
// was broken has to be complete: only then may a valid entry stand there again.
template <TablePort Port, class Content>
void publish_partial(Tree<Port>& tree, TableList& reserve, const PartialEntry& p, IpaRange part,
                     const Content& content) {
    Subtree<Port, Content> subtree{tree, part, content};
    auto entries = tree.table(p.table);
    const Level level = p.old.level;
    IpaRange entry{p.covers.start, p.covers.start + tree.geometry.entry_size(level)};
    for (unsigned i = p.index; i < p.index + p.count; ++i) {
        const IpaRange inside = entry.intersect(part);
        if (inside.empty()) {
            entries.publish(i, old_value(tree.format, p.old, entry.start));
        } else if (inside == entry && level >= content.largest()) {
            entries.publish(i, content.value(level, entry.start, p.old));
        } else {
            entries.publish(
                i, tree.format.table(subtree.build(reserve, level + 1, entry, p.old)).value);
            if (Descriptor{p.old.descriptor}.valid()) {
                tree.count_split(entry.start, level);
            }
        }
        entry = {entry.end, entry.end + tree.geometry.entry_size(level)};
    }
}

} // namespace twofold
