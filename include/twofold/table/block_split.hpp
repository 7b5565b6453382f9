// SPDX-License-Identifier: MIT
// BlockSplit: replaces what is larger than a size in a range, blocks and contiguous runs, by tables
// of leaves of that size that map the same. The new subtrees are built while the block is still in
// use, several blocks share an invalidation, and what is small already is not visited leaf by leaf.
//
// With FEAT_BBM level 2 the table takes the block's place without a break, and a run loses its
// Contiguous bits in place; the invalidation follows.
#pragma once

#include <twofold/table/batch.hpp>
#include <twofold/table/one_leaf.hpp>
#include <twofold/table/partial.hpp>
#include <twofold/table/progress.hpp>
#include <twofold/table/store_leaves.hpp>
#include <twofold/table/subtree.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>
#include <expected>
#include <optional>

namespace twofold {

// The leaves that stand for a block, and no larger runs of them than `max_size`.
template <TablePort Port>
class SplitContent {
public:
    SplitContent(const Tree<Port>& tree, Level target, std::uint64_t max_size)
        : tree_{tree},
          target_{target},
          max_size_{max_size} {}

    Level largest() const { return target_; }
    std::uint64_t value(Level, Ipa ipa, const OldEntry& old) const {
        return old_value(tree_.format, old, ipa);
    }
    template <PortTable Entries>
    void store(Entries& entries, unsigned first, unsigned count, Level level, Ipa ipa,
               const OldEntry& old) const {
        store_runs(tree_.geometry, entries, first, count, level, old_output(tree_.format, old, ipa),
                   tree_.format.attributes_below(Descriptor{old.descriptor}, old.level, level),
                   max_size_);
    }

private:
    const Tree<Port>& tree_;
    Level target_;
    std::uint64_t max_size_;
};

template <TablePort Port>
class BlockSplit {
public:
    // `target`: the level of the leaves that stay; a leaf may stand there.
    BlockSplit(Tree<Port>& tree, IpaRange range, Level target, Invalidation& owed,
               HeldStripes<Port>& held, Progress& progress)
        : tree_{tree},
          range_{range},
          target_{target},
          content_{tree, target, tree.geometry.entry_size(target)},
          owed_{owed},
          held_{held},
          progress_{progress} {}

    // out_of_memory, again: some blocks are split, some are not; all that was mapped still is.
    std::expected<void, Error> run() {
        progress_.next = range_.start;
        if (!tree_.hold(held_, range_)) {
            return std::unexpected(Error::again);
        }
        const bool complete = visit(tree_.root, tree_.geometry.initial_level(), range_);
        publish();
        tree_.complete_stores(owed_);
        if (!complete && failed_) {
            return std::unexpected(*failed_);
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
        auto entries = tree_.table(table);
        IpaRange entry = tree_.entry_at(part.start, level);
        const std::uint64_t size = entry.length();
        for (unsigned i = tree_.geometry.index(part.start, level); entry.start < part.end; ++i) {
            if (progress_.budget == 0) {
                return false;
            }
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                const IpaRange inside = entry.intersect(part);
                if (level < target_ && !visit(tree_.format.next_table(d), level + 1, inside)) {
                    return false;
                }
            } else {
                if (progress_.budget != Progress::unlimited) {
                    --progress_.budget;
                }
                if (tree_.format.is_leaf(d, level) &&
                    !visit_leaf(table, entries, i, d, level, entry)) {
                    return false;
                }
                if (level == target_ && !d.contiguous()) {
                    // Small enough already; the next run of leaves may be marked.
                    const unsigned last = i | (tree_.geometry.contiguous_run(level) - 1);
                    entry.end += (last - i) * size;
                    i = last;
                }
            }
            progress_.next = std::max(progress_.next, std::min(entry.end, part.end));
            entry = {entry.end, entry.end + size};
        }
        return true;
    }

    template <PortTable Entries>
    bool visit_leaf(Pa table, Entries& entries, unsigned i, Descriptor d, Level level,
                    IpaRange entry) {
        if (level > target_) {
            return true;
        }
        if (d.contiguous() && !unmark(entries, i, level, entry)) {
            return false;
        }
        return level == target_ || split(table, entries, i, level, entry);
    }

    // The run around `i` becomes leaves that stand alone.
    template <PortTable Entries>
    bool unmark(Entries& entries, unsigned i, Level level, IpaRange entry) {
        const unsigned run = tree_.geometry.contiguous_run(level);
        const unsigned first = i & ~(run - 1);
        const std::uint64_t size = run * entry.length();
        const Ipa start = entry.start.align_down(size);
        if (!held_.holds(Stripes::of(tree_.geometry, {start, start + size}))) {
            failed_ = Error::again;
            return false;
        }
        publish(); // what is broken waits no longer than it must
        const Descriptor before{entries.load(i)};
        const Descriptor after{before.value & ~leaf::contiguous::mask};
        // With DBM, what hardware notes and what a fault grants is the same bit: only a break tells
        // for which page it was.
        if (leaf::dbm::is_set(before.value) ||
            transition(tree_.format, before, after, level, tree_.features) ==
                Transition::break_first) {
            break_run(entries, first, run, level);
            owed_.add_leaf(start, size, level);
            tree_.discharge(owed_);
            for (unsigned k = first; k < first + run; ++k) {
                entries.publish(k, frozen::was(entries.load(k), level));
            }
            tree_.counters.breaks.add(run);
        } else if (!unmark_live(entries, first, run, level, {start, start + size})) {
            return false;
        }
        tree_.count_run(start, level, false);
        return true;
    }

