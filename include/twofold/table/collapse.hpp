// SPDX-License-Identifier: MIT
// Collapse: replaces tables whose leaves are complete, uniform and one run of memory by a block,
// from the pages upwards. What hardware noted in the leaves (AF, dirty state) is merged into the
// block.
#pragma once

#include <twofold/table/batch.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

template <TablePort Port>
class Collapse {
public:
    Collapse(Tree<Port>& tree, IpaRange range, Invalidation& owed)
        : tree_{tree},
          range_{range},
          owed_{owed} {}

    // How many blocks were made. Needs no memory and cannot fail.
    std::uint64_t run() {
        visit(tree_.root, tree_.geometry.initial_level(), range_);
        publish();
        return made_;
    }

private:
    struct Candidate {
        Pa table = {};
        unsigned index = 0;
        Level level = page_level;
        IpaRange entry = {};
        Descriptor link = {};
    };

    void visit(Pa table, Level level, IpaRange part) {
        if (level == page_level) {
            return;
        }
        auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
            const Descriptor d{entries.load(i)};
            if (!tree_.format.is_table(d, level)) {
                return;
            }
            const Pa next = tree_.format.next_table(d);
            visit(next, level + 1, inside);
            if (inside != entry || !tree_.geometry.leaf_allowed(level)) {
                return;
            }
            // What is below has to be in place before it can be looked at.
            for (const Candidate& c : candidates_.items()) {
                if (c.table == next) {
                    publish();
                    break;
                }
            }
            if (block_of(next, level) && candidates_.add({table, i, level, entry, d})) {
                publish();
            }
        });
    }

    // The block that says what the leaves of `table` say, if one can.
    std::optional<Descriptor> block_of(Pa table, Level block_level) const {
        const auto entries = tree_.table(table);
        const Level level = block_level + 1;
        const Descriptor first{entries.load(0)};
        if (!tree_.format.is_leaf(first, level)) {
            return std::nullopt;
        }
        const Pa base = tree_.format.output(first, level);
        if (!base.is_aligned(tree_.geometry.entry_size(block_level))) {
            return std::nullopt;
        }
        // May differ: what hardware sets, and the hint of a run that goes.
        const std::uint64_t noted =
            leaf::af::mask | (leaf::dbm::is_set(first.value) ? leaf::s2ap_write::mask : 0);
        const std::uint64_t free = noted | leaf::contiguous::mask;
        const std::uint64_t step = tree_.geometry.entry_size(level);
        const unsigned count = tree_.geometry.entries_below_root();
        std::uint64_t seen = first.value;
        // The address bits count up in place: within a block no carry leaves bits 47:12.
        std::uint64_t expected = first.value;
        for (unsigned i = 1; i < count; ++i) {
            expected += step;
            const std::uint64_t d = entries.load(i);
            if (((d ^ expected) & ~free) != 0) {
                return std::nullopt;
            }
            seen |= d;
        }
        const std::uint64_t page_bits = level == page_level ? 0b10 : 0;
        return Descriptor{((first.value & ~page_bits) | (seen & noted)) & ~leaf::contiguous::mask};
    }

    void publish() {
        if (candidates_.empty()) {
            return;
        }
        for (const Candidate& c : candidates_.items()) {
            tree_.table(c.table).exchange(c.index, 0);
            owed_.add_table(c.entry.start, c.entry.length());
            ++tree_.counters.breaks;
        }
        tree_.discharge(owed_);
        // Only now has hardware stopped to note things in the leaves.
        for (const Candidate& c : candidates_.take()) {
            const Pa old = tree_.format.next_table(c.link);
            const auto block = block_of(old, c.level);
            tree_.table(c.table).publish(c.index, block ? block->value : c.link.value);
            if (block) {
                tree_.retire(old, c.level + 1, owed_.tables());
                ++made_;
            }
        }
        tree_.port.barrier(Barrier::dsb_ishst);
        tree_.discharge(owed_); // the tables are free: their invalidation is complete
    }

    Tree<Port>& tree_;
    IpaRange range_;
    Invalidation& owed_;
    Batch<Candidate> candidates_ = {};
    std::uint64_t made_ = 0;
};

} // namespace twofold
