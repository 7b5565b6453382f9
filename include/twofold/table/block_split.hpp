// SPDX-License-Identifier: MIT
// BlockSplit: replaces the large blocks of a range by tables of smaller leaves that map the same.
// The new subtrees are built while the block is still in use, several blocks share an invalidation,
// and what is small already is not visited leaf by leaf.
#pragma once

#include <twofold/table/batch.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

template <TablePort Port>
class BlockSplit {
public:
    // `target`: the level of the leaves that stay; a leaf may stand there.
    BlockSplit(Tree<Port>& tree, IpaRange range, Level target, Invalidation& owed)
        : tree_{tree},
          range_{range},
          target_{target},
          owed_{owed} {}

    // out_of_memory: some blocks are split, some are not; all that was mapped still is.
    std::expected<void, Error> run() {
        const bool complete = visit(tree_.root, tree_.geometry.initial_level(), range_);
        publish();
        if (!complete) {
            return std::unexpected(Error::out_of_memory);
        }
        return {};
    }

private:
    struct Replacement {
        Pa table = {};
        unsigned index = 0;
        Pa subtree = {};
    };

    bool visit(Pa table, Level level, IpaRange part) {
        bool memory = true;
        auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
            const Descriptor d{entries.load(i)};
            if (!memory || level >= target_ || !d.valid()) {
                return;
            }
            if (tree_.format.is_table(d, level)) {
                memory =
                    level + 1 >= target_ || visit(tree_.format.next_table(d), level + 1, inside);
            } else if (tree_.format.is_leaf(d, level)) {
                memory = split(table, i, d, level, entry);
            }
        });
        return memory;
    }

    bool split(Pa table, unsigned i, Descriptor d, Level level, IpaRange entry) {
        auto reserve = tree_.reserve(tree_.full_subtree(level + 1, target_));
        if (!reserve) {
            return false;
        }
        const Pa subtree = build(*reserve, level + 1, d, level);
        const Descriptor old{tree_.table(table).exchange(i, 0)};
        ++tree_.counters.breaks;
        ++tree_.counters.blocks_split;
        if (old != d) {
            add_bits(subtree, level + 1, old.value & ~d.value); // AF, dirty state
        }
        owed_.add_leaf(entry.start, entry.length(), level);
        if (broken_.add({table, i, subtree})) {
            publish();
        }
        return true;
    }

    // The table of `level` whose leaves at `target_` map what the block `d` maps.
    Pa build(TableList& reserve, Level level, Descriptor d, Level block_level) {
        const Pa table = table_list::pop(tree_.port, reserve);
        auto entries = tree_.table(table);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const std::uint64_t attributes = tree_.format.attributes_below(d, block_level, level);
        Pa pa = tree_.format.output(d, block_level);
        const unsigned count = tree_.geometry.entries_below_root();
        if (level == target_) {
            tree_.store_leaves(entries, 0, count, level, pa, attributes);
        } else {
            for (unsigned i = 0; i < count; ++i, pa += size) {
                const Descriptor leaf{attributes | tree_.format.encode_address(pa)};
                entries.store(i, tree_.format.table(build(reserve, level + 1, leaf, level)).value);
            }
        }
        ++tree_.counters.tables;
        ++tree_.counters.tables_made;
        return table;
    }

    void add_bits(Pa table, Level level, std::uint64_t bits) {
        auto entries = tree_.table(table);
        const unsigned count = tree_.geometry.entries_below_root();
        for (unsigned i = 0; i < count; ++i) {
            const Descriptor d{entries.load(i)};
            if (level == target_) {
                entries.store(i, d.value | bits);
            } else {
                add_bits(tree_.format.next_table(d), level + 1, bits);
            }
        }
    }

    void publish() {
        if (broken_.empty()) {
            return;
        }
        tree_.discharge(owed_);
        for (const Replacement& r : broken_.take()) {
            tree_.table(r.table).publish(r.index, tree_.format.table(r.subtree).value);
        }
        tree_.port.barrier(Barrier::dsb_ishst);
    }

    Tree<Port>& tree_;
    IpaRange range_;
    Level target_;
    Invalidation& owed_;
    Batch<Replacement> broken_ = {};
};

} // namespace twofold
