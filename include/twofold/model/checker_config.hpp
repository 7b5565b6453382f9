// SPDX-License-Identifier: MIT
// CheckerConfig: the table that a checker watches, and what the CPUs that use it can do.
#pragma once

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>

namespace twofold::model {

struct CheckerConfig {
    Geometry geometry;
    unsigned vmid = 1;
    unsigned bbm = 0;                  // FEAT_BBM level
    bool xnx = false;                  // FEAT_XNX
    bool fwb = false;                  // HCR_EL2.FWB
    bool ttl = false;                  // FEAT_TTL
    bool tlbi_range = false;           // FEAT_TLBIRANGE
    bool xs = false;                   // FEAT_XS
    bool hardware_access_flag = false; // VTCR_EL2.HA
    bool hardware_dirty_state = false; // VTCR_EL2.HD
    // A release store (publish) needs an entry that nobody else may change: an invalid one with
    // bits [1:0] = 10.
    bool publish_needs_mark = false;

    static constexpr CheckerConfig of(const Geometry& geometry, const CpuFeatures& features,
                                      unsigned vmid = 1) {
        return {.geometry = geometry,
                .vmid = vmid,
                .bbm = features.bbm,
                .xnx = features.xnx,
                .fwb = features.fwb,
                .ttl = features.ttl,
                .tlbi_range = features.tlbi_range,
                .xs = features.xs,
                .hardware_access_flag = features.access_flag,
                .hardware_dirty_state = features.dirty_state};
    }
};

} // namespace twofold::model
