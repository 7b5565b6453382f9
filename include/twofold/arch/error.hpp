// SPDX-License-Identifier: MIT
// Error: what was wrong with a request, by argument and rule. Every fallible call of the library
// returns one of these and has then changed nothing, unless its declaration says otherwise.
#pragma once

#include <cstdint>
#include <string_view>

namespace twofold {

enum class Error : std::uint8_t {
    // Geometry::make
    granule_not_supported,
    ipa_bits_below_minimum,
    ipa_bits_above_maximum,
    ipa_bits_out_of_reach,
    pa_bits_not_architectural,
    pa_bits_not_implemented,
    pa_bits_need_lpa2,
    lpa2_not_supported,
    lpa2_not_for_64k,
    initial_level_not_supported,
    initial_level_inconsistent,
    // sizes, addresses, attributes
    size_not_mappable,
    ipa_misaligned,
    ipa_out_of_range,
    pa_misaligned,
    pa_out_of_range,
    range_misaligned,
    range_empty,
    execute_needs_xnx,
    memory_type_needs_fwb,
    memory_type_not_with_fwb,
    shareability_fixed_by_lpa2,
    software_bits_out_of_range,
    dbm_needs_hafdbs,
    fnxs_needs_xs,
    vmid_out_of_range,
    // TLBI operands
    ttl_level_not_encodable,
    tlbi_base_misaligned,
    tlbi_pages_out_of_range,
    // tables
    out_of_memory,
    already_mapped,
    not_mapped,
    annotated,
    again,
    table_misaligned,
    // guest memory
    slot_overlaps,
    slot_wraps,
    slot_misaligned,
    slot_limit,
    slot_unknown,
    slot_bitmap_short,
    slot_without_bitmap,
    extent_outside_request,
};

// One line, made for a person: which argument, which rule.
constexpr std::string_view to_string(Error error) {
    switch (error) {
    case Error::granule_not_supported:
        return "granule: the CPU has no stage 2 with this granule (ID_AA64MMFR0_EL1.TGranX_2)";
    case Error::ipa_bits_below_minimum:
        return "ipa_bits: below the smallest input size (T0SZ above 39, or above 48/47 with "
               "FEAT_TTST)";
    case Error::ipa_bits_above_maximum:
        return "ipa_bits: above the largest input size (PARange, or 48 without LPA2 or the 64K "
               "granule)";
    case Error::ipa_bits_out_of_reach:
        return "ipa_bits: no initial level reaches this input size on this CPU "
               "(AArch64.S2InvalidSL, AArch64.S2InconsistentSL)";
    case Error::pa_bits_not_architectural:
        return "pa_bits: not one of 32, 36, 40, 42, 44, 48, 52 (VTCR_EL2.PS)";
    case Error::pa_bits_not_implemented:
        return "pa_bits: more than the CPU implements (ID_AA64MMFR0_EL1.PARange)";
    case Error::pa_bits_need_lpa2:
        return "pa_bits: more than 48 bits with the 4K or 16K granule need LPA2 (VTCR_EL2.DS)";
    case Error::lpa2_not_supported:
        return "lpa2: the CPU has no LPA2 at stage 2 for this granule";
    case Error::lpa2_not_for_64k:
        return "lpa2: the 64K granule has 52-bit addresses without it; VTCR_EL2.DS does not apply";
    case Error::initial_level_not_supported:
        return "initial_level: not available with this granule on this CPU (AArch64.S2InvalidSL)";
    case Error::initial_level_inconsistent:
        return "initial_level: the input size would need fewer than 2 entries or more than 16 "
               "concatenated tables there (AArch64.S2InconsistentSL)";
    case Error::size_not_mappable:
        return "size: no level of this table maps this size with one entry";
    case Error::ipa_misaligned:
        return "ipa: not aligned to the granule or size";
    case Error::ipa_out_of_range:
        return "ipa: outside the input address space of the table";
    case Error::pa_misaligned:
        return "pa: not aligned to the granule or size";
    case Error::pa_out_of_range:
        return "pa: does not fit the output address size";
    case Error::range_misaligned:
        return "length: not a multiple of the granule";
    case Error::range_empty:
        return "length: zero";
    case Error::execute_needs_xnx:
        return "permissions: execute for only one of EL0 and EL1 needs FEAT_XNX";
    case Error::memory_type_needs_fwb:
        return "memory type: stage-1-decides needs FEAT_S2FWB";
    case Error::memory_type_not_with_fwb:
        return "memory type: Write-Through cannot be expressed with FEAT_S2FWB in use";
    case Error::shareability_fixed_by_lpa2:
        return "shareability: with LPA2 it comes from VTCR_EL2.SH0 and must equal it";
    case Error::software_bits_out_of_range:
        return "software bits: only four exist (descriptor bits 58:55)";
    case Error::dbm_needs_hafdbs:
        return "dbm: hardware dirty state needs FEAT_HAFDBS level 2";
    case Error::fnxs_needs_xs:
        return "fnxs: accesses without the XS attribute need FEAT_XS";
    case Error::vmid_out_of_range:
        return "vmid: 0, or more than the CPU's VMID width holds";
    case Error::ttl_level_not_encodable:
        return "level: cannot be given as a TTL hint for this granule";
    case Error::tlbi_base_misaligned:
        return "base: not aligned as the range TLBI with this TTL or LPA2 needs";
    case Error::tlbi_pages_out_of_range:
        return "pages: not a count that one range TLBI can express";
    case Error::out_of_memory:
        return "no memory for a table";
    case Error::already_mapped:
        return "range: something is mapped there already";
    case Error::not_mapped:
        return "range: nothing is mapped there";
    case Error::annotated:
        return "ipa: an annotation stands in the range; map() or unmap() replaces it";
    case Error::again:
        return "another operation is changing this range; ask again";
    case Error::table_misaligned:
        return "root: not aligned to the size of the initial tables";
    case Error::slot_overlaps:
        return "slot: overlaps another slot";
    case Error::slot_wraps:
        return "slot: its end is beyond the guest's address space";
    case Error::slot_misaligned:
        return "slot: start or length not a multiple of the granule, or empty";
    case Error::slot_limit:
        return "slot: no room for one more";
    case Error::slot_unknown:
        return "slot: there is none with this start";
    case Error::slot_bitmap_short:
        return "slot: its dirty bitmap is for fewer pages than it has";
    case Error::slot_without_bitmap:
        return "slot: it has no dirty bitmap";
    case Error::extent_outside_request:
        return "extent: the backing answered with an extent that does not hold the offset asked "
               "for";
    }
    return "unknown error";
}

} // namespace twofold
