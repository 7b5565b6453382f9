// SPDX-License-Identifier: MIT
// Tree: one stage-2 table in memory with its formats, and the steps that all operations share.
//
//   root: 1..16 concatenated tables of the initial level
//     |- invalid
//     |- leaf (block or page) ......... output address, attributes
//     `- table -> 2^index_bits entries of the next level -> ...
#pragma once

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/descriptor.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/table/counters.hpp>
#include <twofold/table/invalidate.hpp>
#include <twofold/table/ipa_range.hpp>
#include <twofold/table/table_list.hpp>

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

template <TablePort Port>
struct Tree {
    Port& port;
    Geometry geometry;
    CpuFeatures features;
    DescriptorFormat format;
    AttributeFormat attributes;
    Pa root;
    TableCounters counters = {};

    Tree(Port& p, const Geometry& g, const CpuFeatures& f, Pa root_tables)
        : port{p},
          geometry{g},
          features{f},
          format{g},
          attributes{.fwb = f.fwb, .xnx = f.xnx, .lpa2 = g.lpa2()},
          root{root_tables} {}

    auto table(Pa pa) const { return port.table(pa); }

    // Calls visit(index, entry, inside) for each entry of a table of `level` that `part` touches:
    // what it covers, and what of that lies in `part`.
    template <class Visit>
    void for_each_entry(Level level, IpaRange part, Visit&& visit) const {
        const std::uint64_t size = geometry.entry_size(level);
        IpaRange entry{part.start.align_down(size), part.start.align_down(size) + size};
        for (unsigned i = geometry.index(part.start, level); entry.start < part.end; ++i) {
            visit(i, entry, entry.intersect(part));
            entry = {entry.end, entry.end + size};
        }
    }

    // The entry of level `last`, or above it the one that is no table, on the way to `ipa`.
    Step walk(Ipa ipa, Level last = page_level) const {
        Step step{.table = root, .level = geometry.initial_level()};
        const unsigned stride = geometry.index_bits();
        unsigned shift = geometry.shift(step.level);
        step.index = static_cast<unsigned>(ipa.value >> shift);
        const unsigned index_mask = geometry.entries_below_root() - 1;
        for (;;) {
            step.descriptor = Descriptor{table(step.table).load(step.index)};
            if (step.level == last || !format.is_table(step.descriptor, step.level)) {
                return step;
            }
            step.table = format.next_table(step.descriptor);
            shift -= stride;
            step.index = static_cast<unsigned>(ipa.value >> shift) & index_mask;
            ++step.level;
        }
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
            for (unsigned i = first; i < end; ++i, value += size) {
                entries.store(i, value);
            }
            return;
        }
        for (unsigned i = first; i < end; ++i, pa += size) {
            entries.store(i, leaf_bits | format.encode_address(pa));
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
            table_list::push(port, list, *page);
        }
        return list;
    }
    void free(TableList& list) {
        while (list.head) {
            port.free(table_list::pop(port, list), geometry.page_size());
        }
    }

    // Puts a table that no entry points to any more, and all tables below it, on the list of those
    // to free after the invalidation.
    void retire(Pa retired, Level level, TableList& list) {
        if (level < page_level) {
            const auto entries = table(retired);
            for (unsigned i = 0; i < geometry.entries_below_root(); ++i) {
                const Descriptor d{entries.load(i)};
                if (format.is_table(d, level)) {
                    retire(format.next_table(d), level + 1, list);
                }
            }
        }
        table_list::push(port, list, retired);
        --counters.tables;
    }

    // Looks from the next entry on, where a neighbour of what goes is likely to be.
    bool is_empty_but_for(Pa pa, unsigned index) const {
        const auto entries = table(pa);
        const unsigned count = geometry.entries_below_root();
        for (unsigned i = 1; i < count; ++i) {
            if (entries.load((index + i) & (count - 1)) != 0) {
                return false;
            }
        }
        return true;
    }
    bool is_empty(Pa pa, unsigned hint) const {
        return table(pa).load(hint) == 0 && is_empty_but_for(pa, hint);
    }

    // Discharges what is owed, if anything, and frees the tables that waited for it.
    void discharge(Invalidation& owed) {
        if (owed.needs_tlbi()) {
            invalidate(port, geometry, features, owed);
            ++counters.invalidations;
        }
        counters.tables_freed += owed.tables().count;
        while (owed.tables().head) {
            port.retire(table_list::pop(port, owed.tables()), geometry.page_size());
        }
        owed.clear();
    }
};

} // namespace twofold
