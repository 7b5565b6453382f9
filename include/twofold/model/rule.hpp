// SPDX-License-Identifier: MIT
// Rule: what a report says was broken, and Cause: why a TLB may still have what it should not.
#pragma once

#include <cstdint>

namespace twofold::model {

enum class Rule : std::uint8_t {
    // Translations
    break_before_make,   // valid to another valid that needs a break between
    remade_too_early,    // valid, invalid, another valid, and a TLB may still have the first
    left_in_tlb,         // settled, and a TLB may still have what is gone
    upgrade_left_in_tlb, // settled, and the CPU that asked for it may still be denied
    tlbi_before_dsb,     // the store is not yet visible to walkers
    vmalle1_before_dsb,  // the stage-2 invalidation is not yet complete
    tlbi_operand,        // reserved or UNPREDICTABLE
    tlbi_wrong_vmid,     // acts on another guest
    root_changed,        // the VMID has another root table, and TLBs may have the first
    missing_isb,         // settled without one after the last TLBI
    missing_dsb,         // a new entry that walkers need not see yet at the end of the call
    hardware_update,     // hardware would not do that
    // Stores
    plain_store_to_live, // a walker can reach the table
    overwrites_valid,    // what hardware sets meanwhile is lost
    publish_not_owned,   // others may change the entry at the same moment
    unknown_table,       // a store to memory that is no table
    // Tables
    table_freed_live,       // a walker can reach it
    table_freed_in_tlb,     // a TLB or a walk under way can
    table_freed_in_section, // another CPU can
    table_reused_in_section,
    table_not_allocated,
    table_allocated_twice,
    table_linked_twice,
    table_out_of_range,
    // Descriptors
    kind_not_at_level,
    reserved_bits,
    output_out_of_range,
    contiguous_not_at_level,
    contiguous_misaligned,
    contiguous_mismatch, // two entries of a run say different things
    contiguous_incomplete,
    // The checker itself
    sections_unbalanced,
    too_many_cpus,
    out_of_memory,
};

inline constexpr unsigned rule_count = static_cast<unsigned>(Rule::out_of_memory) + 1;

enum class Cause : std::uint8_t {
    none,
    not_invalidated,   // no TLBI covered it
    store_not_visible, // no DSB between the store and the TLBI
    other_level,       // the TLBI's level hint is another
    last_level_only,   // TLBI ..LE1, and it is no leaf
    range_not_covered, // a part of what a table mapped
    other_granule,     // the TLBI's granule is another
    local_only,        // a TLBI of one CPU, and others may have it
    nxs_only,          // a TLBI ..nXS, and accesses may have the XS attribute
    run_still_marked,  // a neighbour in the contiguous run says the same still
    no_dsb_after_tlbi,
    combined_not_removed, // no VMALLE1 after the stage-2 TLBI
    no_dsb_after_vmalle1,
};

[[nodiscard]] const char* to_string(Rule rule);
[[nodiscard]] const char* to_string(Cause cause);

} // namespace twofold::model
