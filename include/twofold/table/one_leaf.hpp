// SPDX-License-Identifier: MIT
// One leaf: what is done to a single entry by compare-and-swap, from any CPU and beside everything
// else: the calls of a fault, and changes of a range that is one leaf.
//
// A try may lose against another CPU or against hardware (AF, dirty state) and is repeated a
// bounded number of times; after that the answer is "again".
#pragma once

#include <twofold/table/empty_tables.hpp>
#include <twofold/table/transition.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

inline constexpr unsigned max_tries = 16;

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

// What a single-leaf attempt came to. `other`: the range is not one leaf that may change alone.
enum class OneLeaf : std::uint8_t { done, other, again };

// Changes the leaf at entry `i`, which covers `entry`, in place; an entry of a contiguous run only
// as part of a change of the whole run. What is there may change meanwhile, even into something
// that is no leaf any more (`other`).
template <TablePort Port, PortTable Entries>
OneLeaf change_leaf(Tree<Port>& tree, Entries& entries, unsigned i, Level level, Ipa ipa,
                    std::uint64_t d, LeafChange change, bool whole_run, Invalidation& owed) {
    for (unsigned tries = 0; tries < max_tries; ++tries) {
        const Descriptor before{d};
        if (!tree.format.is_leaf(before, level) || (before.contiguous() && !whole_run)) {
            return OneLeaf::other;
        }
        const Descriptor after{change.removes() ? tree.tombstone(ipa, owed) : change.apply(d)};
        if (change.removes() && after.value == 0) {
            return OneLeaf::again;
        }
        const Transition how = transition(tree.format, before, after, level, tree.features);
        if (how == Transition::nothing) {
            return OneLeaf::done;
        }
        if (entries.compare_exchange(i, before.value, after.value)) {
            if (how >= Transition::store_then_invalidate_locally) {
                owed.add_leaf(ipa, tree.geometry.entry_size(level), level,
                              how == Transition::store_then_invalidate_locally
                                  ? InvalidationScope::local
                                  : InvalidationScope::inner_shareable,
                              leaf::fnxs::is_set(d));
            }
            return OneLeaf::done;
        }
        tree.counters.retries.add();
        d = entries.load(i);
    }
    return OneLeaf::again;
}

// If the range is one leaf: changes it.
template <TablePort Port>
OneLeaf change_one_leaf(Tree<Port>& tree, IpaRange range, LeafChange change, Invalidation& owed) {
    const Step end = tree.walk(range.start);
    if (range.length() != tree.geometry.entry_size(end.level) ||
        !range.start.is_aligned(range.length())) {
        return OneLeaf::other;
    }
    auto entries = tree.table(end.table);
    const OneLeaf result = change_leaf(tree, entries, end.index, end.level, range.start,
                                       end.descriptor.value, change, false, owed);
    if (result == OneLeaf::done) {
        if (change.removes() && end.level != tree.geometry.initial_level()) {
            drop_if_empty(tree, range.start, end, owed);
        }
        tree.complete_stores(owed);
    }
    return result;
}

// Sets AF in the leaf that maps `ipa`, alone also in a contiguous run.
template <TablePort Port>
std::expected<void, Error> set_access_flag(Tree<Port>& tree, Ipa ipa) {
    for (unsigned tries = 0; tries < max_tries; ++tries) {
        const Step end = tree.walk(ipa);
        if (!tree.format.is_leaf(end.descriptor, end.level)) {
            return std::unexpected(
                invalid_entry::is_broken(end.descriptor.value) ? Error::again : Error::not_mapped);
        }
        const std::uint64_t d = end.descriptor.value;
        if (leaf::af::is_set(d)) {
            return {};
        }
        if (tree.table(end.table).compare_exchange(end.index, d, d | leaf::af::mask)) {
            tree.port.barrier(Barrier::dsb_ishst);
            return {};
        }
        tree.counters.retries.add();
    }
    return std::unexpected(Error::again);
}

// A table of `level` whose only entry is the way to `leaf`, an entry of `last`, or that leaf.
template <TablePort Port>
Pa build_path(Tree<Port>& tree, TableList& reserve, Level level, Ipa ipa, Level last,
              Descriptor leaf) {
    const Pa table = table_list::pop_unlinked(tree.port, reserve);
    const Descriptor d =
        level == last ? leaf
                      : tree.format.table(build_path(tree, reserve, level + 1, ipa, last, leaf));
    tree.table(table).store(tree.geometry.index(ipa, level), d.value);
    return table;
}

// Puts `leaf` where the entry of `level` around `ipa` is empty, with the tables on the way that are
// missing. Errors: already_mapped, annotated, out_of_memory, again. `other`: there is a table.
template <TablePort Port>
std::expected<OneLeaf, Error> add_one_leaf(Tree<Port>& tree, Ipa ipa, Level level,
                                           Descriptor leaf) {
    for (unsigned tries = 0; tries < max_tries; ++tries) {
        const Step end = tree.walk(ipa, level);
        const Descriptor d = end.descriptor;
        if (d.valid()) {
            if (tree.format.is_table(d, end.level)) {
                return OneLeaf::other;
            }
            return std::unexpected(Error::already_mapped);
        }
        if (d.value != invalid_entry::empty) {
            if (invalid_entry::is_annotation(d.value)) {
                return std::unexpected(Error::annotated);
            }
            if (tree.is_waiting(d)) {
                tree.counters.again.add();
                return std::unexpected(Error::again);
            }
        }
        auto entries = tree.table(end.table);
        if (end.level == level) {
            if (entries.compare_exchange(end.index, d.value, leaf.value)) {
                tree.port.barrier(Barrier::dsb_ishst);
                return OneLeaf::done;
            }
        } else {
            const auto missing = static_cast<std::uint64_t>(level - end.level);
            auto reserve = tree.reserve(missing);
            if (!reserve) {
                return std::unexpected(reserve.error());
            }
            const Pa next = build_path(tree, *reserve, end.level + 1, ipa, level, leaf);
            if (entries.compare_exchange(end.index, d.value, tree.format.table(next).value)) {
                tree.count_new_tables(missing);
                tree.port.barrier(Barrier::dsb_ishst);
                return OneLeaf::done;
            }
            // Never linked: nobody has seen it.
            tree.free_path(next, end.level + 1, level, ipa);
        }
        tree.counters.retries.add();
    }
    return std::unexpected(Error::again);
}

} // namespace twofold
