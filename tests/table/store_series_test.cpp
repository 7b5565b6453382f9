// SPDX-License-Identifier: MIT
// store_series(): as many as asked for, each larger than the one before, and nothing beside them.
#include <twofold/table/store_series.hpp>

#include <gtest/gtest.h>

#include <array>

namespace twofold {
namespace {

TEST(StoreSeries, EveryCountAndNothingBeside) {
    constexpr std::uint64_t untouched = 0x5555;
    for (unsigned count = 0; count <= 40; ++count) {
        std::array<std::uint64_t, 44> words;
        words.fill(untouched);
        store_series(&words[2], count, 0x40'0000'07dfU, 0x1000);
        std::uint64_t expected = 0x40'0000'07dfU;
        for (unsigned i = 0; i < words.size(); ++i) {
            if (i < 2 || i >= 2 + count) {
                ASSERT_EQ(words[i], untouched) << i << " of " << count;
            } else {
                ASSERT_EQ(words[i], expected) << i << " of " << count;
                expected += 0x1000;
            }
        }
    }
}

} // namespace
} // namespace twofold
