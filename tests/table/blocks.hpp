// SPDX-License-Identifier: MIT
// Blocks: which levels of a geometry have them, how large they are, and where a leaf's output bits
// stand, by the manual's tables.
#pragma once

#include "machine.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace twofold::test {

// log2 of what an entry of `level` maps.
inline unsigned shift_at(const Geometry& g, Level level) {
    switch (g.granule()) {
    case Granule::k4: // 512 GiB, 1 GiB, 2 MiB, 4 KiB
        return level == 0 ? 39 : level == 1 ? 30 : level == 2 ? 21 : 12;
    case Granule::k16: // 64 GiB, 32 MiB, 16 KiB
        return level == 1 ? 36 : level == 2 ? 25 : 14;
    case Granule::k64: // 4 TiB, 512 MiB, 64 KiB
        return level == 1 ? 42 : level == 2 ? 29 : 16;
    }
    return 0;
}
inline std::uint64_t size_at(const Geometry& g, Level level) {
    return std::uint64_t{1} << shift_at(g, level);
}

// Of a CPU with 52 bits of physical address, from the smallest block upwards.
inline std::vector<Level> block_levels(const Geometry& g) {
    const Level top = g.granule() == Granule::k4    ? (g.lpa2() ? 0 : 1)
                      : g.granule() == Granule::k16 ? (g.lpa2() ? 1 : 2)
                                                    : 1;
    std::vector<Level> levels;
    for (Level level = 2; level >= top && level >= g.initial_level(); --level) {
        levels.push_back(level);
    }
    return levels;
}

// 64K has address bits 51:48 in [15:12]; LPA2 has 51:50 in [9:8], and no SH.
inline std::uint64_t output_bits(const Geometry& g, std::uint64_t pa) {
    if (g.granule() == Granule::k64) {
        return (pa & 0x0000'ffff'ffff'0000) | (pa >> 48) << 12;
    }
    return g.lpa2() ? (pa & 0x0003'ffff'ffff'f000) | (pa >> 50) << 8 : pa;
}
inline std::uint64_t leaf_bits(const Geometry& g, Level level, std::uint64_t attributes) {
    return (g.lpa2() ? attributes & ~std::uint64_t{0x300} : attributes) |
           (level == 3 ? raw_page : raw_block);
}

// [ipa, ipa + length) mapped to `pa` by leaves of `level`.
inline std::vector<RawLeaf> leaves_of(const Geometry& g, Level level, std::uint64_t ipa,
                                      std::uint64_t pa, std::uint64_t length,
                                      std::uint64_t attributes) {
    const std::uint64_t size = size_at(g, level);
    std::vector<RawLeaf> run;
    for (std::uint64_t at = 0; at < length; at += size) {
        run.push_back({ipa + at, size, output_bits(g, pa + at) | leaf_bits(g, level, attributes)});
    }
    return run;
}

// An output high in the space, aligned for every block of the geometry.
inline std::uint64_t high_output(const Geometry& g) {
    const bool wide = g.lpa2() || g.granule() == Granule::k64;
    return wide ? 0xb'4000'0000'0000 : 0x7400'0000'0000;
}

// Calls test(machine, level) for each level of each geometry that has blocks, on a fresh machine.
inline void
for_every_block_level(const std::function<void(Machine& machine, Level block_level)>& test) {
    for (const Geometry& g : every_geometry(full_features())) {
        for (const Level level : block_levels(g)) {
            SCOPED_TRACE(name_of(g) + ", block at level " + std::to_string(level));
            Machine m{full_features(),
                      {.granule = g.granule(),
                       .ipa_bits = g.ipa_bits(),
                       .lpa2 = g.lpa2(),
                       .initial_level = g.initial_level()}};
            test(m, level);
            if (::testing::Test::HasFailure()) {
                return;
            }
        }
    }
}

} // namespace twofold::test
