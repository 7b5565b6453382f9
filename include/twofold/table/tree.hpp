// SPDX-License-Identifier: MIT
// Tree: one stage-2 table in memory with its formats, and the steps that all operations share.
//
//   root: 1..16 concatenated tables of the initial level
//     |- invalid ...................... empty, or what it waits for (invalid_entry.hpp)
//     |- leaf (block or page) ......... output address, attributes
//     `- table -> 2^index_bits entries of the next level -> ...
#pragma once

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/descriptor.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/counters.hpp>
#include <twofold/table/invalid_entry.hpp>
#include <twofold/table/invalidate.hpp>
#include <twofold/table/ipa_range.hpp>
#include <twofold/table/page_walk.hpp>
#include <twofold/table/size_change.hpp>
#include <twofold/table/stripes.hpp>
#include <twofold/table/table_list.hpp>
#include <twofold/table/tickets.hpp>

#include <algorithm>
#include <cstdint>
#include <expected>

namespace twofold {

// One entry, and where it stands.
struct Step {
    Pa table = {};
    unsigned index = 0;
    Level level = page_level;
    Descriptor descriptor = {};
};

// A leaf, a contiguous run of leaves, or an annotation: what is broken as a whole if a part of it
// changes.
struct Whole {
    IpaRange covers = {}; // empty: there is none
    Level level = page_level;
};

template <TablePort Port>
struct Tree {
    Port& port;
    Geometry geometry;
    CpuFeatures features;
    DescriptorFormat format;
    AttributeFormat attributes;
    Pa root;
    PageWalk pages;
    TableTally counters = {};
    Tickets tickets = {};
    Stripes stripes = {};

    Tree(Port& p, const Geometry& g, const CpuFeatures& f, Pa root_tables)
        : port{p},
          geometry{g},
          features{f},
          format{g},
          attributes{.fwb = f.fwb, .xnx = f.xnx, .lpa2 = g.lpa2()},
          root{root_tables},
          pages{PageWalk::of(g, f, root_tables)} {}
    // While nobody uses it; tickets and stripes are free then.
    Tree(Tree&& other) noexcept : Tree{other.port, other.geometry, other.features, other.root} {
        counters.start_from(other.counters.snapshot());
    }

    auto table(Pa pa) const { return port.table(pa); }

    // The entry of `level` around an address.
    IpaRange entry_at(Ipa ipa, Level level) const {
        const std::uint64_t size = geometry.entry_size(level);
        const Ipa start = ipa.align_down(size);
        return {start, start + size};
    }

    // Calls visit(index, entry, inside) for each entry of a table of `level` that `part` touches:
    // what it covers, and what of that lies in `part`.
    template <class Visit>
    void for_each_entry(Level level, IpaRange part, Visit&& visit) const {
        IpaRange entry = entry_at(part.start, level);
        const std::uint64_t size = entry.length();
        for (unsigned i = geometry.index(part.start, level); entry.start < part.end; ++i) {
            visit(i, entry, entry.intersect(part));
            entry = {entry.end, entry.end + size};
        }
    }

