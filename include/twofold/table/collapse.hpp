// SPDX-License-Identifier: MIT
// Collapse: replaces tables whose leaves are complete, uniform and one stretch of memory by a
// block, from the pages upwards, and marks as contiguous what cannot become a block but a run of
// one. What hardware noted in the leaves (AF, dirty state) is merged into the block.
//
// 1. Look: most tables are not uniform, and are left alone.
// 2. Freeze: the valid bit of every leaf is cleared, one by one. From here on nobody changes them:
//    faults answer "again", and hardware writes to no invalid entry. If they are uniform still,
//    what was noted in them is final; if not, the valid bits come back: valid, invalid, valid with
//    one output breaks no rule.
// 3. Break the entry above, invalidate, publish the block, free the table.
//
// With FEAT_BBM level 2 the block takes the table's place first, without a break; then the leaves
// are frozen, and what was noted in them meanwhile is added to the block.
#pragma once

#include <twofold/table/batch.hpp>
#include <twofold/table/frozen.hpp>
#include <twofold/table/one_leaf.hpp>
#include <twofold/table/progress.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>
#include <expected>
#include <optional>

namespace twofold {

template <TablePort Port>
class Collapse {
public:
    Collapse(Tree<Port>& tree, IpaRange range, std::uint64_t max_size, Invalidation& owed,
             HeldStripes<Port>& held, Progress& progress)
        : tree_{tree},
          range_{range},
          from_{progress.next < range.end ? std::max(range.start, progress.next) : range.start},
          max_size_{max_size},
          owed_{owed},
          held_{held},
          progress_{progress} {}

    // How many blocks were made. Needs no memory. Errors: again.
    std::expected<std::uint64_t, Error> run() {
        progress_.next = from_;
        if (!tree_.hold(held_, range_)) {
            return std::unexpected(Error::again);
        }
        const Level top = tree_.geometry.initial_level();
        const bool all = visit(tree_.root, top, range_);
        publish();
        if (all) {
            mark_runs(tree_.root, top, range_);
            progress_.next = range_.end;
        }
        tree_.complete_stores(owed_);
        return made_;
    }

private:
    struct Candidate {
        Pa table = {};
        unsigned index = 0;
        Level level = page_level;
        IpaRange entry = {};
        Pa leaves = {};
        Descriptor block = {};
    };
    // What a look at all leaves of a table says.
    struct Leaves {
        std::uint64_t differing = 0; // bits in which some leaf is not what the first implies
        std::uint64_t seen = 0;      // bits that some leaf has
    };

    bool visit(Pa table, Level level, IpaRange part) {
        if (level == page_level) {
            return true;
        }
        auto entries = tree_.table(table);
        IpaRange entry = tree_.entry_at(part.start, level);
        const std::uint64_t size = entry.length();
        for (unsigned i = tree_.geometry.index(part.start, level); entry.start < part.end;
             ++i, entry = {entry.end, entry.end + size}) {
            const IpaRange inside = entry.intersect(part);
            if (inside.end <= from_) {
                continue;
            }
            if (progress_.budget == 0) {
                return false;
            }
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                const Pa next = tree_.format.next_table(d);
                if (!visit(next, level + 1, inside)) {
                    return false;
                }
                spend(level + 1 == page_level ? tree_.geometry.entries_below_root() : 1);
                finish_below(next);
                if (inside != entry || !try_collapse(table, entries, i, next, level, entry)) {
                    mark_runs(next, level + 1, inside);
                }
            } else {
                spend(1);
            }
            progress_.next = std::max(progress_.next, inside.end);
        }
        return true;
    }
    void spend(std::uint64_t entries) {
        if (progress_.budget != Progress::unlimited) {
            progress_.budget -= std::min(progress_.budget, entries);
        }
    }
    // What is below has to be in place before it can be looked at.
    void finish_below(Pa table) {
        for (const Candidate& c : candidates_.items()) {
            if (c.table == table) {
                publish();
                return;
            }
        }
    }

