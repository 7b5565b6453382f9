// SPDX-License-Identifier: MIT
// RangeChange: makes the leaves of a range invalid (unmap) or changes bits in them (protect). A
// block or a contiguous run that reaches beyond the range is divided; what lies outside stays as it
// was.
#pragma once

#include <twofold/table/one_leaf.hpp>
#include <twofold/table/partial.hpp>
#include <twofold/table/progress.hpp>
#include <twofold/table/store_leaves.hpp>
#include <twofold/table/tree.hpp>

#include <expected>

namespace twofold {

// What stands in the changed part of a divided block, and how large runs are marked in it and in
// the rest.
template <TablePort Port>
class ChangedContent {
public:
    ChangedContent(const Tree<Port>& tree, LeafChange change,
                   std::uint64_t largest_run = ~std::uint64_t{0})
        : tree_{tree},
          change_{change},
          largest_run_{largest_run} {}

    Level largest() const { return tree_.geometry.initial_level(); }
    std::uint64_t value(Level, Ipa ipa, const OldEntry& old) const {
        const std::uint64_t before = old_value(tree_.format, old, ipa);
        return change_.removes() || (before & 1) == 0 ? removed(before) : change_.apply(before);
    }
    template <PortTable Entries>
    void store(Entries& entries, unsigned first, unsigned count, Level level, Ipa ipa,
               const OldEntry& old) const {
        if ((old.descriptor & 1) == 0) {
            for (unsigned i = first; i < first + count; ++i) {
                entries.store(i, removed(old.descriptor));
            }
        } else if (!change_.removes()) {
            const std::uint64_t bits =
                tree_.format.attributes_below(Descriptor{old.descriptor}, old.level, level);
            store_runs(tree_.geometry, entries, first, count, level,
                       old_output(tree_.format, old, ipa), change_.apply(bits), largest_run_);
        }
    }
    std::uint64_t largest_run() const { return largest_run_; }

private:
    // An annotation goes with unmap() and stays with protect().
    std::uint64_t removed(std::uint64_t before) const {
        return change_.removes() ? invalid_entry::empty : before;
    }

    const Tree<Port>& tree_;
    LeafChange change_;
    std::uint64_t largest_run_;
};

template <TablePort Port>
class RangeChange {
public:
    RangeChange(Tree<Port>& tree, IpaRange range, LeafChange change, Invalidation& owed,
                HeldStripes<Port>& held, Progress& progress)
        : tree_{tree},
          range_{range},
          change_{change},
          content_{tree, change},
          subtree_{tree, range_, content_},
          owed_{owed},
          held_{held},
          progress_{progress} {}

    // out_of_memory: nothing has changed. again: progress.next says how far it came.
    std::expected<void, Error> run() {
        progress_.next = range_.start;
        if (!tree_.hold(held_, range_)) {
            return std::unexpected(Error::again);
        }
        auto reserve = tree_.reserve(tables_for_ends(tree_, subtree_, range_));
        if (!reserve) {
            return std::unexpected(reserve.error());
        }
        spare_ = reserve->count;
        visit(tree_.root, tree_.geometry.initial_level(), range_);
        if (broke_) {
            tree_.discharge(owed_);
        }
        for (const PartialEntry& p : partial_.entries()) {
            publish_partial(tree_, *reserve, p, range_, content_);
        }
        tree_.free(*reserve);
        tree_.complete_stores(owed_);
        if (failed_) {
            tree_.counters.again.add();
            return std::unexpected(Error::again);
        }
        return {};
    }

private:
    // Whether to go on.
    bool visit(Pa table, Level level, IpaRange part) {
        auto entries = tree_.table(table);
        IpaRange entry = tree_.entry_at(part.start, level);
        const std::uint64_t size = entry.length();
        for (unsigned i = tree_.geometry.index(part.start, level); entry.start < part.end; ++i) {
            if (progress_.budget == 0) {
                return false;
            }
            const unsigned done = visit_entry(table, entries, i, level, entry, part);
            if (done == 0) {
                return false;
            }
            i += done - 1;
            entry.end += (done - 1) * size;
            progress_.next = std::max(progress_.next, std::min(entry.end, part.end));
            entry = {entry.end, entry.end + size};
        }
        return true;
    }
    void spend() {
        if (bounded()) {
            --progress_.budget;
        }
    }
    bool bounded() const { return progress_.budget != Progress::unlimited; }

    template <PortTable Entries>
    bool visit_table(Entries& entries, unsigned i, Pa next, Level level, IpaRange entry,
                     IpaRange inside) {
        // With a budget, one table of leaves at a time.
        if (change_.removes() && inside == entry && (!bounded() || level + 1 == page_level)) {
            const std::uint64_t tombstone = tree_.tombstone(entry.start, owed_);
            if (tombstone == 0) {
                failed_ = true;
                return false;
            }
            spend();
            entries.exchange(i, tombstone);
            owed_.add_table(entry.start, entry.length());
            tree_.retire(next, level + 1, owed_.tables());
            return true;
        }
        if (!visit(next, level + 1, inside)) {
            return false;
        }
        if (change_.removes()) {
            const Ipa last = inside.end - 1;
            const unsigned index = tree_.geometry.index(last, level + 1);
            if (seems_empty(tree_, next, index) && held_.add(Stripes::of(tree_.geometry, entry))) {
                drop_empty_table(tree_, last, {next, index, level + 1, {}}, owed_);
            }
        }
        return true;
    }