    // The entry of level `last`, or above it the one that is no table, on the way to `ipa`.
    [[gnu::always_inline]] Step walk(Ipa ipa, Level last = page_level) const {
        if (const auto page = pages.page_of(ipa); last == page_level && pages.covers(page))
            [[likely]] {
            return walk_to_page(pages, page);
        }
        return walk_to(ipa, last);
    }
    // In line, because all that a fault does is a walk and a compare-and-swap. `p` by value: the
    // loads would have it read again each time.
    [[gnu::always_inline]] Step walk_to_page(const PageWalk p, std::uint64_t page) const {
        unsigned shift = p.root_shift;
        Pa at = p.root;
        Descriptor d{table(at).load(static_cast<unsigned>(page >> shift))};
        while ((d.value & 0b11) == 0b11) {
            at = Pa{d.value & p.table_mask};
            shift -= p.stride;
            const unsigned index = p.index(page, shift);
            d = Descriptor{table(at).load(index)};
            if (shift == 0) {
                return {at, index, page_level, d};
            }
        }
        return {at,
                shift == p.root_shift ? static_cast<unsigned>(page >> shift) : p.index(page, shift),
                page_level - static_cast<int>(shift / p.stride), d};
    }
    [[gnu::noinline]] Step walk_to(Ipa ipa, Level last) const {
        Step step{.table = root, .level = geometry.initial_level()};
        for (;;) {
            step.index = geometry.index(ipa, step.level);
            step.descriptor = Descriptor{table(step.table).load(step.index)};
            if (step.level == last || !format.is_table(step.descriptor, step.level)) {
                return step;
            }
            step.table = format.next_table(step.descriptor);
            ++step.level;
        }
    }
    // Entries that a TLB may treat as one with `d`.
    unsigned run_of(Descriptor d, Level level) const {
        return d.contiguous() ? geometry.contiguous_run(level) : 1;
    }
    Whole whole_at(Ipa ipa) const {
        const Step end = walk(ipa);
        if (format.is_leaf(end.descriptor, end.level)) {
            const std::uint64_t size =
                run_of(end.descriptor, end.level) * geometry.entry_size(end.level);
            return {{ipa.align_down(size), ipa.align_down(size) + size}, end.level};
        }
        return invalid_entry::is_annotation(end.descriptor.value)
                   ? Whole{entry_at(ipa, end.level), end.level}
                   : Whole{};
    }
    // The range with all of what stands across its two ends.
    IpaRange widened(IpaRange range) const {
        const IpaRange first = whole_at(range.start).covers;
        const IpaRange last = whole_at(range.end - 1).covers;
        return {first.empty() ? range.start : std::min(range.start, first.start),
                last.empty() ? range.end : std::max(range.end, last.end)};
    }
    // Takes the stripes of the range and of what stands across its ends. False: ask again.
    bool hold(HeldStripes<Port>& held, IpaRange range) {
        constexpr unsigned attempts = 4; // faults may put a block across an end meanwhile
        for (unsigned i = 0; i < attempts; ++i) {
            if (!held.add(Stripes::of(geometry, widened(range)))) {
                break;
            }
            if (held.holds(Stripes::of(geometry, widened(range)))) {
                return true;
            }
        }
        counters.again.add();
        return false;
    }

    // A tombstone whose invalidation is complete: as good as empty.
    bool is_left_over(std::uint64_t d) const {
        return invalid_entry::is_tombstone(d) &&
               tickets.is_complete(port, d & invalid_entry::payload::mask);
    }
    // Whether nobody may install anything at this invalid entry yet.
    bool is_waiting(Descriptor d) const {
        return invalid_entry::is_broken(d.value) ||
               (invalid_entry::is_tombstone(d.value) &&
                !tickets.is_complete(port, d.value & invalid_entry::payload::mask));
    }
    // A tombstone at `ipa` for what is invalidated with `owed`; 0: too many are in flight, ask
    // again.
    std::uint64_t tombstone(Ipa ipa, Invalidation& owed) {
        if (owed.ticket() == 0) {
            owed.set_ticket(tickets.take(port, pages.page_of(ipa)));
        }
        return owed.ticket() == 0 ? 0 : invalid_entry::tombstone(owed.ticket());
    }

    // A table of `level` and all below it, where all leaves are at `leaves` or above.
    std::uint64_t full_subtree(Level level, Level leaves) const {
        return level >= leaves
                   ? 1
                   : 1 + geometry.entries_below_root() * full_subtree(level + 1, leaves);
    }

