// SPDX-License-Identifier: MIT
// CpuFeatures: what stage 2 may use on a CPU, read from its ID registers. For a machine with
// different CPUs, take the least of each (CpuFeatures::common).
#pragma once

#include <twofold/arch/field.hpp>
#include <twofold/arch/granule.hpp>

#include <algorithm>
#include <cstdint>

namespace twofold {

struct IdRegisters {
    std::uint64_t mmfr0 = 0; // ID_AA64MMFR0_EL1
    std::uint64_t mmfr1 = 0; // ID_AA64MMFR1_EL1
    std::uint64_t mmfr2 = 0; // ID_AA64MMFR2_EL1
    std::uint64_t mmfr3 = 0; // ID_AA64MMFR3_EL1
    std::uint64_t isar0 = 0; // ID_AA64ISAR0_EL1
    std::uint64_t isar1 = 0; // ID_AA64ISAR1_EL1
    std::uint64_t ctr = 0;   // CTR_EL0
};

// The physical address bits that PARange or VTCR_EL2.PS encode; 0 for a reserved value.
constexpr unsigned pa_bits_of(std::uint64_t encoded) {
    constexpr unsigned bits[] = {32, 36, 40, 42, 44, 48, 52, 56};
    return encoded < 8 ? bits[encoded] : 0;
}

struct CpuFeatures {
    unsigned pa_bits = 32;   // PAMax: 32, 36, 40, 42, 44, 48, 52 or 56
    bool granule_4k = false; // at stage 2
    bool granule_16k = false;
    bool granule_64k = false;
    bool lpa2_4k = false; // FEAT_LPA2 at stage 2, per granule
    bool lpa2_16k = false;
    bool ttst = false;        // small input sizes
    bool xnx = false;         // execute-never for EL0 and EL1 apart
    bool access_flag = false; // FEAT_HAFDBS: hardware sets AF
    bool dirty_state = false; // FEAT_HAFDBS: and dirty state (DBM)
    bool haft = false;        // hardware AF in table descriptors
    bool vmid16 = false;
    bool fwb = false;        // FEAT_S2FWB
    bool ttl = false;        // FEAT_TTL: level hints in TLBI
    unsigned bbm = 0;        // FEAT_BBM level 0, 1 or 2
    bool cnp = false;        // FEAT_TTCNP
    bool evt = false;        // FEAT_EVT
    bool tlbi_os = false;    // FEAT_TLBIOS
    bool tlbi_range = false; // FEAT_TLBIRANGE
    bool xs = false;         // FEAT_XS: nXS forms
    bool s2pie = false;
    bool d128 = false; // FEAT_D128 at stage 2
    bool vhe = false;
    bool lse = false;          // FEAT_LSE atomics
    bool dic = false;          // CTR_EL0.DIC: no instruction-cache maintenance needed
    bool idc = false;          // CTR_EL0.IDC: no data-cache clean to the PoU needed
    unsigned dcache_line = 16; // smallest, bytes
    unsigned icache_line = 16; // smallest, bytes

    // FEAT_LPA is what a 52-bit PARange means.
    constexpr bool lpa() const { return pa_bits >= 52; }
    constexpr bool has(Granule granule) const {
        return granule == Granule::k4    ? granule_4k
               : granule == Granule::k16 ? granule_16k
                                         : granule_64k;
    }
    constexpr bool has_lpa2(Granule granule) const {
        return granule == Granule::k4 ? lpa2_4k : granule == Granule::k16 && lpa2_16k;
    }

    static constexpr CpuFeatures from(const IdRegisters& r);
    static constexpr CpuFeatures common(const CpuFeatures& a, const CpuFeatures& b);

