// SPDX-License-Identifier: MIT
// RangeMap: fills a range with leaves for one stretch of output addresses, the largest that fit, or
// with annotations. What stands there is replaced.
//
// 1. Reserve every table that the range will need: after that nothing can fail for want of memory.
// 2. Put in place what can be: into empty entries, and over leaves that break-before-make allows to
//    change in place. Break the rest. New subtrees are built with plain stores while no walker can
//    reach them, then linked.
// 3. If something was broken: invalidate once, then put the new entries where the broken ones
//    stand, and back what stays of blocks that reach beyond the range.
//
// Contiguous runs: marked where they are built out of reach, and where a whole run is claimed
// before its first entry becomes valid. A TLB may then use the run early, but only for addresses
// that nobody else can give a meaning.
#pragma once

#include <twofold/table/map_content.hpp>
#include <twofold/table/map_survey.hpp>
#include <twofold/table/one_leaf.hpp>
#include <twofold/table/partial.hpp>
#include <twofold/table/progress.hpp>
#include <twofold/table/range_mend.hpp>
#include <twofold/table/transition.hpp>
#include <twofold/table/tree.hpp>

#include <expected>

namespace twofold {

template <TablePort Port>
class RangeMap {
public:
    RangeMap(Tree<Port>& tree, const RangeContent& what, HeldStripes<Port>& held,
             Progress& progress)
        : tree_{tree},
          what_{what},
          content_{tree, what},
          subtree_{tree, what.range, content_},
          survey_{tree, what, subtree_},
          held_{held},
          progress_{progress} {}

    // out_of_memory: nothing has changed. again: progress.next says how far it came.
    std::expected<void, Error> replace(Invalidation& owed) {
        progress_.next = what_.range.start;
        if (!tree_.hold(held_, what_.range)) {
            return std::unexpected(Error::again);
        }
        auto reserve = prepare();
        if (!reserve) {
            return std::unexpected(reserve.error());
        }
        owed_ = &owed;
        // What an earlier operation still owes here: a valid entry may not come back before.
        if (owed.overlaps(what_.range.start, what_.range.length())) {
            tree_.discharge(owed);
        }
        const bool good = fill(tree_.root, initial(), what_.range, *reserve);
        if (broke_) {
            tree_.discharge(owed);
        }
        if (broke_ || !partial_.empty()) {
            for (const PartialEntry& p : partial_.entries()) {
                publish_partial(tree_, *reserve, p, what_.range, content_);
            }
            // A run that was broken as a whole is not left half done.
            progress_.next = std::max(progress_.next, run_.end);
            if (progress_.next > what_.range.start) {
                RangeMend<Port>{tree_, what_, content_, subtree_, *reserve}.run(
                    {what_.range.start, progress_.next});
            }
        }
        return finish(*reserve, good);
    }

    // Where nothing is mapped: already_mapped, annotated, out_of_memory: nothing has changed, but
    // that a leaf which another CPU puts in the way meanwhile stops it there (progress.next).
    std::expected<void, Error> add() {
        progress_.next = what_.range.start;
        if (!tree_.hold(held_, what_.range)) {
            return std::unexpected(Error::again);
        }
        if (const auto error = survey_.obstacle()) {
            return std::unexpected(*error);
        }
        auto reserve = prepare();
        if (!reserve) {
            return std::unexpected(reserve.error());
        }
        const bool good = fill(tree_.root, initial(), what_.range, *reserve);
        return finish(*reserve, good);
    }

private:
    Level initial() const { return tree_.geometry.initial_level(); }
    std::expected<TableList, Error> prepare() {
        auto reserve = tree_.reserve(survey_.tables());
        spare_ = reserve ? reserve->count : 0;
        return reserve;
    }
    std::expected<void, Error> finish(TableList& reserve, bool good) {
        tree_.free(reserve);
        if (owed_ != nullptr) {
            tree_.complete_stores(*owed_);
        } else {
            tree_.port.barrier(Barrier::dsb_ishst);
        }
        if (!good) {
            tree_.counters.again.add();
            return std::unexpected(stopped_);
        }
        return {};
    }

    // Whether to go on; `stopped_` says why not. Entries that only the invalidation can make way
    // for are left broken.
    bool fill(Pa table, Level level, IpaRange part, TableList& reserve) {
        auto entries = tree_.table(table);
        const IpaRange first = tree_.entry_at(part.start, level);
        const std::uint64_t size = first.length();
        Ipa at = first.start;
        unsigned i = tree_.geometry.index(part.start, level);
        while (at < part.end) {
            const IpaRange entry{at, at + size};
            const IpaRange inside = entry.intersect(part);
            unsigned done = 1;
            if (what_.becomes_entry(level, entry, inside)) {
                const auto left = static_cast<unsigned>((part.end - at) / size);
                done = fill_entries(table, entries, i, left, level, at, reserve);
            } else {
                done = fill_below(table, entries, i, level, entry, inside, reserve) ? 1 : 0;
            }
            if (done == 0) {
                return false;
            }
            i += done;
            at += done * size;
            progress_.next = std::max(progress_.next, std::min(at, part.end));
        }
        return true;
    }

