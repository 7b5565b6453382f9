// SPDX-License-Identifier: MIT
// LeafSweep: one pass over all leaves of a range that changes single bits in them, for ageing,
// write protection and the harvest of dirty state. It takes no memory and splits nothing: a block
// that reaches beyond the range is treated as a whole.
#pragma once

#include <twofold/table/tree.hpp>

#include <cstdint>

namespace twofold {

template <TablePort Port>
class LeafSweep {
public:
    LeafSweep(const Tree<Port>& tree, IpaRange range) : tree_{tree}, range_{range} {}

    // For each leaf of the range that has one of `any` and all of `all` set: clears `clear` in it,
    // with one atomic operation that keeps what hardware sets meanwhile, and calls
    // visit(Ipa start, std::uint64_t size, Level, std::uint64_t before).
    template <class Visit>
    void clear_bits(std::uint64_t any, std::uint64_t all, std::uint64_t clear, Visit&& visit) {
        sweep(tree_.root, tree_.geometry.initial_level(), range_,
              [&](auto& entries, unsigned i, std::uint64_t d, Ipa start, std::uint64_t size,
                  Level level) {
                  if ((d & any) != 0 && (d & all) == all) {
                      visit(start, size, level, entries.clear_bits(i, clear));
                  }
              });
    }

private:
    template <class OnLeaf>
    void sweep(Pa table, Level level, IpaRange part, OnLeaf&& on_leaf) {
        auto entries = tree_.table(table);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        Ipa start = part.start.align_down(size);
        for (unsigned i = tree_.geometry.index(start, level); start < part.end;
             ++i, start += size) {
            const Descriptor d{entries.load(i)};
            if (!d.valid()) {
                continue;
            }
            if (tree_.format.is_table(d, level)) {
                sweep(tree_.format.next_table(d), level + 1,
                      IpaRange{start, start + size}.intersect(part), on_leaf);
            } else if (tree_.format.is_leaf(d, level)) {
                on_leaf(entries, i, d.value, start, size, level);
            }
        }
    }

    const Tree<Port>& tree_;
    IpaRange range_;
};

} // namespace twofold
