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

    // In each leaf of the range that has one of `any` and all of `all` set: clears `clear` with one
    // atomic operation, which keeps what hardware sets meanwhile, and calls visit(Ipa start,
    // std::uint64_t size). What changed is added to `owed`, if there is one, by runs.
    template <class Visit>
    void clear_bits(std::uint64_t any, std::uint64_t all, std::uint64_t clear, Invalidation* owed,
                    Visit&& visit) {
        sweep(tree_.root, tree_.geometry.initial_level(), range_,
              [&](auto& entries, unsigned i, std::uint64_t d, Ipa start, std::uint64_t size,
                  Level level) {
                  if ((d & any) == 0 || (d & all) != all) {
                      return;
                  }
                  entries.clear_bits(i, clear);
                  if (owed != nullptr) {
                      if (run_.end != start || run_level_ != level) {
                          flush(*owed);
                          run_ = {start, start};
                          run_level_ = level;
                      }
                      run_.end = start + size;
                  }
                  visit(start, size);
              });
        if (owed != nullptr) {
            flush(*owed);
        }
    }

private:
    void flush(Invalidation& owed) {
        if (!run_.empty()) {
            owed.add_leaf(run_.start, run_.length(), run_level_);
        }
        run_ = {};
    }

    template <class OnLeaf>
    void sweep(Pa table, Level level, IpaRange part, const OnLeaf& on_leaf) {
        auto entries = tree_.table(table);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const std::uint64_t leaf_type = level == page_level ? 0b11 : 0b01;
        Ipa start = part.start.align_down(size);
        for (unsigned i = tree_.geometry.index(start, level); start < part.end;
             ++i, start += size) {
            const std::uint64_t d = entries.load(i);
            if ((d & 0b11) == leaf_type) {
                // A block where there can be none is invalid, and is never made.
                on_leaf(entries, i, d, start, size, level);
            } else if (tree_.format.is_table(Descriptor{d}, level)) {
                sweep(tree_.format.next_table(Descriptor{d}), level + 1,
                      IpaRange{start, start + size}.intersect(part), on_leaf);
            }
        }
    }

    const Tree<Port>& tree_;
    IpaRange range_;
    IpaRange run_ = {}; // of leaves that changed and are not owed yet
    Level run_level_ = page_level;
};

} // namespace twofold
