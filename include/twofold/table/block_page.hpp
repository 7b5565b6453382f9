// SPDX-License-Identifier: MIT
// One page of a block: the short way of what a fault under dirty logging, or the owner of a page,
// asks for. The table that takes the block's place is built while the block is still in use.
#pragma once

#include <twofold/table/range_change.hpp>

#include <expected>

namespace twofold {

// If the range is a page of a block of the next level that stands alone: changes it, and leaves the
// rest of the block mapped. `other`: it is not, or somebody has been faster; nothing has changed.
// Errors: out_of_memory, and nothing has changed.
template <TablePort Port>
[[gnu::noinline]] std::expected<OneLeaf, Error>
change_page_of_block(Tree<Port>& tree, IpaRange range, LeafChange change, Invalidation& owed) {
    constexpr Level level = page_level - 1;
    const auto is_block = [&](const Step& end) {
        return end.level == level && tree.format.is_leaf(end.descriptor, level) &&
               !end.descriptor.contiguous();
    };
    if (range.length() != tree.geometry.page_size() || !is_block(tree.walk(range.start))) {
        return OneLeaf::other;
    }
    const IpaRange block = tree.entry_at(range.start, level);
    HeldStripes held{tree.port, tree.stripes};
    if (!held.add(Stripes::of(tree.geometry, block))) {
        tree.counters.again.add();
        return OneLeaf::again;
    }
    const Step end = tree.walk(range.start); // which only a fault can change any more
    if (!is_block(end)) {
        return OneLeaf::other;
    }
    auto reserve = tree.reserve(1);
    if (!reserve) {
        return std::unexpected(reserve.error());
    }
    // Where one page gets a permission, the others of its block are next: marked as runs, each run
    // would have to be broken again.
    const ChangedContent<Port> content{tree, change,
                                       change.removes() ? ~std::uint64_t{0} : range.length()};
    const Pa next = Subtree<Port, ChangedContent<Port>>{tree, range, content}.build(
        *reserve, page_level, block, {end.descriptor.value, level, block.start});
    auto entries = tree.table(end.table);
    // Not if hardware has noted something in it meanwhile, or a fault added a permission.
    if (!entries.compare_exchange(end.index, end.descriptor.value, invalid_entry::broken)) {
        tree.free_unlinked(next, page_level);
        tree.counters.retries.add();
        return OneLeaf::other;
    }
    tree.counters.breaks.add();
    owed.add_leaf(block.start, block.length(), level);
    tree.discharge(owed);
    entries.publish(end.index, tree.format.table(next).value);
    tree.count_split(block.start, end.level);
    tree.complete_stores(owed);
    return OneLeaf::done;
}

} // namespace twofold
