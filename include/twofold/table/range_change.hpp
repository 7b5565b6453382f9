// SPDX-License-Identifier: MIT
// RangeChange: makes the leaves of a range invalid (unmap) or changes bits in them (protect). A
// block that reaches beyond the range is split; what lies outside stays as it was.
#pragma once

#include <twofold/table/split.hpp>
#include <twofold/table/tree.hpp>

#include <expected>

namespace twofold {

template <TablePort Port>
class RangeChange {
public:
    RangeChange(Tree<Port>& tree, IpaRange range, LeafChange change, Invalidation& owed)
        : tree_{tree},
          range_{range},
          change_{change},
          owed_{owed} {}

    // out_of_memory: nothing has changed.
    std::expected<void, Error> run() {
        auto reserve = tree_.reserve(tables_needed());
        if (!reserve) {
            return std::unexpected(reserve.error());
        }
        apply(tree_.root, tree_.geometry.initial_level(), range_);
        if (!broken_.empty()) {
            tree_.discharge(owed_);
            publish_splits(tree_, *reserve, broken_, range_, change_);
        }
        tree_.port.barrier(Barrier::dsb_ishst);
        return {};
    }

private:
    // Only the blocks at the two ends of the range can reach beyond it.
    std::uint64_t tables_needed() const {
        const auto [first, first_level] = leaf_at(range_.start);
        const auto [last, last_level] = leaf_at(range_.end - 1);
        std::uint64_t tables = 0;
        if (!first.empty()) {
            tables += split_tables(tree_.geometry, first_level, first, range_);
        }
        if (!last.empty() && last != first) {
            tables += split_tables(tree_.geometry, last_level, last, range_);
        }
        return tables;
    }

    struct LeafAt {
        IpaRange covers = {};
        Level level = page_level;
    };
    LeafAt leaf_at(Ipa ipa) const {
        const Step end = tree_.walk(ipa);
        if (!tree_.format.is_leaf(end.descriptor, end.level)) {
            return {};
        }
        const std::uint64_t size = tree_.geometry.entry_size(end.level);
        const Ipa start = ipa.align_down(size);
        return {.covers = {start, start + size}, .level = end.level};
    }

    void apply(Pa table, Level level, IpaRange part) {
        auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                apply_to_table(entries, i, tree_.format.next_table(d), level, entry, inside);
            } else if (tree_.format.is_leaf(d, level)) {
                if (inside == entry) {
                    change_leaf(tree_, entries, i, level, entry, change_, owed_);
                } else {
                    broken_.add({table, i, level, entry, Descriptor{entries.exchange(i, 0)}});
                    owed_.add_leaf(entry.start, entry.length(), level);
                    ++tree_.counters.breaks;
                }
            }
        });
    }

    template <PortTable Entries>
    void apply_to_table(Entries& entries, unsigned i, Pa next, Level level, IpaRange entry,
                        IpaRange inside) {
        if (change_.removes() && inside == entry) {
            drop(entries, i, next, level, entry);
            return;
        }
        apply(next, level + 1, inside);
        if (change_.removes() && !broken_.in_table(next) &&
            tree_.is_empty(next, tree_.geometry.index(inside.end, level + 1))) {
            drop(entries, i, next, level, entry);
        }
    }

    template <PortTable Entries>
    void drop(Entries& entries, unsigned i, Pa next, Level level, IpaRange entry) {
        entries.exchange(i, 0);
        owed_.add_table(entry.start, entry.length());
        tree_.retire(next, level + 1, owed_.tables());
    }

    Tree<Port>& tree_;
    IpaRange range_;
    LeafChange change_;
    Invalidation& owed_;
    PartialBlocks broken_ = {};
};

} // namespace twofold
