// SPDX-License-Identifier: MIT
// TableCounters: every decision the engine takes, counted. It prints nothing.
#pragma once

#include <twofold/table/counter.hpp>

#include <cstdint>

namespace twofold {

struct TableCounters {
    std::uint64_t tables = 0;        // below the root, linked now
    std::uint64_t tables_made = 0;   // ever
    std::uint64_t tables_freed = 0;  // ever
    std::uint64_t blocks_split = 0;  // blocks of which a part changed
    std::uint64_t runs_marked = 0;   // runs of live leaves that got the Contiguous bit
    std::uint64_t runs_unmarked = 0; // runs that lost it, because a part of them changed
    std::uint64_t breaks = 0;        // valid entries made invalid to be replaced
    std::uint64_t invalidations = 0; // discharges that needed a TLBI
    std::uint64_t retries = 0;       // an entry had changed between load and compare-and-swap
    std::uint64_t again = 0;         // operations that gave up in favour of another
};

// The same while it is counted.
struct TableTally {
    Counter tables, tables_made, tables_freed, blocks_split, runs_marked, runs_unmarked, breaks,
        invalidations, retries, again;

    // Of a table that has moved.
    void start_from(const TableCounters& c) {
        tables.add(c.tables);
        tables_made.add(c.tables_made);
        tables_freed.add(c.tables_freed);
        blocks_split.add(c.blocks_split);
        runs_marked.add(c.runs_marked);
        runs_unmarked.add(c.runs_unmarked);
        breaks.add(c.breaks);
        invalidations.add(c.invalidations);
        retries.add(c.retries);
        again.add(c.again);
    }
    // Not of one moment, where others go on counting.
    TableCounters snapshot() const {
        return {.tables = tables.value(),
                .tables_made = tables_made.value(),
                .tables_freed = tables_freed.value(),
                .blocks_split = blocks_split.value(),
                .runs_marked = runs_marked.value(),
                .runs_unmarked = runs_unmarked.value(),
                .breaks = breaks.value(),
                .invalidations = invalidations.value(),
                .retries = retries.value(),
                .again = again.value()};
    }
};

} // namespace twofold
