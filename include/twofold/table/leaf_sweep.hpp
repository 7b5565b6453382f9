// SPDX-License-Identifier: MIT
// LeafSweep: one pass over all leaves of a range that clears single bits in them, for ageing, write
// protection, and the tracking and harvest of dirty state. It takes no memory and divides nothing:
// a block or a contiguous run that reaches beyond the range is treated as a whole.
#pragma once

#include <twofold/table/progress.hpp>
#include <twofold/table/tree.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>

namespace twofold {

// Which leaves are meant, and which bits they lose and get.
struct Sweep {
    std::uint64_t any = 0; // one of these is set
    std::uint64_t all = 0; // and all of these
    std::uint64_t clear = 0;
    std::uint64_t set = 0; // only leaves that have these already are reported
    // Faults elsewhere may rely on an invalidation that somebody else has not completed: it counts
    // as one of this sweep.
    bool adopt_tombstones = false;
};

// What a sweep does to one entry. An atomic that only clears bits does no harm to an entry that has
// become another since it was looked at; one that sets bits would: a read-only leaf that gets DBM
// is writable.
enum class SweepBy : std::uint8_t { clear_bits, compare_exchange };

template <TablePort Port, SweepBy by = SweepBy::clear_bits>
class LeafSweep {
public:
    LeafSweep(Tree<Port>& tree, Sweep sweep, Invalidation* owed, Progress& progress)
        : tree_{tree},
          sweep_{sweep},
          owed_{owed},
          progress_{progress} {}

    // Changes the bits with one atomic operation each, which keeps what hardware sets meanwhile,
    // and calls visit(Ipa start, std::uint64_t size) for each leaf or run, or visit(start, size,
    // std::uint64_t count) for `count` of them in a row. What changed is added to `owed`, if there
    // is one, by stretches. False, by compare_exchange only: an entry changed again and again.
    template <class Visit>
    bool run(IpaRange range, Visit&& visit) {
        progress_.next = range.start;
        sweep(tree_.root, tree_.geometry.initial_level(), range, visit);
        if (owed_ != nullptr) {
            tree_.complete_stores(*owed_);
        } else {
            tree_.port.barrier(Barrier::dsb_ishst);
        }
        return !lost_;
    }

private:
    static constexpr bool sets = by == SweepBy::compare_exchange;

    // Tests of one descriptor, folded into one comparison where that can be.
    struct Test {
        std::uint64_t mask;
        std::uint64_t value;
        std::uint64_t any; // 0: part of the mask already

        constexpr bool operator()(std::uint64_t d) const {
            return (d & mask) == value && (any == 0 || (d & any) != 0);
        }
    };
    Test test(Level level) const {
        const std::uint64_t type = level == page_level ? 0b11 : 0b01;
        const bool single = (sweep_.any & (sweep_.any - 1)) == 0;
        const std::uint64_t all = sweep_.all | (single ? sweep_.any : 0);
        return {all | 0b11, all | type, single ? 0 : sweep_.any};
    }

    // Whether to go on.
    template <class Visit>
    bool sweep(Pa table, Level level, IpaRange part, Visit& visit) {
        auto entries = tree_.table(table);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        Ipa start = part.start.align_down(size);
        unsigned i = tree_.geometry.index(start, level);
        while (start < part.end) {
            if (progress_.budget == 0) {
                return false;
            }
            const auto left = static_cast<unsigned>((part.end - start + size - 1) / size);
            const auto most =
                static_cast<unsigned>(std::min<std::uint64_t>(left, progress_.budget));
            unsigned done = skip(entries, i, most, level);
            if (done == 0) {
                done = act(entries, i, most, level, start, visit);
            }
            if (done == 0) {
                const Descriptor d{entries.load(i)};
                if (tree_.format.is_table(d, level)) {
                    const IpaRange entry{start, start + size};
                    if (!sweep(tree_.format.next_table(d), level + 1, entry.intersect(part),
                               visit)) {
                        return false;
                    }
                    ++i;
                    start = entry.end;
                    continue;
                }
                done = special(entries, i, d, level, start, visit);
                if (sets && done == 0) {
                    lost_ = true;
                    return false;
                }
            }
            if (progress_.budget != Progress::unlimited) {
                progress_.budget -= std::min<std::uint64_t>(progress_.budget, done);
            }
            i += done;
            start += done * size;
            progress_.next = std::max(progress_.next, std::min(start, part.end));
        }
        return true;
    }

    // Entries from `i` on that there is nothing to do about. In a table of pages what is no leaf is
    // one of them; elsewhere it may be a table.
    template <PortTable Entries>
    unsigned skip(Entries& entries, unsigned i, unsigned most, Level level) const {
        const Test meant = test(level);
        const unsigned end = i + most;
        unsigned k = i;
        if (level == page_level && !sweep_.adopt_tombstones && meant.any == 0) {
#pragma GCC unroll 8
            for (; k < end; ++k) {
                if ((entries.load(k) & meant.mask) == meant.value) {
                    break;
                }
            }
            return k - i;
        }
        const std::uint64_t type = level == page_level ? 0b11 : 0b01;
        for (; k < end; ++k) {
            const std::uint64_t d = entries.load(k);
            if ((d & 0b11) != type || meant(d)) {
                break;
            }
        }
        return k - i;
    }

