// SPDX-License-Identifier: MIT
// Everything outside memory that a stage-2 walk depends on: registers, features of the CPU, and the
// choices that the architecture leaves to it.
#pragma once

#include <twofold/model/memory_attributes.hpp>

#include <cstdint>

namespace twofold::model {

// The defaults are the least forgiving CPU: what may fault does.
struct WalkChoices {
    // IMPLEMENTATION DEFINED
    bool txsz_low_faults = true;   // T0SZ below the minimum faults, else is taken as the minimum
    bool txsz_high_faults = true;  // T0SZ above the maximum faults, else is taken as the maximum
    bool contiguous_faults = true; // a contiguous group larger than the IPA space faults
    bool nt_faults = true;         // a block with nT set faults at FEAT_BBM level 1 or 2
    // CONSTRAINED UNPREDICTABLE
    bool fetch_from_device_faults = true;
    bool access_flag_despite_fault = false; // AF is set although the access then faults
    bool dirty_despite_fault = false; // the page is made dirty although the access then faults
    Cacheability reserved_memory_type = Cacheability::non_cacheable;
};

struct WalkConfig {
    std::uint64_t vtcr = 0;  // VTCR_EL2
    std::uint64_t vttbr = 0; // VTTBR_EL2
    std::uint64_t hcr = 1;   // HCR_EL2; bit 0 is VM
    std::uint64_t s2pir = 0; // S2PIR_EL2
    bool big_endian = false; // SCTLR_EL2.EE

    unsigned pa_max = 48;  // ID_AA64MMFR0_EL1.PARange in bits
    unsigned bbm = 0;      // FEAT_BBM level
    bool lpa = false;      // FEAT_LPA
    bool lpa2 = false;     // FEAT_LPA2 for the granule in use
    bool ttst = false;     // FEAT_TTST
    bool xnx = false;      // FEAT_XNX
    bool hafdbs = false;   // FEAT_HAFDBS with dirty state
    bool haft = false;     // FEAT_HAFT
    bool fwb = false;      // FEAT_S2FWB
    bool s2pie = false;    // FEAT_S2PIE
    bool the = false;      // FEAT_THE
    bool mte_perm = false; // FEAT_MTE_PERM
    bool d128 = false;     // FEAT_D128; a walk with VTCR_EL2.D128 set is refused

    WalkChoices choices{};
};

} // namespace twofold::model