    // Takes `count` tables for later; all or none.
    std::expected<TableList, Error> reserve(std::uint64_t count) {
        TableList list;
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto page = port.allocate(geometry.page_size());
            if (!page) {
                free(list);
                return std::unexpected(Error::out_of_memory);
            }
            table_list::push_unlinked(port, list, *page);
        }
        return list;
    }
    // Gives back tables that were never linked.
    void free(TableList& list) {
        while (list.head) {
            port.free(table_list::pop(port, list), geometry.page_size());
        }
    }
    // Gives back tables from `table`, of `level`, down to the one of `last` on the way to `ipa`.
    void free_path(Pa table_pa, Level level, Level last, Ipa ipa) {
        for (;;) {
            const Descriptor d{table(table_pa).load(geometry.index(ipa, level))};
            port.free(table_pa, geometry.page_size());
            if (level == last) {
                return;
            }
            table_pa = format.next_table(d);
            ++level;
        }
    }
    // Gives back a subtree that Subtree::build made and nobody linked.
    void free_unlinked(Pa table_pa, Level level) {
        if (level < page_level) {
            for (unsigned i = 0; i < geometry.entries_below_root(); ++i) {
                const Descriptor d{table(table_pa).load(i)};
                if (format.is_table(d, level)) {
                    free_unlinked(format.next_table(d), level + 1);
                }
            }
        }
        port.free(table_pa, geometry.page_size());
        counters.tables.subtract();
    }
    // A block of `level` at `ipa` is a table now.
    void count_split(Ipa ipa, Level level) {
        counters.blocks_split.add();
        note_block(SizeChangeKind::split, ipa, level);
    }
    // Between a block of `level` and a table.
    void note_block(SizeChangeKind kind, Ipa ipa, Level level) {
        note_size(port, {.kind = kind,
                         .ipa = ipa,
                         .size = geometry.entry_size(level),
                         .leaf = geometry.entry_size(level + 1)});
    }
    // The run of `level` that begins at `ipa` has the Contiguous bit, or has lost it.
    void count_run(Ipa ipa, Level level, bool marked) {
        (marked ? counters.runs_marked : counters.runs_unmarked).add();
        const std::uint64_t leaf = geometry.entry_size(level);
        note_size(port, {.kind = marked ? SizeChangeKind::run_marked : SizeChangeKind::run_unmarked,
                         .ipa = ipa,
                         .size = geometry.contiguous_run(level) * leaf,
                         .leaf = leaf});
    }
    void count_new_tables(std::uint64_t tables) {
        counters.tables.add(tables);
        counters.tables_made.add(tables);
    }

    // Puts a table that no entry points to any more, and all tables below it, on the list of those
    // to free after the invalidation. A fault that came down here before may still try to link a
    // table below: every entry that could take one is closed to it.
    void retire(Pa retired, Level level, TableList& list) {
        if (level < page_level) {
            auto entries = table(retired);
            for (unsigned i = 0; i < geometry.entries_below_root(); ++i) {
                const Descriptor d{entries.exchange(i, invalid_entry::broken)};
                if (format.is_table(d, level)) {
                    retire(format.next_table(d), level + 1, list);
                }
            }
        }
        table_list::push(port, list, retired);
        counters.tables.subtract();
    }

    // At the end of a call.
    void complete_stores(Invalidation& owed) {
        port.barrier(Barrier::dsb_ishst);
        owed.set_stores_complete();
    }
    // Discharges what is owed, if anything; tables that waited for it go back to the port.
    [[gnu::always_inline]] void discharge(Invalidation& owed) {
        if (owed.is_one_page()) [[likely]] {
            discharge_page(owed);
            return;
        }
        discharge_all(owed);
    }
    // Of one that is_one_page().
    [[gnu::always_inline]] void discharge_page(Invalidation& owed) {
        const std::uint64_t ticket = owed.ticket();
        note_owed(port, owed);
        invalidate_page(port, owed.first_start(), owed.scope(), features.xs && owed.nxs(),
                        pages.hint);
        owed.clear_leaves();
        counters.invalidations.add();
        if (ticket != 0) {
            tickets.give_back(port, ticket);
        }
    }
    // What a fault owes for the page at `page`, to which it has added permissions: this CPU alone
    // has to forget the old ones. At once, and without an Invalidation, which would have to be in
    // memory.
    [[gnu::always_inline]] void invalidate_here(Ipa page, bool fnxs) {
        if constexpr (requires(const Invalidation& owed) { port.note(owed); }) {
            Invalidation owed;
            owed.set_page(page, pages.page_size, InvalidationScope::local, fnxs);
            port.note(owed);
            owed.clear_leaves();
        }
        invalidate_page(port, page, InvalidationScope::local, features.xs && fnxs, pages.hint);
        counters.invalidations.add();
    }
    [[gnu::noinline]] void discharge_all(Invalidation& owed) {
        if (owed.needs_tlbi()) {
            invalidate(port, geometry, features, owed);
            counters.invalidations.add();
        }
        if (owed.ticket() != 0) {
            tickets.give_back(port, owed.ticket());
        }
        counters.tables_freed.add(owed.tables().count);
        while (owed.tables().head) {
            port.retire(table_list::pop(port, owed.tables()), geometry.page_size());
        }
        owed.clear();
    }
};

} // namespace twofold
