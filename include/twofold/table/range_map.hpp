// SPDX-License-Identifier: MIT
// RangeMap: maps a range to one stretch of output addresses with the largest leaves that fit.
//
// 1. Reserve every table that the range will need: after that nothing can fail.
// 2. Break what stands in the way (live entries that may not become the new ones in place).
// 3. Invalidate once.
// 4. Put back what stays of blocks that reach beyond the range, and fill in the rest: new subtrees
//    with plain stores while no walker can reach them, then one release store for each.
#pragma once

#include <twofold/table/split.hpp>
#include <twofold/table/transition.hpp>
#include <twofold/table/tree.hpp>

#include <expected>

namespace twofold {

template <TablePort Port>
class RangeMap {
public:
    // `attribute_bits`: AttributeFormat::encode. `largest`: the lowest level number at which a leaf
    // may stand; IPA and PA agree modulo its entry size.
    RangeMap(Tree<Port>& tree, IpaRange range, Pa pa, std::uint64_t attribute_bits, Level largest)
        : tree_{tree},
          range_{range},
          offset_{pa.value - range.start.value},
          attribute_bits_{attribute_bits},
          largest_{largest} {}

    // out_of_memory: nothing has changed. What is mapped in the range already is replaced.
    std::expected<void, Error> replace(Invalidation& owed) {
        auto reserve = prepare();
        if (!reserve) {
            return std::unexpected(reserve.error());
        }
        // What an earlier operation still owes here: a valid entry may not come back before.
        must_invalidate_ = owed.overlaps(range_.start, range_.length());
        make_way(tree_.root, initial(), range_, owed);
        if (must_invalidate_) {
            tree_.discharge(owed);
        }
        publish_splits(tree_, *reserve, broken_, range_, LeafChange{});
        finish(*reserve);
        return {};
    }

    // already_mapped or out_of_memory: nothing has changed. Owes nothing.
    std::expected<void, Error> add() {
        if (any_leaf(tree_.root, initial(), range_)) {
            return std::unexpected(Error::already_mapped);
        }
        auto reserve = prepare();
        if (!reserve) {
            return std::unexpected(reserve.error());
        }
        finish(*reserve);
        return {};
    }

private:
    Level initial() const { return tree_.geometry.initial_level(); }
    std::uint64_t leaf_value(Level level, Ipa ipa) const {
        return tree_.format.leaf(level, Pa{ipa.value + offset_}, attribute_bits_).value;
    }
    // Whether one leaf of `level` maps all of `entry`.
    bool becomes_leaf(Level level, IpaRange entry, IpaRange inside) const {
        return level >= largest_ && inside == entry;
    }

    std::expected<TableList, Error> prepare() {
        return tree_.reserve(tables_below(tree_.root, initial(), range_));
    }
    void finish(TableList& reserve) {
        fill(tree_.root, initial(), range_, true, reserve);
        tree_.port.barrier(Barrier::dsb_ishst);
    }

