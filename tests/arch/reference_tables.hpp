// SPDX-License-Identifier: MIT
// The tables of the manual's stage-2 rules, as plain numbers: what the tests of arch/ expect. They
// were typed from AArch64.S2InvalidSL, AArch64.S2InconsistentSL and AArch64.BlockDescSupported
// worked through by enumeration, for 64-bit descriptors.
#pragma once

#include <twofold/arch.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace reference {

using twofold::Granule;
using twofold::Level;

// One initial level of a granule. `single` is the largest input size with one table; each bit
// above it doubles the concatenated tables.
struct StartRow {
    Granule granule;
    bool ds;
    unsigned sl2;
    unsigned sl0;
    Level start;
    unsigned min_t0sz, max_t0sz; // with PAMax = 52 and FEAT_TTST
    unsigned min_ia, max_ia;
    unsigned single;
    unsigned needs_pamax; // 0: none
    bool needs_ttst;
};

inline constexpr StartRow start_rows[] = {
    // granule   DS   SL2  SL0  start T0SZ     IA      single PAMax TTST
    {Granule::k4, false, 0, 0b00, 2, 30, 42, 22, 34, 30, 0, false},
    {Granule::k4, false, 0, 0b01, 1, 21, 33, 31, 43, 39, 0, false},
    {Granule::k4, false, 0, 0b10, 0, 16, 24, 40, 48, 48, 44, false},
    {Granule::k4, false, 0, 0b11, 3, 39, 48, 16, 25, 21, 0, true},
    {Granule::k4, true, 0, 0b00, 2, 30, 42, 22, 34, 30, 0, false},
    {Granule::k4, true, 0, 0b01, 1, 21, 33, 31, 43, 39, 0, false},
    {Granule::k4, true, 0, 0b10, 0, 12, 24, 40, 52, 48, 44, false},
    {Granule::k4, true, 0, 0b11, 3, 39, 48, 16, 25, 21, 0, true},
    {Granule::k4, true, 1, 0b00, -1, 12, 15, 49, 52, 57, 0, false},
    {Granule::k16, false, 0, 0b00, 3, 35, 48, 16, 29, 25, 0, false},
    {Granule::k16, false, 0, 0b01, 2, 24, 38, 26, 40, 36, 0, false},
    {Granule::k16, false, 0, 0b10, 1, 16, 27, 37, 48, 47, 42, false},
    {Granule::k16, true, 0, 0b00, 3, 35, 48, 16, 29, 25, 0, false},
    {Granule::k16, true, 0, 0b01, 2, 24, 38, 26, 40, 36, 0, false},
    {Granule::k16, true, 0, 0b10, 1, 13, 27, 37, 51, 47, 42, false},
    {Granule::k16, true, 0, 0b11, 0, 12, 16, 48, 52, 58, 0, false},
    {Granule::k64, false, 0, 0b00, 3, 31, 47, 17, 33, 29, 0, false},
    {Granule::k64, false, 0, 0b01, 2, 18, 34, 30, 46, 42, 0, false},
    {Granule::k64, false, 0, 0b10, 1, 12, 21, 43, 52, 55, 44, false},
};

// Where a leaf may stand and how large it is.
enum class When { always, ds, pamax_52 };
struct LeafRow {
    Granule granule;
    Level level;
    unsigned size_bits;
    When when;
    unsigned contiguous; // entries that the Contiguous bit joins, 1 where it is ignored
};

inline constexpr LeafRow leaf_rows[] = {
    {Granule::k4, 0, 39, When::ds, 1},        // 512 GiB
    {Granule::k4, 1, 30, When::always, 16},   // 1 GiB, 16 GiB
    {Granule::k4, 2, 21, When::always, 16},   // 2 MiB, 32 MiB
    {Granule::k4, 3, 12, When::always, 16},   // 4 KiB, 64 KiB
    {Granule::k16, 1, 36, When::ds, 1},       // 64 GiB
    {Granule::k16, 2, 25, When::always, 32},  // 32 MiB, 1 GiB
    {Granule::k16, 3, 14, When::always, 128}, // 16 KiB, 2 MiB
    {Granule::k64, 1, 42, When::pamax_52, 1}, // 4 TiB
    {Granule::k64, 2, 29, When::always, 32},  // 512 MiB, 16 GiB
    {Granule::k64, 3, 16, When::always, 32},  // 64 KiB, 2 MiB
};

// log2 of what one entry covers, also where it can only be a table.
struct ShiftRow {
    Granule granule;
    Level level;
    unsigned bits;
};
inline constexpr ShiftRow shift_rows[] = {
    {Granule::k4, -1, 48}, {Granule::k4, 0, 39},  {Granule::k4, 1, 30},  {Granule::k4, 2, 21},
    {Granule::k4, 3, 12},  {Granule::k16, 0, 47}, {Granule::k16, 1, 36}, {Granule::k16, 2, 25},
    {Granule::k16, 3, 14}, {Granule::k64, 1, 42}, {Granule::k64, 2, 29}, {Granule::k64, 3, 16},
};
constexpr unsigned shift_of(Granule granule, Level level) {
    for (const auto& row : shift_rows) {
        if (row.granule == granule && row.level == level) {
            return row.bits;
        }
    }
    return 0;
}

struct GranuleRow {
    Granule granule;
    std::uint64_t bytes;
    unsigned table_entries;
    unsigned tg0;             // VTCR_EL2[15:14]
    unsigned tlbi_tg;         // in a TTL and in TLBI by range
    unsigned min_ia_ttst;     // MaxTxSZ 48 or 47
    unsigned max_ia_ds_clear; // 48, but 52 for 64K
};
inline constexpr GranuleRow granule_rows[] = {
    {Granule::k4, 4096, 512, 0b00, 0b01, 16, 48},
    {Granule::k16, 16384, 2048, 0b10, 0b10, 16, 48},
    {Granule::k64, 65536, 8192, 0b01, 0b11, 17, 52},
};
constexpr const GranuleRow& granule_row(Granule granule) {
    return granule == Granule::k4    ? granule_rows[0]
           : granule == Granule::k16 ? granule_rows[1]
                                     : granule_rows[2];
}

struct PaRow {
    unsigned bits;
    unsigned encoding; // ID_AA64MMFR0_EL1.PARange and VTCR_EL2.PS
};
inline constexpr PaRow pa_rows[] = {{32, 0}, {36, 1}, {40, 2}, {42, 3},
                                    {44, 4}, {48, 5}, {52, 6}, {56, 7}};

inline constexpr Granule granules[] = {Granule::k4, Granule::k16, Granule::k64};

// A CPU with everything that shapes a table.
constexpr twofold::CpuFeatures full_cpu(unsigned pamax) {
    twofold::CpuFeatures f;
    f.pa_bits = pamax;
    f.granule_4k = f.granule_16k = f.granule_64k = true;
    f.lpa2_4k = f.lpa2_16k = true;
    f.ttst = true;
    return f;
}

} // namespace reference
