// SPDX-License-Identifier: MIT
// Stage2::annotate(), and what the other operations do with an annotation; clean().
#include "bad_ranges.hpp"
#include "machine.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

constexpr std::uint64_t base = 0x4000'0000;
constexpr std::uint64_t output = 0x80'0000'0000;

MapRequest request(std::uint64_t ipa, std::uint64_t pa, std::uint64_t length) {
    return {.ipa = Ipa{ipa}, .pa = Pa{pa}, .length = length, .attributes = with(Permissions::rw())};
}
std::optional<std::uint32_t> at(Machine& m, std::uint64_t ipa) {
    return m.table.lookup(Ipa{ipa})->annotation;
}

TEST(Annotate, StandsInTheLargestEntriesAndIsFound) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.annotate(Ipa{base}, GiB + 2 * MiB + 4 * KiB, 0xdead'beef, m.owed));
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.raw({1}) & 1, 0U);
    EXPECT_EQ(m.raw({2, 0}) & 1, 0U);
    for (const std::uint64_t ipa :
         {base, base + GiB - 1, base + GiB, base + GiB + 2 * MiB, base + GiB + 2 * MiB + 4095}) {
        EXPECT_EQ(at(m, ipa), 0xdead'beefU) << ipa;
        EXPECT_FALSE(m.translate(ipa));
    }
    EXPECT_FALSE(at(m, base + GiB + 2 * MiB + 4 * KiB));
    EXPECT_EQ(m.table.counters().tables, 2U);
}

TEST(Annotate, AFaultDoesNotReplaceIt) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.annotate(Ipa{base}, 2 * MiB, 7, m.owed));
    EXPECT_EQ(m.table.map_if_absent(request(base, output, 4 * KiB)).error(), Error::annotated);
    EXPECT_EQ(m.table.map_if_absent(request(base, output, 64 * KiB)).error(), Error::annotated);
    EXPECT_EQ(m.table.relax(Ipa{base}, Permissions::rw(), m.owed).error(), Error::not_mapped);
    EXPECT_EQ(m.table.make_young(Ipa{base}).error(), Error::not_mapped);
    EXPECT_EQ(at(m, base), 7U);
}

// Of a part: the rest keeps it.
TEST(Annotate, MapAndUnmapReplaceIt) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.annotate(Ipa{base}, GiB, 7, m.owed));
    ASSERT_TRUE(m.table.map(request(base + 4 * KiB, output, 4 * KiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{base + 2 * MiB}, 4 * KiB, m.owed));
    EXPECT_EQ(at(m, base), 7U);
    EXPECT_EQ(m.translate(base + 4 * KiB), output);
    EXPECT_EQ(at(m, base + 8 * KiB), 7U);
    EXPECT_FALSE(at(m, base + 2 * MiB));
    EXPECT_EQ(at(m, base + 2 * MiB + 4 * KiB), 7U);
    EXPECT_EQ(at(m, base + GiB - 1), 7U);
    ASSERT_TRUE(m.table.unmap(Ipa{base}, GiB, m.owed));
    m.table.discharge(m.owed);
    EXPECT_EQ(m.table.counters().tables, 0U);
    EXPECT_FALSE(at(m, base));
}

// What was mapped is invalidated before the call returns: map() may replace an annotation at once.
TEST(Annotate, UnmapsAndInvalidates) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map(request(base, output, 2 * MiB), m.owed));
    ASSERT_TRUE(m.table.annotate(Ipa{base + 4 * KiB}, 8 * KiB, 9, m.owed));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.translate(base), output);
    EXPECT_EQ(at(m, base + 4 * KiB), 9U);
    EXPECT_EQ(at(m, base + 8 * KiB), 9U);
    EXPECT_EQ(m.translate(base + 12 * KiB), output + 12 * KiB);
}

TEST(Annotate, RefusesWhatMapRefuses) {
    Machine m{full_features(), three_levels()};
    for (const BadRange& row : bad_ranges) {
        const auto result = m.table.annotate(Ipa{row.ipa}, row.length, 1, m.owed);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), row.error);
    }
    m.port.allocations_until_failure = 0;
    EXPECT_EQ(m.table.annotate(Ipa{base}, 4 * KiB, 1, m.owed).error(), Error::out_of_memory);
    EXPECT_EQ(m.port.live(), 1U);
}

TEST(Clean, NamesTheMemoryOfCacheableLeavesAndNothingElse) {
    for (const bool fwb : {false, true}) {
        CpuFeatures features = full_features();
        features.fwb = fwb;
        Machine m{features, three_levels()};
        MapRequest device = request(base + 4 * MiB, 0x1000'0000, 2 * MiB);
        device.attributes.type = MemoryType::device_nGnRE;
        ASSERT_TRUE(m.table.map(request(base, output, 4 * MiB), m.owed));
        ASSERT_TRUE(m.table.map(device, m.owed));
        MapRequest uncached = request(base + 6 * MiB, 0x2000'0000, 2 * MiB);
        uncached.attributes.type = MemoryType::normal_nc;
        ASSERT_TRUE(m.table.map(uncached, m.owed));
        std::vector<std::pair<std::uint64_t, std::uint64_t>> cleaned;
        ASSERT_TRUE(
            m.table.clean(Ipa{base + 4 * KiB}, GiB - 4 * KiB, [&](Pa pa, std::uint64_t bytes) {
                cleaned.emplace_back(pa.value, bytes);
            }));
        if (fwb) {
            EXPECT_TRUE(cleaned.empty());
        } else {
            EXPECT_EQ(cleaned, (decltype(cleaned){{output + 4 * KiB, 4 * MiB - 4 * KiB}}));
        }
    }
}

} // namespace
} // namespace twofold::test
