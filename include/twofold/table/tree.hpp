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

// What a walk to a page needs, side by side.
struct PageWalk {
    std::uint64_t page_size = 0;
    std::uint64_t index_mask = 0;
    unsigned page_bits = 0;
    unsigned root_shift = 0; // of the page number
    // 0, so that no address is inside, where addresses do not stand in bits 47:0 of a descriptor,
    // or there is no level above the pages.
    std::uint64_t root_entries = 0;
    Pa root = {};
    std::uint64_t table_mask = 0; // the address in a table descriptor
    unsigned stride = 0;
    std::uint64_t hint = 0; // TTL of a TLBI by IPA for a page

    static constexpr PageWalk of(const Geometry& g, const CpuFeatures& f, Pa root) {
        const unsigned page_bits = g.shift(page_level);
        const bool plain = !g.lpa2() && !g.wide_64k() && g.initial_level() != page_level;
        return {.page_size = g.page_size(),
                .index_mask = g.entries_below_root() - 1,
                .page_bits = page_bits,
                .root_shift = g.shift(g.initial_level()) - page_bits,
                .root_entries = plain ? g.ipa_limit() >> g.shift(g.initial_level()) : 0,
                .root = root,
                .table_mask = bit_mask(47, page_bits),
                .stride = g.index_bits(),
                .hint = TlbiByIpa::make(g.granule(), g.lpa2(), Ipa{0},
                                        invalidation_plan::hinted(f) ? std::optional{page_level}
                                                                     : std::nullopt)
                            .value};
    }
    // The number of the page around an address.
    constexpr std::uint64_t page_of(Ipa ipa) const { return ipa.value >> page_bits; }
    // The same of the start of a page; of anything else a number that covers() does not take.
    constexpr std::uint64_t whole_page(Ipa ipa) const {
        return (ipa.value >> page_bits) | (ipa.value << (64 - page_bits));
    }
    // Whether it is a page of the table, and may be walked to.
    constexpr bool covers(std::uint64_t page) const { return (page >> root_shift) < root_entries; }
    // In a table below the root, whose entries cover 2^shift pages each.
    constexpr unsigned index(std::uint64_t page, unsigned shift) const {
        const std::uint64_t index = (page >> shift) & index_mask;
        if (index > ~0U) {
            __builtin_unreachable(); // or the compiler makes two of it, 64 and 32 bits wide
        }
        return static_cast<unsigned>(index);
    }
    constexpr unsigned index_behind(unsigned index) const {
        return static_cast<unsigned>((index + 1) & index_mask);
    }
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