    constexpr bool operator==(const CpuFeatures&) const = default;
};

namespace id {
// ID_AA64MMFR0_EL1
using pa_range = Field<3, 0>;
using tgran16 = Field<23, 20>; // 0 none, 1 yes, 2 with LPA2
using tgran64 = Field<27, 24>; // signed: 0 yes, negative none
using tgran4 = Field<31, 28>;  // signed: 0 yes, 1 with LPA2, negative none
// The stage-2 forms: 0 as at stage 1, 1 none, 2 yes, 3 with LPA2
using tgran16_2 = Field<35, 32>;
using tgran64_2 = Field<39, 36>;
using tgran4_2 = Field<43, 40>;
// ID_AA64MMFR1_EL1
using hafdbs = Field<3, 0>;
using vmid_bits = Field<7, 4>; // 2: 16 bits
using vh = Field<11, 8>;
using xnx = Field<31, 28>;
// ID_AA64MMFR2_EL1
using cnp = Field<3, 0>;
using st = Field<31, 28>;
using fwb = Field<43, 40>;
using ttl = Field<51, 48>;
using bbm = Field<55, 52>;
using evt = Field<59, 56>;
// ID_AA64MMFR3_EL1
using s2pie = Field<15, 12>;
using d128_2 = Field<39, 36>; // at stage 2
// ID_AA64ISAR0_EL1
using atomic = Field<23, 20>; // 2: FEAT_LSE
using tlb = Field<59, 56>;    // 1 outer shareable, 2 and range
// ID_AA64ISAR1_EL1
using xs = Field<59, 56>;
// CTR_EL0
using imin_line = Field<3, 0>; // log2 words
using dmin_line = Field<19, 16>;
using idc = Field<28>;
using dic = Field<29>;

struct GranuleSupport {
    bool present;
    bool lpa2;
};

// The stage-2 field where it says something, else the stage-1 field. Stage 1's encodings differ by
// granule: TGran4 = 1 means "with LPA2", not "none".
constexpr GranuleSupport stage2_granule(std::uint64_t stage2, GranuleSupport stage1) {
    switch (stage2) {
    case 0:
        return stage1;
    case 2:
        return {.present = true, .lpa2 = false};
    case 3:
        return {.present = true, .lpa2 = true};
    default:
        return {.present = false, .lpa2 = false};
    }
}
} // namespace id

constexpr CpuFeatures CpuFeatures::from(const IdRegisters& r) {
    const std::uint64_t t4 = id::tgran4::get(r.mmfr0);
    const std::uint64_t t16 = id::tgran16::get(r.mmfr0);
    const std::uint64_t t64 = id::tgran64::get(r.mmfr0);
    const auto g4 = id::stage2_granule(id::tgran4_2::get(r.mmfr0),
                                       {.present = t4 <= 7, .lpa2 = t4 >= 1 && t4 <= 7});
    const auto g16 =
        id::stage2_granule(id::tgran16_2::get(r.mmfr0), {.present = t16 >= 1, .lpa2 = t16 >= 2});
    const auto g64 =
        id::stage2_granule(id::tgran64_2::get(r.mmfr0), {.present = t64 <= 7, .lpa2 = false});
    CpuFeatures f;
    // A PARange newer than this code is at least as large as the largest known.
    f.pa_bits = pa_bits_of(std::min<std::uint64_t>(id::pa_range::get(r.mmfr0), 7));
    f.granule_4k = g4.present;
    f.granule_16k = g16.present;
    f.granule_64k = g64.present;
    f.lpa2_4k = g4.lpa2;
    f.lpa2_16k = g16.lpa2;
    f.ttst = id::st::get(r.mmfr2) >= 1;
    f.xnx = id::xnx::get(r.mmfr1) >= 1;
    f.access_flag = id::hafdbs::get(r.mmfr1) >= 1;
    f.dirty_state = id::hafdbs::get(r.mmfr1) >= 2;
    f.haft = id::hafdbs::get(r.mmfr1) >= 3;
    f.vmid16 = id::vmid_bits::get(r.mmfr1) >= 2;
    f.fwb = id::fwb::get(r.mmfr2) >= 1;
    f.ttl = id::ttl::get(r.mmfr2) >= 1;
    f.bbm = static_cast<unsigned>(std::min<std::uint64_t>(id::bbm::get(r.mmfr2), 2));
    f.cnp = id::cnp::get(r.mmfr2) >= 1;
    f.evt = id::evt::get(r.mmfr2) >= 1;
    f.tlbi_os = id::tlb::get(r.isar0) >= 1;
    f.tlbi_range = id::tlb::get(r.isar0) >= 2;
    f.xs = id::xs::get(r.isar1) >= 1;
    f.s2pie = id::s2pie::get(r.mmfr3) >= 1;
    f.d128 = id::d128_2::get(r.mmfr3) >= 1;
    f.vhe = id::vh::get(r.mmfr1) >= 1;
    f.lse = id::atomic::get(r.isar0) >= 2;
    f.dic = id::dic::is_set(r.ctr);
    f.idc = id::idc::is_set(r.ctr);
    f.dcache_line = 4U << id::dmin_line::get(r.ctr);
    f.icache_line = 4U << id::imin_line::get(r.ctr);
    return f;
}

constexpr CpuFeatures CpuFeatures::common(const CpuFeatures& a, const CpuFeatures& b) {
    return {
        .pa_bits = std::min(a.pa_bits, b.pa_bits),
        .granule_4k = a.granule_4k && b.granule_4k,
        .granule_16k = a.granule_16k && b.granule_16k,
        .granule_64k = a.granule_64k && b.granule_64k,
        .lpa2_4k = a.lpa2_4k && b.lpa2_4k,
        .lpa2_16k = a.lpa2_16k && b.lpa2_16k,
        .ttst = a.ttst && b.ttst,
        .xnx = a.xnx && b.xnx,
        .access_flag = a.access_flag && b.access_flag,
        .dirty_state = a.dirty_state && b.dirty_state,
        .haft = a.haft && b.haft,
        .vmid16 = a.vmid16 && b.vmid16,
        .fwb = a.fwb && b.fwb,
        .ttl = a.ttl && b.ttl,
        .bbm = std::min(a.bbm, b.bbm),
        .cnp = a.cnp && b.cnp,
        .evt = a.evt && b.evt,
        .tlbi_os = a.tlbi_os && b.tlbi_os,
        .tlbi_range = a.tlbi_range && b.tlbi_range,
        .xs = a.xs && b.xs,
        .s2pie = a.s2pie && b.s2pie,
        .d128 = a.d128 && b.d128,
        .vhe = a.vhe && b.vhe,
        .lse = a.lse && b.lse,
        .dic = a.dic && b.dic,
        .idc = a.idc && b.idc,
        .dcache_line = std::min(a.dcache_line, b.dcache_line),
        .icache_line = std::min(a.icache_line, b.icache_line),
    };
}

} // namespace twofold