    // FEAT_BBM level 2. What one entry notes until the invalidation it may have noted for any page
    // of the run.
    template <PortTable Entries>
    bool unmark_live(Entries& entries, unsigned first, unsigned run, Level level, IpaRange covers) {
        owed_.add_leaf(covers.start, covers.length(), level);
        for (unsigned k = first; k < first + run; ++k) {
            if (!replace(entries, k, [](std::uint64_t d) { return d & ~leaf::contiguous::mask; })) {
                return false;
            }
        }
        tree_.discharge(owed_);
        std::uint64_t seen = 0;
        for (unsigned k = first; k < first + run; ++k) {
            seen |= entries.load(k);
        }
        bool good = true;
        for (unsigned k = first; k < first + run && good; ++k) {
            good = replace(entries, k, [&](std::uint64_t d) {
                return tree_.format.is_leaf(Descriptor{d}, level) ? d | (seen & leaf::af::mask) : d;
            });
        }
        return good;
    }

    // False: hardware has been faster, again and again.
    template <PortTable Entries, class Change>
    bool replace(Entries& entries, unsigned i, Change&& change) {
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const std::uint64_t d = entries.load(i);
            if (entries.compare_exchange(i, d, change(d))) {
                return true;
            }
            tree_.counters.retries.add();
        }
        failed_ = Error::again;
        return false;
    }

    template <PortTable Entries>
    bool split(Pa table, Entries& entries, unsigned i, Level level, IpaRange entry) {
        Subtree<Port, SplitContent<Port>> subtree{tree_, entry, content_};
        auto reserve = tree_.reserve(subtree.tables(level + 1, entry));
        if (!reserve) {
            failed_ = reserve.error();
            return false;
        }
        const Descriptor d{entries.load(i)};
        if (!tree_.format.is_leaf(d, level)) {
            tree_.free(*reserve); // unmapped meanwhile
            return true;
        }
        const Pa next = subtree.build(*reserve, level + 1, entry, {d.value, level, entry.start});
        const Descriptor link = tree_.format.table(next);
        if (transition(tree_.format, d, link, level, tree_.features, {.same_translation = true}) !=
            Transition::break_first) {
            return exchange_live(entries, i, d, link, next, level, entry);
        }
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor now{entries.load(i)};
            if (!tree_.format.is_leaf(now, level)) {
                tree_.free_unlinked(next, level + 1);
                return true; // unmapped meanwhile
            }
            if (entries.compare_exchange(i, now.value, invalid_entry::broken)) {
                adopt(next, level + 1, d.value, now.value);
                tree_.counters.breaks.add();
                tree_.count_split(entry.start, level);
                owed_.add_leaf(entry.start, entry.length(), level);
                if (broken_.add({table, i, next})) {
                    publish();
                }
                return true;
            }
            tree_.counters.retries.add();
        }
        tree_.free_unlinked(next, level + 1);
        failed_ = Error::again;
        return false;
    }

    // FEAT_BBM level 2.
    template <PortTable Entries>
    bool exchange_live(Entries& entries, unsigned i, Descriptor d, Descriptor link, Pa next,
                       Level level, IpaRange entry) {
        std::uint64_t built = d.value;
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor now{entries.load(i)};
            if (!tree_.format.is_leaf(now, level)) {
                tree_.free_unlinked(next, level + 1);
                return true;
            }
            adopt(next, level + 1, built, now.value);
            built = now.value;
            if (entries.compare_exchange(i, now.value, link.value)) {
                tree_.count_split(entry.start, level);
                owed_.add_leaf(entry.start, entry.length(), level);
                return true;
            }
            tree_.counters.retries.add();
        }
        tree_.free_unlinked(next, level + 1);
        failed_ = Error::again;
        return false;
    }

    // Makes the unlinked leaves, built from `built`, those of `now`: AF, dirty state, and what a
    // fault has added to the permissions.
    void adopt(Pa table, Level level, std::uint64_t built, std::uint64_t now) {
        if (built == now) {
            return;
        }
        auto entries = tree_.table(table);
        const unsigned count = tree_.geometry.entries_below_root();
        // A block's address bits lie above those that count its leaves.
        const std::uint64_t changed = (built ^ now) & ~(leaf::nt::mask | leaf::contiguous::mask);
        for (unsigned i = 0; i < count; ++i) {
            const Descriptor d{entries.load(i)};
            if (level == target_) {
                entries.store(i, d.value ^ changed);
            } else {
                adopt(tree_.format.next_table(d), level + 1, built, now);
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
    }

    Tree<Port>& tree_;
    IpaRange range_;
    Level target_;
    SplitContent<Port> content_;
    Invalidation& owed_;
    HeldStripes<Port>& held_;
    Progress& progress_;
    Batch<Replacement> broken_ = {};
    std::optional<Error> failed_ = {};
};

} // namespace twofold