    // Stores `count` leaves of `level` from entry `first` on, whose outputs follow each other from
    // `pa`, in a table that no walker can reach.
    template <PortTable Entries>
    void store_leaves(Entries& entries, unsigned first, unsigned count, Level level, Pa pa,
                      std::uint64_t leaf_bits) const {
        const std::uint64_t size = geometry.entry_size(level);
        const Pa last = pa + size * (count - 1);
        const unsigned end = first + count;
        if ((pa.value ^ last.value) >> 48 == 0) {
            // Bits 47:0 of an output stand in place, so the descriptors count up by its size.
            std::uint64_t value = leaf_bits | format.encode_address(pa);
#pragma GCC unroll 8
            for (unsigned i = first; i < end; ++i, value += size) {
                entries.store(i, value);
            }
            return;
        }
        for (unsigned i = first; i < end; ++i, pa += size) {
            entries.store(i, leaf_bits | format.encode_address(pa));
        }
    }
    // The same, with the Contiguous bit in each whole run that is not larger than `max_size`.
    // `pa` stands where the IPA of entry `first` is, modulo the size of a run, or there are none.
    template <PortTable Entries>
    void store_runs(Entries& entries, unsigned first, unsigned count, Level level, Pa pa,
                    std::uint64_t leaf_bits, std::uint64_t max_size) const {
        const std::uint64_t size = geometry.entry_size(level);
        const unsigned run = geometry.contiguous_run(level);
        const unsigned head = (run - first % run) % run;
        const bool aligned = ((pa.value + head * size) & (run * size - 1)) == 0;
        if (run == 1 || run * size > max_size || !aligned || count < head + run) {
            store_leaves(entries, first, count, level, pa, leaf_bits);
            return;
        }
        const unsigned body = (count - head) / run * run;
        const unsigned tail = count - head - body;
        if (head != 0) {
            store_leaves(entries, first, head, level, pa, leaf_bits);
        }
        store_leaves(entries, first + head, body, level, pa + head * size,
                     leaf_bits | leaf::contiguous::mask);
        if (tail != 0) {
            store_leaves(entries, first + head + body, tail, level, pa + (head + body) * size,
                         leaf_bits);
        }
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

    // Neither empty nor a tombstone.
    static bool stays(std::uint64_t d) { return (d & 0b0111) != 0; }
    // Whether nothing stands in the table that must stay.
    bool seems_empty(Pa pa) const {
        const auto entries = table(pa);
        const unsigned count = geometry.entries_below_root();
        constexpr unsigned at_once = 8; // of 512 or more
        for (unsigned i = 0; i < count; i += at_once) {
            std::uint64_t seen = 0;
#pragma GCC unroll 8
            for (unsigned k = 0; k < at_once; ++k) {
                seen |= entries.load(i + k);
            }
            if (stays(seen)) {
                return false;
            }
        }
        return true;
    }
    // The same, looking first behind `index` and before it: who removes leaf by leaf mostly goes
    // one way.
    bool seems_empty(Pa pa, unsigned index) const {
        const auto entries = table(pa);
        return !stays(entries.load(pages.index_behind(index))) &&
               !stays(entries.load(static_cast<unsigned>((index - 1) & pages.index_mask))) &&
               seems_empty(pa);
    }
    // Closes every entry of an empty table, so that nobody can put anything there. False: something
    // is there, and all is as before. An invalidation that is not complete yet does not stop it:
    // that of the table covers it.
    bool close(Pa pa, Level level) const {
        auto entries = table(pa);
        const unsigned count = geometry.entries_below_root();
        unsigned closed =
            level == page_level ? close_pages(entries, count) : close_entries(entries, count);
        if (closed == count) {
            return true;
        }
        while (closed-- > 0) {
            entries.publish(closed, entries.load(closed) & ~invalid_entry::broken);
        }
        return false;
    }
    // How many entries are closed, up to one that stays.
    template <PortTable Entries>
    static unsigned close_entries(Entries& entries, unsigned count) {
        unsigned i = 0;
        for (; i < count; ++i) {
            const std::uint64_t d = entries.load(i);
            if (stays(d) || !entries.compare_exchange(i, d, d | invalid_entry::broken)) {
                break;
            }
        }
        return i;
    }
    // The same without a look before: the bit is set in a page and in what is broken.
    template <PortTable Entries>
    static unsigned close_pages(Entries& entries, unsigned count) {
        std::uint64_t d = 0;
        unsigned i = 0;
#pragma GCC unroll 8
        for (; i < count; ++i) {
            d = entries.set_bits(i, invalid_entry::broken);
            if (stays(d)) {
                break;
            }
        }
        if (invalid_entry::is_annotation(d)) {
            entries.publish(i, d);
        }
        return i;
    }

    // At the end of a call.
    void complete_stores(Invalidation& owed) {
        port.barrier(Barrier::dsb_ishst);
        owed.set_stores_complete();
    }
    // Discharges what is owed, if anything; tables that waited for it go back to the port.
    [[gnu::always_inline]] void discharge(Invalidation& owed) {
        if (owed.is_one_page()) [[likely]] {
            const std::uint64_t ticket = owed.ticket();
            invalidate_page(port, features, owed, pages.hint);
            owed.clear_leaves();
            counters.invalidations.add();
            if (ticket != 0) {
                tickets.give_back(port, ticket);
            }
            return;
        }
        discharge_all(owed);
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
