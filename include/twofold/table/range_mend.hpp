// SPDX-License-Identifier: MIT
// RangeMend: puts what a range is filled with where something was broken to make way for it. It is
// invalidated now.
#pragma once

#include <twofold/table/map_content.hpp>
#include <twofold/table/subtree.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>

namespace twofold {

template <TablePort Port>
class RangeMend {
public:
    // `reserve` holds the tables that this takes.
    RangeMend(Tree<Port>& tree, const RangeContent& what, const MapContent<Port>& content,
              Subtree<Port, MapContent<Port>>& subtree, TableList& reserve)
        : tree_{tree},
          what_{what},
          content_{content},
          subtree_{subtree},
          reserve_{reserve} {}

    void run(IpaRange part) { mend(tree_.root, tree_.geometry.initial_level(), part); }

private:
    void mend(Pa table, Level level, IpaRange part) {
        auto entries = tree_.table(table);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        Ipa at = part.start.align_down(size);
        for (unsigned i = tree_.geometry.index(at, level); at < part.end;) {
            const IpaRange entry{at, at + size};
            const IpaRange inside = entry.intersect(part);
            const Descriptor d{entries.load(i)};
            unsigned done = 1;
            if (tree_.format.is_table(d, level)) {
                mend(tree_.format.next_table(d), level + 1, inside);
            } else if (invalid_entry::is_broken(d.value)) {
                done = mend_entry(entries, i, d.value, level, entry, part);
            }
            i += done;
            at += done * size;
        }
    }
    template <PortTable Entries>
    unsigned mend_entry(Entries& entries, unsigned i, std::uint64_t d, Level level, IpaRange entry,
                        IpaRange part) {
        if (!what_.becomes_entry(level, entry, entry.intersect(what_.range))) {
            const Pa next = subtree_.build(reserve_, level + 1, entry, {});
            entries.publish(i, tree_.format.table(next).value);
            return 1;
        }
        const unsigned run = content_.run(level);
        bool whole =
            run != 1 && i % run == 0 && run_at(tree_.geometry, entry, level).end <= part.end;
        for (unsigned k = 1; whole && k < run; ++k) {
            whole = invalid_entry::is_broken(entries.load(i + k));
        }
        if (whole) {
            content_.publish_run(entries, i, run, level, entry.start);
            return run;
        }
        entries.publish(i, content_.mended(d, level, entry.start));
        return 1;
    }

    Tree<Port>& tree_;
    const RangeContent& what_;
    const MapContent<Port>& content_;
    Subtree<Port, MapContent<Port>>& subtree_;
    TableList& reserve_;
};

} // namespace twofold
