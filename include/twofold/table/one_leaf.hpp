// SPDX-License-Identifier: MIT
// One leaf: what is done to a single entry, and the short way for the calls of a fault, which
// concern one leaf whose table is there.
#pragma once

#include <twofold/table/transition.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>

namespace twofold {

// What becomes of a leaf: `keep` = 0 makes it invalid, else the bits in `keep` stay and those in
// `set` are added.
struct LeafChange {
    std::uint64_t keep = 0;
    std::uint64_t set = 0;

    constexpr bool removes() const { return keep == 0 && set == 0; }
    constexpr std::uint64_t apply(std::uint64_t descriptor) const {
        return (descriptor & keep) | set;
    }
};

// Changes the leaf that covers `entry`. Hardware may set AF or dirty state at any moment, so the
// change is made on what is there.
template <TablePort Port, PortTable Entries>
void change_leaf(const Tree<Port>& tree, Entries& entries, unsigned i, Level level, IpaRange entry,
                 LeafChange change, Invalidation& owed) {
    for (;;) {
        const Descriptor before{entries.load(i)};
        const Descriptor after{change.apply(before.value)};
        const Transition step = transition(tree.format, before, after, level, tree.attributes.xnx);
        if (step == Transition::nothing) {
            return;
        }
        if (!entries.compare_exchange(i, before.value, after.value)) {
            continue;
        }
        if (step == Transition::store_then_invalidate) {
            owed.add_leaf(entry.start, entry.length(), level);
        } else if (step == Transition::store_then_invalidate_locally) {
            owed.add_leaf(entry.start, entry.length(), level, InvalidationScope::local);
        }
        return;
    }
}

// Whether the range was one leaf, which is changed now. It is not, if its table becomes empty.
template <TablePort Port>
bool change_one_leaf(const Tree<Port>& tree, IpaRange range, LeafChange change,
                     Invalidation& owed) {
    const Step end = tree.walk(range.start);
    const std::uint64_t size = tree.geometry.entry_size(end.level);
    if (range.length() != size || !range.start.is_aligned(size) ||
        !tree.format.is_leaf(end.descriptor, end.level)) {
        return false;
    }
    if (change.removes() && end.level != tree.geometry.initial_level() &&
        tree.is_empty_but_for(end.table, end.index)) {
        return false;
    }
    auto entries = tree.table(end.table);
    change_leaf(tree, entries, end.index, end.level, range, change, owed);
    tree.port.barrier(Barrier::dsb_ishst);
    return true;
}

// Whether the range is one entry of `level` that was empty and whose table is there: it holds
// `leaf` now.
template <TablePort Port>
bool add_one_leaf(const Tree<Port>& tree, IpaRange range, Level level, Descriptor leaf) {
    const std::uint64_t size = tree.geometry.entry_size(level);
    if (range.length() != size || !range.start.is_aligned(size)) {
        return false;
    }
    const Step end = tree.walk(range.start, level);
    if (end.level != level || end.descriptor.valid() ||
        !tree.table(end.table).compare_exchange(end.index, end.descriptor.value, leaf.value)) {
        return false;
    }
    tree.port.barrier(Barrier::dsb_ishst);
    return true;
}

} // namespace twofold
