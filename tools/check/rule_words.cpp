// SPDX-License-Identifier: MIT
// One sentence for each rule and for each cause.
#include "tools/check/rule_words.hpp"

namespace twofold::tool {

std::string_view rule_words(model::Rule rule) {
    using enum model::Rule;
    switch (rule) {
    case break_before_make:
        return "a valid entry became another valid one, which needs a break between them";
    case remade_too_early:
        return "the entry is valid again while a TLB may still have what it said before";
    case left_in_tlb:
        return "a TLB may still have what is gone, and nothing more was to come";
    case upgrade_left_in_tlb:
        return "the CPU that was granted more may still be denied it by its TLB";
    case tlbi_before_dsb:
        return "the TLBI comes before a DSB has made the store visible to walkers";
    case vmalle1_before_dsb:
        return "TLBI VMALLE1 comes before a DSB has completed the stage-2 TLBI";
    case tlbi_operand:
        return "the operand of the TLBI is reserved or UNPREDICTABLE";
    case tlbi_wrong_vmid:
        return "the CPU has another VMID: the TLBI acts on another guest";
    case root_changed:
        return "the VMID has another root table, and TLBs may have the first";
    case missing_isb:
        return "no ISB after the last TLBI";
    case missing_dsb:
        return "no DSB after an entry became valid: walkers need not see it yet";
    case hardware_update:
        return "no hardware would change the entry so";
    case plain_store_to_live:
        return "a plain store to a table that walkers can reach";
    case overwrites_valid:
        return "a store over a valid entry loses what hardware sets in it meanwhile";
    case publish_not_owned:
        return "others may change the entry at the same moment";
    case unknown_table:
        return "a store to memory that is no table";
    case table_freed_live:
        return "the table is given back while walkers can reach it";
    case table_freed_in_tlb:
        return "the table is given back while a TLB or a walk may have its address";
    case table_freed_in_section:
        return "the table is given back while another CPU may hold its address";
    case table_reused_in_section:
        return "the table is used again while another CPU may hold its address";
    case table_not_allocated:
        return "the memory is no table";
    case table_allocated_twice:
        return "the memory is a table already";
    case table_linked_twice:
        return "the table is linked somewhere else still";
    case table_out_of_range:
        return "the table's address does not fit the output size";
    case kind_not_at_level:
        return "the level has no descriptor of this kind";
    case reserved_bits:
        return "bits that are reserved are set";
    case output_out_of_range:
        return "the output address does not fit the output size";
    case contiguous_not_at_level:
        return "the level has no contiguous runs";
    case contiguous_misaligned:
        return "the output address does not fit the place in its contiguous run";
    case contiguous_mismatch:
        return "two entries of a contiguous run say different things";
    case contiguous_incomplete:
        return "a contiguous run lacks entries";
    case sections_unbalanced:
        return "the CPU leaves a section that it has not entered";
    case too_many_cpus:
        return "a CPU number beyond those that the checker follows";
    case out_of_memory:
        return "the checker's memory is full: from here on it may miss something";
    }
    return "unknown";
}

std::string_view cause_words(model::Cause cause) {
    using enum model::Cause;
    switch (cause) {
    case none:
        return "";
    case not_invalidated:
        return "no TLBI has covered it";
    case store_not_visible:
        return "no DSB came between the store and the TLBI";
    case other_level:
        return "the level hint of the TLBI is another";
    case last_level_only:
        return "the TLBI was of the last level only, and it is no leaf";
    case range_not_covered:
        return "only a part of what the table mapped was invalidated";
    case other_granule:
        return "the TLBI was for another granule";
    case local_only:
        return "the TLBI was of one CPU, and others may have it";
    case nxs_only:
        return "the TLBI was ..nXS, and accesses may have the XS attribute";
    case run_still_marked:
        return "another entry of the contiguous run still says the same";
    case no_dsb_after_tlbi:
        return "no DSB has completed the TLBI";
    case combined_not_removed:
        return "no TLBI VMALLE1 came after the stage-2 TLBI: what is cached of both stages is "
               "there "
               "still";
    case no_dsb_after_vmalle1:
        return "no DSB has completed TLBI VMALLE1";
    }
    return "unknown";
}

} // namespace twofold::tool
