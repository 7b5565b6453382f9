// SPDX-License-Identifier: MIT
// What a Geometry says of its tree: the sizes it can map, indexes, limits.
#include "geometry_requests.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace {

using namespace twofold;
using reference::describe;
using reference::every_geometry;
using reference::granule_row;
using reference::leaf_rows;
using reference::When;

bool leaf_exists(const reference::LeafRow& row, const CpuFeatures& f, const GeometryRequest& r) {
    return row.granule == r.granule &&
           (row.when == When::always || (row.when == When::ds && r.lpa2) ||
            (row.when == When::pamax_52 && f.pa_bits >= 52));
}

TEST(GeometryShape, CanMapExactlyTheSizesOfTheBlockTable) {
    std::uint64_t checked = 0;
    every_geometry([&](const CpuFeatures& f, const GeometryRequest& r, const Geometry& g) {
        if (HasFatalFailure()) {
            return;
        }
        Level top = 3;
        std::map<unsigned, Level> expected; // log2 of the size, level
        for (const auto& row : leaf_rows) {
            if (leaf_exists(row, f, r) && row.level >= *r.initial_level) {
                expected[row.size_bits] = row.level;
                top = std::min(top, row.level);
            }
        }
        if (g.top_leaf_level() != top) {
            FAIL() << describe(f, r) << ": top leaf level " << g.top_leaf_level();
        }
        for (unsigned bits = 0; bits < 64; ++bits) {
            const std::uint64_t size = std::uint64_t{1} << bits;
            const auto level = g.level_of(size);
            const auto it = expected.find(bits);
            const bool right = it == expected.end() ? !level && !g.can_map(size)
                                                    : level == it->second && g.can_map(size);
            if (!right) {
                FAIL() << describe(f, r) << ": 2^" << bits;
            }
            ++checked;
        }
        for (const std::uint64_t size :
             {std::uint64_t{0}, 3 * KiB, 12 * KiB, 4 * KiB + 1, 2 * MiB - 1, 2 * MiB + 4 * KiB,
              3 * MiB, 3 * GiB, 1 * GiB + 2 * MiB, ~std::uint64_t{0}}) {
            if (g.can_map(size)) {
                FAIL() << describe(f, r) << ": " << size;
            }
        }
        for (Level level = -2; level <= 4; ++level) {
            bool leaf = false;
            for (const auto& [bits, at] : expected) {
                leaf = leaf || at == level;
            }
            if (g.leaf_allowed(level) != leaf) {
                FAIL() << describe(f, r) << ": leaf at level " << level;
            }
        }
    });
    EXPECT_GT(checked, 64U * 1000);
}

TEST(GeometryShape, ContiguousRunsAreTheTablesAndFitTheInputSpace) {
    every_geometry([&](const CpuFeatures& f, const GeometryRequest& r, const Geometry& g) {
        for (Level level = *r.initial_level; level <= 3; ++level) {
            unsigned expected = 1;
            for (const auto& row : leaf_rows) {
                if (row.level != level || !leaf_exists(row, f, r)) {
                    continue;
                }
                const std::uint64_t group = row.contiguous * (std::uint64_t{1} << row.size_bits);
                if (group <= std::uint64_t{1} << r.ipa_bits) {
                    expected = row.contiguous;
                }
            }
            if (!HasFatalFailure() && g.contiguous_run(level) != expected) {
                FAIL() << describe(f, r) << ": level " << level << " run "
                       << g.contiguous_run(level) << ", expected " << expected;
            }
        }
    });
}

TEST(GeometryShape, IndexWalksDownToThePage) {
    every_geometry([&](const CpuFeatures& f, const GeometryRequest& r, const Geometry& g) {
        const std::uint64_t limit = std::uint64_t{1} << r.ipa_bits;
        const auto& granule = granule_row(r.granule);
        EXPECT_EQ(g.page_size(), granule.bytes);
        for (const std::uint64_t seed : {std::uint64_t{0}, limit - 1, 0x5a5a5a5a5a5a5a5a % limit,
                                         0xa5a5a5a5a5a5a5a5 % limit, limit / 2}) {
            // Long division of the address by what each level covers.
            std::uint64_t rest = seed;
            for (Level level = *r.initial_level; level <= 3; ++level) {
                const std::uint64_t covers = std::uint64_t{1}
                                             << reference::shift_of(r.granule, level);
                const std::uint64_t digit = rest / covers;
                rest %= covers;
                const std::uint64_t entries =
                    level == *r.initial_level ? limit / covers : granule.table_entries;
                if (HasFatalFailure()) {
                    return;
                }
                if (g.index(Ipa{seed}, level) != digit || g.entries(level) != entries ||
                    g.entry_size(level) != covers) {
                    FAIL() << describe(f, r) << ": level " << level << " ipa " << std::hex << seed;
                }
            }
        }
        EXPECT_EQ(g.entries_below_root(), granule.table_entries);
    });
}

TEST(GeometryShape, ContainsAndFitsToTheLastByte) {
    const std::uint64_t top = ~std::uint64_t{0};
    every_geometry([&](const CpuFeatures& f, const GeometryRequest& r, const Geometry& g) {
        const std::uint64_t limit = std::uint64_t{1} << r.ipa_bits;
        const bool contains = g.ipa_limit() == limit && g.contains(Ipa{0}) &&
                              g.contains(Ipa{limit - 1}) && !g.contains(Ipa{limit}) &&
                              !g.contains(Ipa{top}) && g.contains(Ipa{0}, limit) &&
                              !g.contains(Ipa{0}, limit + 1) && g.contains(Ipa{limit - 1}, 1) &&
                              !g.contains(Ipa{limit - 1}, 2) && !g.contains(Ipa{limit - 1}, top) &&
                              !g.contains(Ipa{4096}, top - 4095) && !g.contains(Ipa{limit}, 1) &&
                              !g.contains(Ipa{top}, 1);
        const bool wide = r.granule == Granule::k64 || r.lpa2;
        const std::uint64_t pa_limit = std::uint64_t{1} << std::min(f.pa_bits, wide ? 52U : 48U);
        const bool fits = g.fits(Pa{0}, pa_limit) && !g.fits(Pa{0}, pa_limit + 1) &&
                          g.fits(Pa{pa_limit - 4096}, 4096) && !g.fits(Pa{pa_limit - 4096}, 4097) &&
                          !g.fits(Pa{pa_limit}, 1) && !g.fits(Pa{4096}, top - 4095) &&
                          !g.fits(Pa{top}, 1);
        if (!HasFatalFailure() && (!contains || !fits)) {
            FAIL() << describe(f, r);
        }
    });
}

TEST(GeometryShape, ASmallerOutputSizeBoundsFits) {
    const auto g = Geometry::make(reference::full_cpu(48), {.ipa_bits = 40, .pa_bits = 36});
    ASSERT_TRUE(g);
    EXPECT_TRUE(g->fits(Pa{0xf'ffff'f000}, 0x1000));
    EXPECT_FALSE(g->fits(Pa{0x10'0000'0000}, 0x1000));
}

TEST(GeometryShape, Only64KWithLpaHasWideDescriptorsOfItsKind) {
    for (const auto& pa : reference::pa_rows) {
        for (const Granule granule : reference::granules) {
            const auto g =
                Geometry::make(reference::full_cpu(pa.bits), {.granule = granule, .ipa_bits = 32});
            ASSERT_TRUE(g);
            EXPECT_EQ(g->wide_64k(), granule == Granule::k64 && pa.bits >= 52);
        }
    }
}

} // namespace