    // Bits in which a leaf may differ from its neighbours: what hardware notes, and marked runs.
    static std::uint64_t noted_bits(std::uint64_t first) {
        return leaf::af::mask | (leaf::dbm::is_set(first) ? leaf::s2ap_write::mask : 0);
    }
    static std::uint64_t free_bits(std::uint64_t first) {
        return noted_bits(first) | leaf::contiguous::mask;
    }

    template <PortTable Entries>
    bool try_collapse(Pa table, Entries& entries, unsigned i, Pa leaves, Level level,
                      IpaRange entry) {
        if (!tree_.geometry.leaf_allowed(level) || entry.length() > max_size_) {
            return false;
        }
        const auto block = block_of(leaves, level);
        if (!block) {
            return false;
        }
        const Descriptor link = tree_.format.table(leaves);
        if (transition(tree_.format, link, *block, level, tree_.features,
                       {.same_translation = true}) != Transition::break_first) {
            return collapse_live(entries, i, leaves, level, entry, *block);
        }
        const auto frozen = freeze(leaves, level, *block);
        if (!frozen) {
            return false;
        }
        entries.exchange(i, invalid_entry::broken);
        tree_.counters.breaks.add();
        owed_.add_table(entry.start, entry.length());
        if (candidates_.add({table, i, level, entry, leaves, *frozen})) {
            publish();
        }
        return true;
    }

    // The block that says what the leaves of `table` say, if one can.
    std::optional<Descriptor> block_of(Pa table, Level block_level) const {
        auto entries = tree_.table(table);
        const Level level = block_level + 1;
        const Descriptor first{entries.load(0)};
        if (!tree_.format.is_leaf(first, level) ||
            !tree_.format.output(first, level).is_aligned(tree_.geometry.entry_size(block_level))) {
            return std::nullopt;
        }
        constexpr unsigned piece = 128; // entries; a table that is not uniform shows early
        const std::uint64_t step = tree_.geometry.entry_size(level);
        const unsigned count = tree_.geometry.entries_below_root();
        // The address bits count up in place: within a block no carry leaves bits 47:12.
        std::uint64_t expected = first.value;
        for (unsigned start = 0; start < count; start += piece) {
            std::uint64_t differing = 0;
#pragma GCC unroll 16
            for (unsigned i = start; i < start + piece; ++i) {
                differing |= entries.load(i) ^ expected;
                expected += step;
            }
            if ((differing & ~free_bits(first.value)) != 0) {
                return std::nullopt;
            }
        }
        return block_from(first, level, first.value);
    }
    static Descriptor block_from(Descriptor first, Level level, std::uint64_t seen) {
        const std::uint64_t page_bits = level == page_level ? 0b10 : 0;
        return Descriptor{((first.value & ~page_bits) | (seen & noted_bits(first.value))) &
                          ~leaf::contiguous::mask};
    }

    // Freezes the leaves of a table; the block with all that was noted in them, or nothing, and
    // they are as before.
    std::optional<Descriptor> freeze(Pa table, Level block_level, Descriptor block) {
        const Level level = block_level + 1;
        auto entries = tree_.table(table);
        const Descriptor first{
            tree_.format.attributes_below(block, block_level, level) |
            tree_.format.encode_address(tree_.format.output(block, block_level))};
        const unsigned count = tree_.geometry.entries_below_root();
        const Leaves all = freeze_entries(entries, 0, count, level, first.value);
        if ((all.differing & ~free_bits(first.value)) != 0) {
            thaw(entries, 0, count, level, 0);
            return std::nullopt;
        }
        return Descriptor{block.value | (all.seen & noted_bits(first.value))};
    }
    template <PortTable Entries>
    Leaves freeze_entries(Entries& entries, unsigned start, unsigned count, Level level,
                          std::uint64_t expected) {
        Leaves all;
        const std::uint64_t step = tree_.geometry.entry_size(level);
#pragma GCC unroll 16
        for (unsigned i = start; i < start + count; ++i, expected += step) {
            const std::uint64_t d = frozen::freeze(entries, i, level);
            all.differing |= d ^ expected;
            all.seen |= d;
        }
        return all;
    }
    // Makes the entries what they were, with `set` in those that are leaves.
    template <PortTable Entries>
    void thaw(Entries& entries, unsigned start, unsigned count, Level level, std::uint64_t set) {
        for (unsigned i = start; i < start + count; ++i) {
            const std::uint64_t d = entries.load(i);
            if (invalid_entry::is_broken(d)) {
                const std::uint64_t was = frozen::was(d, level);
                entries.publish(i, tree_.format.is_leaf(Descriptor{was}, level) ? was | set : was);
            }
        }
    }