    // Tables that are missing below an existing table, or (empty) below a new one.
    std::uint64_t tables_below(std::optional<Pa> table, Level level, IpaRange part) const {
        std::uint64_t count = 0;
        const auto add_entry = [&](unsigned i, IpaRange entry, IpaRange inside) {
            if (becomes_leaf(level, entry, inside)) {
                return;
            }
            const Descriptor d{table ? tree_.table(*table).load(i) : 0};
            if (tree_.format.is_table(d, level)) {
                count += tables_below(tree_.format.next_table(d), level + 1, inside);
            } else if (inside == entry) {
                count += tree_.full_subtree(level + 1, largest_);
            } else {
                count += 1 + tables_below(std::nullopt, level + 1, inside);
            }
        };
        if (level < largest_) {
            tree_.for_each_entry(level, part, add_entry);
            return count;
        }
        // Only the entries at the two ends can be partial here.
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const Ipa last = (part.end - 1).align_down(size);
        tree_.for_each_entry(
            level, part.intersect({part.start, part.start.align_down(size) + size}), add_entry);
        if (last > part.start) {
            tree_.for_each_entry(level, {last, part.end}, add_entry);
        }
        return count;
    }
    bool any_leaf(Pa table, Level level, IpaRange part) const {
        bool found = false;
        const auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange, IpaRange inside) {
            const Descriptor d{entries.load(i)};
            found = found || (tree_.format.is_table(d, level)
                                  ? any_leaf(tree_.format.next_table(d), level + 1, inside)
                                  : tree_.format.is_leaf(d, level));
        });
        return found;
    }

    // After this, each entry that is to become a leaf is invalid or that leaf already, and no block
    // stands where a table is needed.
    void make_way(Pa table, Level level, IpaRange part, Invalidation& owed) {
        auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
            const Descriptor d{entries.load(i)};
            const bool to_leaf = becomes_leaf(level, entry, inside);
            if (tree_.format.is_table(d, level)) {
                const Pa next = tree_.format.next_table(d);
                if (to_leaf) {
                    entries.exchange(i, 0);
                    owed.add_table(entry.start, entry.length());
                    tree_.retire(next, level + 1, owed.tables());
                    broke();
                } else {
                    make_way(next, level + 1, inside, owed);
                }
            } else if (tree_.format.is_leaf(d, level)) {
                if (to_leaf) {
                    replace_leaf(entries, i, level, entry, owed);
                } else {
                    const Descriptor old{entries.exchange(i, 0)};
                    if (inside != entry) {
                        broken_.add({table, i, level, entry, old});
                    }
                    owed.add_leaf(entry.start, entry.length(), level);
                    broke();
                }
            }
        });
    }

    template <PortTable Entries>
    void replace_leaf(Entries& entries, unsigned i, Level level, IpaRange entry,
                      Invalidation& owed) {
        for (;;) {
            const Descriptor before{entries.load(i)};
            const Descriptor after{replacement(before, leaf_value(level, entry.start))};
            const Transition step =
                transition(tree_.format, before, after, level, tree_.attributes.xnx);
            const bool breaks = step == Transition::break_first;
            if (step == Transition::nothing) {
                return;
            }
            if (!entries.compare_exchange(i, before.value, breaks ? 0 : after.value)) {
                continue; // hardware set AF or dirty state
            }
            if (breaks || step == Transition::store_then_invalidate) {
                owed.add_leaf(entry.start, entry.length(), level);
            } else if (step == Transition::store_then_invalidate_locally) {
                owed.add_leaf(entry.start, entry.length(), level, InvalidationScope::local);
            }
            if (breaks) {
                broke();
            }
            return;
        }
    }

    // Of a leaf that hardware has made dirty, one that is writable-clean in all else the same stays
    // dirty: a second fault on a page must not lose what was written after the first.
    static Descriptor replacement(Descriptor before, std::uint64_t after) {
        const bool same = ((before.value ^ after) & ~transition_rules::in_place_bits) == 0;
        const bool dbm = leaf::dbm::is_set(before.value) && leaf::dbm::is_set(after);
        return {same && dbm ? after | (before.value & leaf::s2ap_write::mask) : after};
    }

    void broke() {
        must_invalidate_ = true;
        ++tree_.counters.breaks;
    }

    // `live`: a walker can reach the table.
    void fill(Pa table, Level level, IpaRange part, bool live, TableList& reserve) {
        auto entries = tree_.table(table);
        if (!live && level >= largest_) {
            fill_new(entries, level, part, reserve);
            return;
        }
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange entry, IpaRange inside) {
            if (becomes_leaf(level, entry, inside)) {
                const Descriptor d{entries.load(i)};
                if (!tree_.format.is_table(d, level)) {
                    if (!d.valid()) {
                        entries.publish(i, leaf_value(level, entry.start));
                    }
                    return;
                }
            }
            fill_below(entries, i, level, inside, live, reserve);
        });
    }

    // A table that nobody can see yet, of a level that has leaves: only the entries at the two ends
    // of the range can need tables below them.
    template <PortTable Entries>
    void fill_new(Entries& entries, Level level, IpaRange part, TableList& reserve) {
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const IpaRange whole{part.start.align_up(size), part.end.align_down(size)};
        if (!whole.empty()) {
            const Pa pa{whole.start.value + offset_};
            tree_.store_leaves(entries, tree_.geometry.index(whole.start, level),
                               static_cast<unsigned>(whole.length() / size), level, pa,
                               tree_.format.leaf(level, Pa{}, attribute_bits_).value);
        }
        const auto fill_end = [&](IpaRange end) {
            if (!end.empty()) {
                fill_below(entries, tree_.geometry.index(end.start, level), level, end, false,
                           reserve);
            }
        };
        fill_end({part.start, std::min(whole.start, part.end)});
        if (whole.end >= whole.start) {
            fill_end({whole.end, part.end});
        }
    }

    template <PortTable Entries>
    void fill_below(Entries& entries, unsigned i, Level level, IpaRange inside, bool live,
                    TableList& reserve) {
        const Descriptor d{entries.load(i)};
        if (tree_.format.is_table(d, level)) {
            fill(tree_.format.next_table(d), level + 1, inside, live, reserve);
            return;
        }
        const Pa next = table_list::pop(tree_.port, reserve);
        fill(next, level + 1, inside, false, reserve);
        const std::uint64_t link = tree_.format.table(next).value;
        if (live) {
            entries.publish(i, link);
        } else {
            entries.store(i, link);
        }
        ++tree_.counters.tables;
        ++tree_.counters.tables_made;
    }

    Tree<Port>& tree_;
    IpaRange range_;
    std::uint64_t offset_; // PA - IPA, modulo 2^64
    std::uint64_t attribute_bits_;
    Level largest_;
    PartialBlocks broken_ = {};
    bool must_invalidate_ = false;
};

} // namespace twofold
