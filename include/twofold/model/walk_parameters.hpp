// SPDX-License-Identifier: MIT
// The registers of a walk decoded once (AArch64.GetS2TTWParams) and what follows from them alone:
// start level, widths, start table, output size.
#pragma once

#include <twofold/model/memory_attributes.hpp>
#include <twofold/model/walk_config.hpp>

#include <cstdint>

namespace twofold::model {

enum class WalkGranule : std::uint8_t { k4, k16, k64 };

struct WalkParameters {
    bool enabled = false; // HCR_EL2.VM or HCR_EL2.DC
    WalkGranule granule = WalkGranule::k4;
    unsigned granule_bits = 12; // bits of an offset into a page
    unsigned stride = 9;        // bits of an index at a full level
    unsigned t0sz = 0;
    unsigned ps = 0;                   // VTCR_EL2.PS
    unsigned start_level_code = 0;     // SL2:SL0
    bool ds = false;                   // effective: 52-bit format for 4K and 16K
    bool access_flag_updates = false;  // effective HA
    bool dirty_updates = false;        // effective HA and HD
    bool table_access_flag = false;    // effective HAFT
    bool fwb = false;                  // effective
    bool indirect_permissions = false; // effective S2PIE
    bool protected_walks = false;      // effective HCR_EL2.PTW
    bool data_cached = true;           // HCR_EL2.CD = 0
    bool fetch_cached = true;          // HCR_EL2.ID = 0
    Shareability shareability = Shareability::non_shareable; // VTCR_EL2.SH0

    [[nodiscard]] constexpr unsigned ipa_bits() const { return 64 - t0sz; }
};

// DecodeShareability: 0b01 is reserved and read as outer shareable.
[[nodiscard]] Shareability decode_shareability(std::uint64_t sh);

[[nodiscard]] WalkParameters decode_parameters(const WalkConfig& config);

// AArch64.S2MinTxSZ, AArch64.MaxTxSZ
[[nodiscard]] unsigned min_t0sz(const WalkConfig& config, const WalkParameters& parameters);
[[nodiscard]] unsigned max_t0sz(const WalkConfig& config, const WalkParameters& parameters);

// AArch64.S2TxSZFaults, with the clamp of a T0SZ that is out of range and does not fault.
// False: Translation fault at level 0.
[[nodiscard]] bool settle_t0sz(const WalkConfig& config, WalkParameters& parameters);

// AArch64.S2StartLevel; only for a start level that is valid.
[[nodiscard]] int start_level(const WalkParameters& parameters);

// AArch64.S2InvalidSL and AArch64.S2InconsistentSL; true: Translation fault at level 0.
[[nodiscard]] bool invalid_start_level(const WalkConfig& config, const WalkParameters& parameters);
[[nodiscard]] bool inconsistent_start_level(const WalkParameters& parameters);

// AArch64.S2TTBaseAddress
[[nodiscard]] std::uint64_t table_base(const WalkConfig& config, const WalkParameters& parameters);

// AArch64.PhysicalAddressSize: bits of an output address.
[[nodiscard]] unsigned output_bits(const WalkConfig& config, const WalkParameters& parameters);

// TranslationSize: the lowest bit of the index of a level, which is the log2 of a leaf's bytes.
[[nodiscard]] unsigned leaf_bits(const WalkParameters& parameters, int level);

} // namespace twofold::model
