// SPDX-License-Identifier: MIT
// The names of rules and causes, as reports print them.
#include <twofold/model/rule.hpp>

namespace twofold::model {

const char* to_string(Rule rule) {
    switch (rule) {
#define TWOFOLD_RULE(name)                                                                         \
    case Rule::name:                                                                               \
        return #name;
        TWOFOLD_RULE(break_before_make)
        TWOFOLD_RULE(remade_too_early)
        TWOFOLD_RULE(left_in_tlb)
        TWOFOLD_RULE(upgrade_left_in_tlb)
        TWOFOLD_RULE(tlbi_before_dsb)
        TWOFOLD_RULE(vmalle1_before_dsb)
        TWOFOLD_RULE(tlbi_operand)
        TWOFOLD_RULE(tlbi_wrong_vmid)
        TWOFOLD_RULE(root_changed)
        TWOFOLD_RULE(missing_isb)
        TWOFOLD_RULE(missing_dsb)
        TWOFOLD_RULE(hardware_update)
        TWOFOLD_RULE(plain_store_to_live)
        TWOFOLD_RULE(overwrites_valid)
        TWOFOLD_RULE(publish_not_owned)
        TWOFOLD_RULE(unknown_table)
        TWOFOLD_RULE(table_freed_live)
        TWOFOLD_RULE(table_freed_in_tlb)
        TWOFOLD_RULE(table_freed_in_section)
        TWOFOLD_RULE(table_reused_in_section)
        TWOFOLD_RULE(table_not_allocated)
        TWOFOLD_RULE(table_allocated_twice)
        TWOFOLD_RULE(table_linked_twice)
        TWOFOLD_RULE(table_out_of_range)
        TWOFOLD_RULE(kind_not_at_level)
        TWOFOLD_RULE(reserved_bits)
        TWOFOLD_RULE(output_out_of_range)
        TWOFOLD_RULE(contiguous_not_at_level)
        TWOFOLD_RULE(contiguous_misaligned)
        TWOFOLD_RULE(contiguous_mismatch)
        TWOFOLD_RULE(contiguous_incomplete)
        TWOFOLD_RULE(sections_unbalanced)
        TWOFOLD_RULE(too_many_cpus)
        TWOFOLD_RULE(out_of_memory)
#undef TWOFOLD_RULE
    }
    return "unknown";
}

const char* to_string(Cause cause) {
    switch (cause) {
#define TWOFOLD_CAUSE(name)                                                                        \
    case Cause::name:                                                                              \
        return #name;
        TWOFOLD_CAUSE(none)
        TWOFOLD_CAUSE(not_invalidated)
        TWOFOLD_CAUSE(store_not_visible)
        TWOFOLD_CAUSE(other_level)
        TWOFOLD_CAUSE(last_level_only)
        TWOFOLD_CAUSE(range_not_covered)
        TWOFOLD_CAUSE(other_granule)
        TWOFOLD_CAUSE(local_only)
        TWOFOLD_CAUSE(nxs_only)
        TWOFOLD_CAUSE(run_still_marked)
        TWOFOLD_CAUSE(no_dsb_after_tlbi)
        TWOFOLD_CAUSE(combined_not_removed)
        TWOFOLD_CAUSE(no_dsb_after_vmalle1)
#undef TWOFOLD_CAUSE
    }
    return "unknown";
}

} // namespace twofold::model