    // How many entries are done; 0: go no further. What stands there may be another's doing, and
    // something else at each look: a block that is unmapped alone can be a table at the next fault.
    template <PortTable Entries>
    unsigned visit_entry(Pa table, Entries& entries, unsigned i, Level level, IpaRange entry,
                         IpaRange part) {
        const IpaRange inside = entry.intersect(part);
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                const Pa next = tree_.format.next_table(d);
                return visit_table(entries, i, next, level, entry, inside) ? 1 : 0;
            }
            if (tries == 0) {
                spend();
            }
            OneLeaf result = OneLeaf::done;
            unsigned done = 1;
            if (!d.valid()) {
                result = visit_invalid(table, entries, i, d, level, entry, inside);
            } else {
                const unsigned run = tree_.run_of(d, level);
                const Ipa start = entry.start.align_down(run * entry.length());
                const Whole whole{{start, start + run * entry.length()}, level};
                result = whole.covers.intersect(range_) != whole.covers
                             ? divide(table, entries, i, d, level, entry, whole)
                             : change_run(entries, i, run, d, level, entry);
                // From here to the end of the run, or of the part of it that is in the range.
                const std::uint64_t left = std::min(whole.covers.end, range_.end) - entry.start;
                done = static_cast<unsigned>((left + entry.length() - 1) / entry.length());
            }
            if (result == OneLeaf::done) {
                return done;
            }
            if (result == OneLeaf::again) {
                break;
            }
        }
        failed_ = true;
        return 0;
    }
    // A leaf, or a run to its end. A run is not left half done: beside the holder of its stripe
    // only bits are set in its leaves, AF and the dirty state, so that a try can be lost twice.
    template <PortTable Entries>
    OneLeaf change_run(Entries& entries, unsigned i, unsigned run, Descriptor d, Level level,
                       IpaRange entry) {
        const unsigned end = (i | (run - 1)) + 1;
        OneLeaf result = OneLeaf::done;
        for (unsigned k = i; k < end && result == OneLeaf::done; ++k) {
            result = change_leaf(tree_, entries, k, level, entry.start + (k - i) * entry.length(),
                                 k == i ? d.value : entries.load(k), change_, true, owed_);
        }
        return result;
    }

    template <PortTable Entries>
    OneLeaf visit_invalid(Pa table, Entries& entries, unsigned i, Descriptor d, Level level,
                          IpaRange entry, IpaRange inside) {
        switch (invalid_entry::kind(d.value)) {
        case InvalidKind::empty:
            return OneLeaf::done;
        case InvalidKind::broken: // our own, of a run
            return partial_.covers(entry.start) ? OneLeaf::done : OneLeaf::again;
        case InvalidKind::tombstone:
            // Somebody else has yet to invalidate it; who relies on this call need not wait for
            // him.
            if ((d.value & invalid_entry::payload::mask) != owed_.ticket() && tree_.is_waiting(d)) {
                owed_.add_table(entry.start, entry.length());
            }
            return OneLeaf::done;
        case InvalidKind::annotation:
            if (!change_.removes()) {
                return OneLeaf::done;
            }
            if (inside != entry) {
                return divide(table, entries, i, d, level, entry, {entry, level});
            }
            entries.exchange(i, invalid_entry::empty);
            return OneLeaf::done;
        }
        return OneLeaf::again;
    }

    // A fault may have put a block there after the tables were counted.
    template <PortTable Entries>
    OneLeaf divide(Pa table, Entries& entries, unsigned i, Descriptor d, Level level,
                   IpaRange entry, const Whole& whole) {
        const std::uint64_t tables = tables_for_partial(tree_, subtree_, whole, range_);
        if (tables > spare_ || !held_.holds(Stripes::of(tree_.geometry, whole.covers))) {
            return OneLeaf::again;
        }
        const auto broken = break_whole(tree_, table, entries, i, level, entry, d, owed_);
        if (!broken) {
            return OneLeaf::other;
        }
        spare_ -= tables;
        broke_ = broke_ || d.valid();
        partial_.add(*broken);
        return OneLeaf::done;
    }

    Tree<Port>& tree_;
    IpaRange range_;
    LeafChange change_;
    ChangedContent<Port> content_;
    Subtree<Port, ChangedContent<Port>> subtree_;
    Invalidation& owed_;
    HeldStripes<Port>& held_;
    Progress& progress_;
    PartialEntries partial_ = {};
    std::uint64_t spare_ = 0; // reserved tables that no partial entry will take
    bool broke_ = false;      // something valid, whose invalidation has to come before what follows
    bool failed_ = false;
};

} // namespace twofold
