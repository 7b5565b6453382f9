// SPDX-License-Identifier: MIT
// What the checker remembers: table pages, old values that a TLB may have, and CPUs.
#pragma once

#include <twofold/model/arena.hpp>
#include <twofold/model/rule.hpp>

#include <cstdint>

namespace twofold::model {

//   fresh     allocated; no walker has ever been able to reach it
//   live      the root, or linked below it
//   detached  no longer linked, but a TLB or a walk under way may have its address
//   left      no walker can reach it any more; other CPUs in a section may
//   retired   given back, until the last section that may know it has ended
enum class PageState : std::uint8_t { fresh, live, detached, left, retired };

// One granule of table memory; concatenated tables are several. The key is its page number.
struct TablePage {
    std::uint64_t key = 0;
    std::uint64_t ipa = 0;   // that entry 0 translates, if it is or was linked
    std::uint64_t since = 0; // the event that detached or retired it
    std::uint32_t next = no_index;
    std::uint32_t parent = no_index;        // the page with the entry that points here
    std::uint32_t record = no_index;        // the old value that leads here, while detached
    std::uint32_t next_detached = no_index; // of the same record
    std::uint32_t first_old = no_index;     // old values of its entries
    std::uint32_t next_with_old = no_index; // pages that have some
    std::uint32_t prev_with_old = no_index;
    std::uint16_t marked = 0; // valid entries with the Contiguous bit
    std::uint16_t parent_index = 0;
    std::int8_t level = 0;
    PageState state = PageState::fresh;
};

// How far the invalidation of an old value has come. Whether a DSB followed is for the CPU to say.
enum class Stage : std::uint8_t {
    stored,   // the entry has another value
    removed,  // a TLBI took stage-2 entries away
    combined, // VMALLE1 took combined entries away, too
};

//   required  a guest could do what it no longer may
//   upgrade   it is only denied what it may: the CPU that granted it must notice, others need not
//   same      only AF differs: nobody needs to do anything
enum class Need : std::uint8_t { required, upgrade, same };

// A value that an entry had, and that a TLB may have still. The key is the entry's address. For a
// table descriptor it stands for all that was cached below it, too.
struct OldValue {
    std::uint64_t key = 0;
    std::uint64_t value = 0;
    std::uint64_t stored_at = 0; // the event that replaced it
    std::uint64_t issued_at = 0; // the event of the last TLBI that counts
    std::uint64_t covered = 0;   // of a table: input addresses below this are invalidated
    std::uint32_t next = no_index;
    std::uint32_t page = no_index;
    std::uint32_t next_in_page = no_index;
    std::uint32_t prev_in_page = no_index;
    std::uint32_t first_detached = no_index; // of a table: the pages that it led to
    std::uint8_t storer = 0;                 // the CPU that replaced it
    std::uint8_t issuer = 0;                 // the CPU whose TLBIs count
    Stage stage = Stage::stored;
    Need need = Need::required;
    Cause near_miss =
        Cause::not_invalidated; // what was wrong with the last TLBI that did not count
    std::uint8_t step = 0;      // of a table: log2 of the smallest entry below that may be cached
    bool table = false;
    bool xs = false;       // accesses through it may have the XS attribute
    bool nxs = false;      // the TLBI that counts was ..nXS
    bool local = false;    // the TLBI that counts was of one CPU
    bool own_done = false; // of an upgrade: the CPU that granted it has noticed
};

// The events after which what a CPU did before is complete; 0: never.
struct CheckedCpu {
    std::uint64_t stores_everywhere = 0; // stores are visible to all walkers
    std::uint64_t stores_here = 0;       // and to its own
    std::uint64_t all_everywhere = 0;    // broadcast TLBIs are complete
    std::uint64_t all_here = 0;
    std::uint64_t nxs_everywhere = 0; // the nXS ones are
    std::uint64_t nxs_here = 0;
    std::uint64_t made_valid = 0; // its last store that made a live entry valid
    std::uint64_t section_since = 0;
    unsigned sections = 0;
    unsigned vmid = 0;
    bool tlbi_without_isb = false;
    bool combined_pending = false; // a VMALLE1 or VMALLS12 waits for its DSB
};

// A contiguous run that is not as it must be at the end of a call.
struct OpenRun {
    std::uint32_t page = no_index;
    std::uint16_t first = 0;
    std::uint8_t cpu = 0;
    bool incomplete = false; // else only permissions differ, which may be until `settled`
};

} // namespace twofold::model