    // Leaves from `i` on that are meant, in the same way as the first, and stand alone: changes
    // their bits. By compare_exchange, up to the first that changes meanwhile.
    template <PortTable Entries, class Visit>
    unsigned act(Entries& entries, unsigned i, unsigned most, Level level, Ipa start,
                 Visit& visit) {
        const std::uint64_t first = entries.load(i);
        Test like = test(level);
        if (!like(first)) {
            return 0;
        }
        like.value |= first & like.any;
        like.mask |= like.any | leaf::contiguous::mask;
        if constexpr (sets) {
            like.value |= first & sweep_.set;
            like.mask |= sweep_.set;
        }
        const std::uint64_t clear = sweep_.clear;
        const unsigned end = i + most;
        unsigned k = i;
#pragma GCC unroll 8
        for (; k < end; ++k) {
            const std::uint64_t d = entries.load(k);
            if ((d & like.mask) != like.value) {
                break;
            }
            if constexpr (sets) {
                if (!entries.compare_exchange(k, d, changed(d))) {
                    break;
                }
            } else {
                entries.clear_bits(k, clear);
            }
        }
        const std::uint64_t size = tree_.geometry.entry_size(level);
        if (is_reported(first)) {
            report(visit, start, size, k - i);
        }
        owe(start, start + (k - i) * size, level);
        return k - i;
    }

    std::uint64_t changed(std::uint64_t d) const { return (d & ~sweep_.clear) | sweep_.set; }
    bool is_reported(std::uint64_t d) const { return !sets || (d & sweep_.set) == sweep_.set; }

    // To a visitor of stretches, or of single leaves.
    template <class Visit>
    static void report(Visit& visit, Ipa start, std::uint64_t size, std::uint64_t count) {
        if constexpr (std::invocable<Visit&, Ipa, std::uint64_t, std::uint64_t>) {
            if (count != 0) {
                visit(start, size, count);
            }
        } else {
            for (; count != 0; --count, start = start + size) {
                visit(start, size);
            }
        }
    }

    void owe(Ipa start, Ipa end, Level level) {
        if (owed_ != nullptr && start < end) {
            owed_->add_leaf(start, end - start, level);
        }
    }

    // A contiguous run, of which any entry speaks for all, or an entry that is no leaf. 0: lost.
    template <PortTable Entries, class Visit>
    unsigned special(Entries& entries, unsigned i, Descriptor d, Level level, Ipa start,
                     Visit& visit) {
        if (!d.valid()) {
            if (sweep_.adopt_tombstones && owed_ != nullptr && tree_.is_waiting(d) &&
                invalid_entry::is_tombstone(d.value)) {
                owed_->add_table(start, tree_.geometry.entry_size(level));
            }
            return 1;
        }
        if (!d.contiguous()) {
            if constexpr (sets) {
                return change_one(entries, i, level, start, visit) ? 1 : 0;
            }
            clear_one(entries, i, level, start, visit);
            return 1;
        }
        const unsigned run = tree_.geometry.contiguous_run(level);
        const std::uint64_t size = tree_.geometry.entry_size(level);
        const unsigned first = i & ~(run - 1);
        const Ipa begin = start.align_down(run * size);
        std::uint64_t noted = 0;
        for (unsigned k = first; k < first + run; ++k) {
            noted |= entries.load(k);
        }
        if (test(level)(noted)) {
            for (unsigned k = first; k < first + run; ++k) {
                change_in_run(entries, k, level);
            }
            owe(begin, begin + run * size, level);
            if (is_reported(noted)) {
                report(visit, begin, run * size, 1);
            }
        }
        return first + run - i;
    }

    template <PortTable Entries>
    void change_in_run(Entries& entries, unsigned k, Level level) const {
        if constexpr (sets) {
            // Its entries stay what they are as long as the stripe is held; faults and hardware set
            // AF and dirty state in them, each once.
            const Test meant = test(level);
            for (;;) {
                const std::uint64_t d = entries.load(k);
                if (!meant(d) || entries.compare_exchange(k, d, changed(d))) {
                    return;
                }
            }
        } else {
            entries.clear_bits(k, sweep_.clear);
        }
    }

    // A leaf that changes while it is looked at. False: too often.
    template <PortTable Entries, class Visit>
    bool change_one(Entries& entries, unsigned i, Level level, Ipa start, Visit& visit) {
        constexpr unsigned attempts = 16;
        const Test meant = test(level);
        for (unsigned n = 0; n < attempts; ++n) {
            const std::uint64_t d = entries.load(i);
            if (!meant(d)) {
                return true;
            }
            if (entries.compare_exchange(i, d, changed(d))) {
                const std::uint64_t size = tree_.geometry.entry_size(level);
                if (is_reported(d)) {
                    report(visit, start, size, 1);
                }
                owe(start, start + size, level);
                return true;
            }
        }
        tree_.counters.again.add();
        return false;
    }

    // A leaf that has changed since it was looked at; what it is when its bits go counts.
    template <PortTable Entries, class Visit>
    void clear_one(Entries& entries, unsigned i, Level level, Ipa start, Visit& visit) {
        const Test meant = test(level);
        if (meant(entries.load(i)) && meant(entries.clear_bits(i, sweep_.clear))) {
            const std::uint64_t size = tree_.geometry.entry_size(level);
            report(visit, start, size, 1);
            owe(start, start + size, level);
        }
    }

    Tree<Port>& tree_;
    Sweep sweep_;
    Invalidation* owed_;
    Progress& progress_;
    bool lost_ = false;
};

} // namespace twofold
