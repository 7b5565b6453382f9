// SPDX-License-Identifier: MIT
// Configurations and hand-made tables for the tests of the walker.
#pragma once

#include <twofold/model/walker.hpp>

#include <tests/model/sparse_memory.hpp>

#include <cstdint>

namespace twofold::model::testing {

// TG0 of VTCR_EL2.
inline constexpr std::uint64_t tg_4k = 0;
inline constexpr std::uint64_t tg_64k = 1;
inline constexpr std::uint64_t tg_16k = 2;

// PS of VTCR_EL2.
inline constexpr std::uint64_t ps_32 = 0;
inline constexpr std::uint64_t ps_40 = 2;
inline constexpr std::uint64_t ps_44 = 4;
inline constexpr std::uint64_t ps_48 = 5;
inline constexpr std::uint64_t ps_52 = 6;

struct Vtcr {
    std::uint64_t t0sz = 24;
    std::uint64_t sl0 = 1;
    std::uint64_t tg0 = tg_4k;
    std::uint64_t ps = ps_48;
    bool ds = false;
    bool sl2 = false;
    bool ha = false;
    bool hd = false;
    bool haft = false;
    bool s2pie = false;
    std::uint64_t sh0 = 3;
};

inline std::uint64_t encode(const Vtcr& f) {
    return f.t0sz | f.sl0 << 6 | f.sh0 << 12 | f.tg0 << 14 | f.ps << 16 |
           std::uint64_t{f.ha} << 21 | std::uint64_t{f.hd} << 22 | std::uint64_t{1} << 31 |
           std::uint64_t{f.ds} << 32 | std::uint64_t{f.sl2} << 33 | std::uint64_t{f.s2pie} << 36 |
           std::uint64_t{f.haft} << 44;
}

// A CPU with everything, 52-bit addresses included.
inline WalkConfig full_cpu(const Vtcr& vtcr, std::uint64_t vttbr) {
    return {.vtcr = encode(vtcr),
            .vttbr = vttbr,
            .pa_max = 52,
            .bbm = 2,
            .lpa = true,
            .lpa2 = true,
            .ttst = true,
            .xnx = true,
            .hafdbs = true,
            .haft = true,
            .fwb = true,
            .s2pie = true,
            .the = true};
}

// Armv8.0 with 48-bit addresses: no feature at all.
inline WalkConfig plain_cpu(const Vtcr& vtcr, std::uint64_t vttbr) {
    return {.vtcr = encode(vtcr), .vttbr = vttbr, .pa_max = 48};
}

// Low bits of a page descriptor: AF, SH inner, S2AP read-write, MemAttr write-back, page.
inline constexpr std::uint64_t page_rw = 0x7ff;
inline constexpr std::uint64_t block_rw = 0x7fd;
inline constexpr std::uint64_t table = 0x3;

// Descriptors, from the start level on, that lead to a leaf. Tables are at 0x1000'0000 and every
// 64 KiB from there; the start table is wherever VTTBR_EL2 says.
struct Chain {
    SparseMemory& memory;
    std::uint64_t root;
    unsigned granule_bits;
    int start;
    unsigned ipa_bits;

    // The address of the descriptor at `level`; table descriptors above it are written.
    std::uint64_t lead(std::uint64_t ipa, int level) const {
        const unsigned stride = granule_bits - 3;
        std::uint64_t at = root;
        for (int l = start;; ++l) {
            const unsigned low = granule_bits + static_cast<unsigned>(3 - l) * stride;
            const std::uint64_t entries =
                l == start ? std::uint64_t{1} << (ipa_bits - low) : std::uint64_t{1} << stride;
            const std::uint64_t descriptor = at + (ipa >> low) % entries * 8;
            if (l == level) {
                return descriptor;
            }
            at = 0x1000'0000 + static_cast<std::uint64_t>(l + 1) * 0x1'0000;
            memory.set(descriptor, at | table);
        }
    }
    void put(std::uint64_t ipa, int level, std::uint64_t descriptor) const {
        memory.set(lead(ipa, level), descriptor);
    }
};

inline constexpr Access load_el1{};
inline constexpr Access store_el1{.kind = AccessKind::store};
inline constexpr Access fetch_el1{.kind = AccessKind::fetch};

} // namespace twofold::model::testing