    void count(Ipa ipa, Level level) {
        ++made_;
        tree_.note_block(SizeChangeKind::collapse, ipa, level);
    }
    void publish() {
        if (candidates_.empty()) {
            return;
        }
        tree_.discharge(owed_);
        for (const Candidate& c : candidates_.take()) {
            tree_.table(c.table).publish(c.index, c.block.value);
            tree_.retire(c.leaves, c.level + 1, owed_.tables());
            count(c.entry.start, c.level);
        }
        tree_.discharge(owed_); // the tables are free: their invalidation is complete
    }

    // FEAT_BBM level 2. False: the leaves have changed, and the table is back.
    template <PortTable Entries>
    bool collapse_live(Entries& entries, unsigned i, Pa leaves, Level level, IpaRange entry,
                       Descriptor block) {
        const Descriptor link = tree_.format.table(leaves);
        if (!entries.compare_exchange(i, link.value, block.value)) {
            return false;
        }
        owed_.add_table(entry.start, entry.length());
        tree_.discharge(owed_);
        // Nobody finds the leaves any more but faults that were on their way.
        const auto frozen = freeze(leaves, level, block);
        if (!frozen) {
            return undo_live(entries, i, leaves, level, entry);
        }
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor now{entries.load(i)};
            const std::uint64_t noted = frozen->value & ~block.value;
            if (noted == 0 || !tree_.format.is_leaf(now, level) ||
                entries.compare_exchange(i, now.value, now.value | noted)) {
                break;
            }
        }
        tree_.retire(leaves, level + 1, owed_.tables());
        tree_.discharge(owed_);
        count(entry.start, level);
        return true;
    }
    // The leaves are not what the block says any more, so the way back is a break.
    template <PortTable Entries>
    bool undo_live(Entries& entries, unsigned i, Pa leaves, Level level, IpaRange entry) {
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const Descriptor now{entries.load(i)};
            if (!tree_.format.is_leaf(now, level)) {
                break; // unmapped meanwhile, as a block
            }
            if (entries.compare_exchange(i, now.value, invalid_entry::broken)) {
                owed_.add_leaf(entry.start, entry.length(), level);
                tree_.discharge(owed_);
                // Which leaf was written through the block nobody knows, so all were.
                auto old = tree_.table(leaves);
                thaw(old, 0, tree_.geometry.entries_below_root(), level + 1,
                     now.value & noted_bits(now.value));
                entries.publish(i, tree_.format.table(leaves).value);
                return false;
            }
        }
        tree_.retire(leaves, level + 1, owed_.tables());
        tree_.discharge(owed_);
        return true;
    }

    // Gives whole runs of leaves in `part` the Contiguous bit, if they are uniform and do not have
    // it.
    void mark_runs(Pa table, Level level, IpaRange part) {
        const unsigned run = tree_.geometry.contiguous_run(level);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const IpaRange whole{part.start.align_up(run * size), part.end.align_down(run * size)};
        if (run == 1 || run * size > max_size_ || whole.empty()) {
            return;
        }
        auto entries = tree_.table(table);
        Ipa at = whole.start;
        bool broke = false;
        for (unsigned i = tree_.geometry.index(at, level); at < whole.end;
             i += run, at += run * size) {
            if (!is_markable(entries, i, run, level)) {
                continue;
            }
            publish(); // a block below may be waiting in this table
            broke |= mark(entries, i, run, level, at);
        }
        if (!broke) {
            return;
        }
        tree_.discharge(owed_);
        const auto count = static_cast<unsigned>(whole.length() / size);
        thaw(entries, tree_.geometry.index(whole.start, level), count, level,
             leaf::contiguous::mask);
    }
    template <PortTable Entries>
    bool is_markable(Entries& entries, unsigned i, unsigned run, Level level) const {
        const Descriptor first{entries.load(i)};
        if (!tree_.format.is_leaf(first, level) || first.contiguous()) {
            return false;
        }
        const std::uint64_t size = tree_.geometry.entry_size(level);
        if (!tree_.format.output(first, level).is_aligned(run * size)) {
            return false;
        }
        std::uint64_t differing = 0;
        std::uint64_t expected = first.value;
        for (unsigned k = 0; k < run; ++k, expected += size) {
            differing |= entries.load(i + k) ^ expected;
        }
        return (differing & ~noted_bits(first.value)) == 0;
    }
    // Whether its entries are broken now, for the bit to be set after the invalidation.
    template <PortTable Entries>
    bool mark(Entries& entries, unsigned i, unsigned run, Level level, Ipa at) {
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const Descriptor first{entries.load(i)};
        const Descriptor marked{first.value | leaf::contiguous::mask};
        if (transition(tree_.format, first, marked, level, tree_.features) !=
            Transition::break_first) {
            return mark_live(entries, i, run, level, at);
        }
        const Leaves all = freeze_entries(entries, i, run, level, first.value);
        if ((all.differing & ~noted_bits(first.value)) != 0) {
            thaw(entries, i, run, level, 0);
            return false;
        }
        owed_.add_leaf(at, run * size, level);
        tree_.counters.breaks.add(run);
        tree_.count_run(at, level, true);
        return true;
    }
    // FEAT_BBM level 2: entry by entry; if one has changed, those before it lose the bit again.
    template <PortTable Entries>
    bool mark_live(Entries& entries, unsigned i, unsigned run, Level level, Ipa at) {
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const Descriptor first{entries.load(i)};
        std::uint64_t expected = first.value;
        bool good = true;
        unsigned done = 0;
        for (; good && done < run; ++done, expected += size) {
            good = set_contiguous(entries, i + done, expected, true);
        }
        if (!good) {
            for (unsigned k = 0; k + 1 < done; ++k) {
                set_contiguous(entries, i + k, first.value + k * size, false);
            }
        } else {
            tree_.count_run(at, level, true);
        }
        owed_.add_leaf(at, run * size, level);
        return false;
    }
    template <PortTable Entries>
    bool set_contiguous(Entries& entries, unsigned i, std::uint64_t expected, bool set) {
        for (unsigned tries = 0; tries < max_tries; ++tries) {
            const std::uint64_t d = entries.load(i);
            if (((d ^ expected) & ~free_bits(expected)) != 0) {
                return false;
            }
            const std::uint64_t after =
                set ? d | leaf::contiguous::mask : d & ~leaf::contiguous::mask;
            if (entries.compare_exchange(i, d, after)) {
                return true;
            }
        }
        return false;
    }

    Tree<Port>& tree_;
    IpaRange range_;
    Ipa from_;
    std::uint64_t max_size_;
    Invalidation& owed_;
    HeldStripes<Port>& held_;
    Progress& progress_;
    Batch<Candidate> candidates_ = {};
    std::uint64_t made_ = 0;
};

} // namespace twofold
