// SPDX-License-Identifier: MIT
#include "geometries.hpp"

#include <twofold/table/page_walk.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace twofold::test {
namespace {

// The start of a page inside the table, and nothing else, whichever bit of an address is set.
TEST(PageWalk, TakesWholePagesOfTheTableInEveryGeometry) {
    const CpuFeatures features = full_features();
    unsigned plain = 0;
    for (const Geometry& g : every_geometry(features)) {
        const PageWalk walk = PageWalk::of(g, features, Pa{});
        const bool usual = !g.lpa2() && !g.wide_64k() && g.initial_level() != page_level;
        plain += usual ? 1U : 0U;
        const std::uint64_t last = g.ipa_limit() - g.page_size();
        for (unsigned bit = 0; bit < 64; ++bit) {
            for (const std::uint64_t base : {std::uint64_t{0}, last}) {
                const Ipa ipa{base ^ (std::uint64_t{1} << bit)};
                const bool inside = usual && ipa.value < g.ipa_limit();
                ASSERT_EQ(walk.covers(walk.page_of(ipa)), inside) << std::hex << ipa.value;
                ASSERT_EQ(walk.covers(walk.whole_page(ipa)),
                          inside && ipa.value % g.page_size() == 0)
                    << std::hex << ipa.value;
            }
        }
    }
    EXPECT_GT(plain, 50U);
}

} // namespace
} // namespace twofold::test