    // Fills some of the `left` entries from `i` on; returns how many, 0 to stop.
    template <PortTable Entries>
    unsigned fill_entries(Pa table, Entries& entries, unsigned i, unsigned left, Level level,
                          Ipa at, TableList& reserve) {
        const unsigned run = content_.run(level);
        if (run != 1 && i % run == 0 && run <= left && claim(entries, i, run)) {
            content_.publish_run(entries, i, run, level, at);
            return run;
        }
        const std::uint64_t size = tree_.geometry.entry_size(level);
        // Up to where the next run could be marked.
        const unsigned count = run == 1 ? left : std::min(left, run - i % run);
        const unsigned end = i + count;
        const std::uint64_t last = content_.value(level, at + size * (count - 1));
        std::uint64_t value = content_.value(level, at);
        const std::uint64_t step = what_.annotation ? 0 : size;
        if (last - value == step * (count - 1) && entries.load(i) == invalid_entry::empty) {
            unsigned k = i;
#pragma GCC unroll 8
            for (; k < end; ++k, value += step) {
                if (!entries.compare_exchange(k, invalid_entry::empty, value)) {
                    break;
                }
            }
            if (k != i) {
                return k - i;
            }
        }
        return fill_entry(table, entries, i, level, {at, at + size}, reserve) ? 1 : 0;
    }

