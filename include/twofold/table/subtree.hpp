// SPDX-License-Identifier: MIT
// Subtree: tables that are built, unlinked, to stand where one entry stood, when only a part of
// what it covers changes, or when it was empty and a part becomes mapped.
#pragma once

#include <twofold/table/store_leaves.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>

namespace twofold {

// What stood there: a leaf or an annotation of `level`, or nothing.
struct OldEntry {
    std::uint64_t descriptor = 0;
    Level level = page_level;
    Ipa start = {}; // what it covered began here
};

// Where the old leaf mapped `ipa`.
constexpr Pa old_output(const DescriptorFormat& format, const OldEntry& old, Ipa ipa) {
    return format.output(Descriptor{old.descriptor}, old.level) + (ipa - old.start);
}

// What the old entry says about `ipa`, as one of its own level.
constexpr std::uint64_t old_value(const DescriptorFormat& format, const OldEntry& old, Ipa ipa) {
    return (old.descriptor & 1) == 0 ? old.descriptor
                                     : format
                                           .with_output(Descriptor{old.descriptor}, old.level,
                                                        old_output(format, old, ipa))
                                           .value;
}

template <TablePort Port, class Content>
class Subtree {
public:
    // Content: `Level largest() const`, the lowest level number of its entries; `std::uint64_t
    // value(Level, Ipa, const OldEntry&) const`, one of them; `void store(Entries&, unsigned first,
    // unsigned count, Level, Ipa, const OldEntry&) const`, several in a table that nobody can see.
    // Maybe `std::uint64_t largest_run() const`, of what stays around them.
    Subtree(Tree<Port>& tree, IpaRange part, const Content& content)
        : tree_{tree},
          part_{part},
          content_{content} {}

    // Tables that build() takes to stand for `block`, an entry of `level` - 1.
    std::uint64_t tables(Level level, IpaRange block) const {
        const IpaRange inside = block.intersect(part_);
        if (level < content_.largest()) {
            std::uint64_t count = 1;
            tree_.for_each_entry(level, inside, [&](unsigned, IpaRange entry, IpaRange in) {
                count += in == entry ? tree_.full_subtree(level + 1, content_.largest())
                                     : tables(level + 1, entry);
            });
            return count;
        }
        const IpaRange first = tree_.entry_at(inside.start, level);
        const IpaRange last = tree_.entry_at(inside.end - 1, level);
        std::uint64_t count = 1;
        if (first.intersect(part_) != first) {
            count += tables(level + 1, first);
        }
        if (last != first && last.intersect(part_) != last) {
            count += tables(level + 1, last);
        }
        return count;
    }

    // The table of `level` that stands for `block`, and all below it, from `reserve`.
    Pa build(TableList& reserve, Level level, IpaRange block, const OldEntry& old) {
        const Pa table = table_list::pop_unlinked(tree_.port, reserve);
        auto entries = tree_.table(table);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const IpaRange inside = block.intersect(part_);
        const IpaRange touched{inside.start.align_down(size), inside.end.align_up(size)};
        IpaRange whole{inside.start.align_up(size), inside.end.align_down(size)};
        if (level < content_.largest() || whole.empty()) {
            whole = {touched.end, touched.end};
        }
        store_old(entries, level, {block.start, touched.start}, old);
        build_below(entries, reserve, level, {touched.start, whole.start}, old);
        if (!whole.empty()) {
            content_.store(entries, tree_.geometry.index(whole.start, level),
                           static_cast<unsigned>(whole.length() / size), level, whole.start, old);
        }
        build_below(entries, reserve, level, {whole.end, touched.end}, old);
        store_old(entries, level, {touched.end, block.end}, old);
        tree_.count_new_tables(1);
        return table;
    }

private:
    template <PortTable Entries>
    void build_below(Entries& entries, TableList& reserve, Level level, IpaRange range,
                     const OldEntry& old) {
        if (range.empty()) {
            return;
        }
        tree_.for_each_entry(level, range, [&](unsigned i, IpaRange entry, IpaRange) {
            entries.store(i, tree_.format.table(build(reserve, level + 1, entry, old)).value);
        });
    }

    template <PortTable Entries>
    void store_old(Entries& entries, Level level, IpaRange range, const OldEntry& old) {
        if (range.empty() || old.descriptor == 0) {
            return;
        }
        const unsigned first = tree_.geometry.index(range.start, level);
        const auto count = static_cast<unsigned>(range.length() >> tree_.geometry.shift(level));
        if (invalid_entry::is_annotation(old.descriptor)) {
            for (unsigned i = first; i < first + count; ++i) {
                entries.store(i, old.descriptor);
            }
            return;
        }
        std::uint64_t largest_run = ~std::uint64_t{0};
        if constexpr (requires { content_.largest_run(); }) {
            largest_run = content_.largest_run();
        }
        store_runs(tree_.geometry, entries, first, count, level,
                   old_output(tree_.format, old, range.start),
                   tree_.format.attributes_below(Descriptor{old.descriptor}, old.level, level),
                   largest_run);
    }

    Tree<Port>& tree_;
    IpaRange part_;
    const Content& content_;
};

} // namespace twofold