    template <PortTable Entries>
    bool claim(Entries& entries, unsigned first, unsigned run) {
        for (unsigned k = 0; k < run; ++k) {
            if (!entries.compare_exchange(first + k, invalid_entry::empty, invalid_entry::broken)) {
                for (unsigned u = 0; u < k; ++u) {
                    entries.publish(first + u, invalid_entry::empty);
                }
                return false;
            }
        }
        return true;
    }
    // One entry that holds something already.
    template <PortTable Entries>
    bool fill_entry(Pa table, Entries& entries, unsigned i, Level level, IpaRange entry,
                    TableList& reserve) {
        const std::uint64_t wanted = content_.value(level, entry.start);
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                if (owed_ == nullptr) { // without leaves, but a block needs a break to stand there
                    return fill(tree_.format.next_table(d), level + 1, entry, reserve);
                }
                entries.exchange(i, invalid_entry::broken);
                owed_->add_table(entry.start, entry.length());
                tree_.retire(tree_.format.next_table(d), level + 1, owed_->tables());
                tree_.counters.breaks.add();
                broke_ = true;
                return true;
            }
            if (!d.valid()) {
                if (invalid_entry::is_broken(d.value)) {
                    return is_ours(entry.start);
                }
                if (tree_.is_waiting(d)) {
                    return wait_for(entries, i, d, level, entry);
                }
                if (owed_ == nullptr && invalid_entry::is_annotation(d.value)) {
                    stopped_ = Error::annotated;
                    return false;
                }
                if (entries.compare_exchange(i, d.value, wanted)) {
                    return true;
                }
            } else if (owed_ == nullptr) {
                stopped_ = Error::already_mapped;
                return false;
            } else if (replace_leaf(table, entries, i, level, entry, d, wanted)) {
                return true;
            }
            tree_.counters.retries.add();
        }
        return false;
    }

    // False: it has changed meanwhile.
    template <PortTable Entries>
    bool replace_leaf(Pa table, Entries& entries, unsigned i, Level level, IpaRange entry,
                      Descriptor d, std::uint64_t wanted) {
        const Descriptor after{content_.replacement(d.value, wanted)};
        if (what_.annotation) {
            // map() may replace it at once, so nothing may be left to invalidate.
            return break_here(table, entries, i, level, entry, d);
        }
        if (d.contiguous()) {
            const bool stays = content_.run(level) != 1 &&
                               d.value == (after.value | leaf::contiguous::mask) &&
                               run_at(tree_.geometry, entry, level).intersect(what_.range) ==
                                   run_at(tree_.geometry, entry, level);
            return stays || break_here(table, entries, i, level, entry, d);
        }
        const Transition how = transition(tree_.format, d, after, level, tree_.features);
        if (how == Transition::break_first) {
            return break_here(table, entries, i, level, entry, d);
        }
        if (how == Transition::nothing) {
            return true;
        }
        if (!entries.compare_exchange(i, d.value, after.value)) {
            return false;
        }
        if (how != Transition::store) {
            owed_->add_leaf(entry.start, entry.length(), level,
                            how == Transition::store_then_invalidate_locally
                                ? InvalidationScope::local
                                : InvalidationScope::inner_shareable,
                            leaf::fnxs::is_set(d.value));
        }
        return true;
    }
    bool is_ours(Ipa ipa) const {
        return partial_.covers(ipa) || (run_.start <= ipa && ipa < run_.end);
    }

    // Breaks what stands at `i`, with the run that it belongs to. False: it has changed, or asks
    // for more than is reserved.
    template <PortTable Entries>
    bool break_here(Pa table, Entries& entries, unsigned i, Level level, IpaRange entry,
                    Descriptor d) {
        const bool run = d.valid() && tree_.run_of(d, level) != 1;
        const IpaRange covers = run ? run_at(tree_.geometry, entry, level) : entry;
        const IpaRange inside = covers.intersect(what_.range);
        // What is inside needs tables if it cannot be one entry, and so does the rest of a block.
        std::uint64_t tables = 0;
        if (level < what_.largest) {
            tree_.for_each_entry(level, inside, [&](unsigned, IpaRange e, IpaRange) {
                tables += subtree_.tables(level + 1, e);
            });
        } else {
            tables = tables_for_partial(tree_, subtree_, {covers, level}, what_.range);
        }
        if (tables > spare_ || !held_.holds(Stripes::of(tree_.geometry, covers))) {
            return false;
        }
        const auto broken = break_whole(tree_, table, entries, i, level, entry, d, *owed_);
        if (!broken) {
            return false;
        }
        spare_ -= tables;
        broke_ = broke_ || d.valid();
        if (inside != covers) {
            partial_.add(*broken);
        } else {
            run_ = covers;
        }
        return true;
    }

    // Somebody's invalidation of what stood there is not complete: ours will cover it.
    template <PortTable Entries>
    bool wait_for(Entries& entries, unsigned i, Descriptor d, Level level, IpaRange entry) {
        const std::uint64_t tables = what_.becomes_entry(level, entry, entry.intersect(what_.range))
                                         ? 0
                                         : subtree_.tables(level + 1, entry);
        if (owed_ == nullptr || tables > spare_ ||
            !entries.compare_exchange(i, d.value, invalid_entry::broken)) {
            return false;
        }
        spare_ -= tables;
        owed_->add_table(entry.start, entry.length());
        broke_ = true;
        return true;
    }

    // An entry of which only a part is meant, or that is larger than it may be.
    template <PortTable Entries>
    bool fill_below(Pa table, Entries& entries, unsigned i, Level level, IpaRange entry,
                    IpaRange inside, TableList& reserve) {
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                return fill(tree_.format.next_table(d), level + 1, inside, reserve);
            }
            if (invalid_entry::is_broken(d.value)) {
                return is_ours(entry.start);
            }
            const bool annotated = invalid_entry::is_annotation(d.value);
            if (owed_ == nullptr && (d.valid() || annotated)) {
                stopped_ = annotated ? Error::annotated : Error::already_mapped;
                return false;
            }
            if (d.valid() || (annotated && inside != entry)
                    ? break_here(table, entries, i, level, entry, d)
                : tree_.is_waiting(d) ? wait_for(entries, i, d, level, entry)
                                      : link_new(entries, i, d, level, entry, reserve)) {
                return true;
            }
            tree_.counters.retries.add();
        }
        return false;
    }
    template <PortTable Entries>
    bool link_new(Entries& entries, unsigned i, Descriptor d, Level level, IpaRange entry,
                  TableList& reserve) {
        const std::uint64_t tables = subtree_.tables(level + 1, entry);
        if (tables > spare_) {
            return false;
        }
        spare_ -= tables;
        const Pa next = subtree_.build(reserve, level + 1, entry, {});
        if (entries.compare_exchange(i, d.value, tree_.format.table(next).value)) {
            return true;
        }
        tree_.free_unlinked(next, level + 1);
        return false;
    }

    Tree<Port>& tree_;
    const RangeContent& what_;
    MapContent<Port> content_;
    Subtree<Port, MapContent<Port>> subtree_;
    MapSurvey<Port> survey_;
    HeldStripes<Port>& held_;
    Progress& progress_;
    Invalidation* owed_ = nullptr; // of add(): none, for it breaks nothing
    PartialEntries partial_ = {};
    IpaRange run_ = {};       // inside the range, broken last
    std::uint64_t spare_ = 0; // reserved tables that are not spoken for
    bool broke_ = false;
    Error stopped_ = Error::again;
};

} // namespace twofold
