// SPDX-License-Identifier: MIT
// Stage2::map_if_absent(), and what neither it nor map() accepts.
#include "requests.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace twofold::test {
namespace {

TEST(MapIfAbsent, AddsWithoutOwing) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map_if_absent(request(0x4000'0000, 0x80'0000'0000, GiB + 4 * KiB)));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, GiB, 0x80'0000'07d9, 1),
                                run_of(0x8000'0000, 4 * KiB, 0x80'4000'07db, 1)}));
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_GE(m.port.completions, 1U);
    // Beside what is there, in the same table.
    ASSERT_TRUE(m.table.map_if_absent(request(0x8000'1000, 0x80'0000'0000, 4 * KiB)));
    EXPECT_EQ(m.raw({2, 0, 1}), 0x80'0000'07dbU);
}

TEST(MapIfAbsent, RefusesWhatIsMapped) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
    ASSERT_TRUE(m.table.map(request(0x8000'1000, 0x81'0000'0000, 4 * KiB), m.owed));
    const auto before = m.memory();
    for (const MapRequest& r :
         {request(0x4000'0000, 0x80'0000'0000, GiB), request(0x4000'0000, 0x80'0000'0000, 4 * KiB),
          request(0x7fff'f000, 0, 2 * 4 * KiB), request(0, 0, 2 * GiB),
          request(0x8000'0000, 0, GiB), request(0x8000'1000, 0, 4 * KiB),
          request(0x8000'0000, 0, 2 * 4 * KiB)}) {
        const auto result = m.table.map_if_absent(r);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), Error::already_mapped);
        EXPECT_EQ(m.memory(), before);
    }
    ASSERT_TRUE(m.table.map_if_absent(request(0x8000'0000, 0, 4 * KiB)));
    ASSERT_TRUE(m.table.map_if_absent(request(0, 0, GiB)));
}

TEST(Map, EveryErrorChangesNothing) {
    struct Row {
        const char* name = {};
        MapRequest request = {};
        Error error = {};
    };
    const std::uint64_t limit = std::uint64_t{1} << 40;
    auto software = request(0x4000'0000, 0, GiB);
    software.attributes.software = 16;
    auto dbm = request(0x4000'0000, 0, GiB);
    dbm.attributes.dbm = true;
    auto through = request(0x4000'0000, 0, GiB);
    through.attributes.type = MemoryType::normal_wt;
    auto fnxs = request(0x4000'0000, 0, GiB);
    fnxs.attributes.fnxs = true;
    const Permissions el0{.read = true, .execute_el0 = true};
    const Row rows[] = {
        {"ipa", request(0x4000'0800, 0, GiB), Error::ipa_misaligned},
        {"pa", request(0x4000'0000, 0x800, GiB), Error::pa_misaligned},
        {"length", request(0x4000'0000, 0, 0x1800), Error::range_misaligned},
        {"empty", request(0x4000'0000, 0, 0), Error::range_empty},
        {"ipa limit", request(limit, 0, GiB), Error::ipa_out_of_range},
        {"last page and one more", request(limit - 0x1000, 0, 0x2000), Error::ipa_out_of_range},
        {"wraps", request(0x4000'0000, 0, ~std::uint64_t{0xfff}), Error::ipa_out_of_range},
        {"far ipa", request(~std::uint64_t{0xfff}, 0, 0x1000), Error::ipa_out_of_range},
        {"pa limit", request(0x4000'0000, std::uint64_t{1} << 48, 0x1000), Error::pa_out_of_range},
        {"last output and one more", request(0x4000'0000, 0xffff'ffff'f000, 0x2000),
         Error::pa_out_of_range},
        {"max_size", request(0x4000'0000, 0, GiB, Permissions::rwx(), 0xfff),
         Error::size_not_mappable},
        {"XNX", request(0x4000'0000, 0, GiB, el0), Error::execute_needs_xnx},
        {"WT", through, Error::memory_type_not_with_fwb},
        {"software bits", software, Error::software_bits_out_of_range},
        {"DBM", dbm, Error::dbm_needs_hafdbs},
        {"FnXS", fnxs, Error::fnxs_needs_xs},
    };
    CpuFeatures features = full_features();
    features.xnx = false;
    features.dirty_state = false;
    features.xs = false;
    Machine m{features, three_levels()};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, 2 * GiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x8000'0000}, GiB, m.owed));
    const auto before = m.memory();
    for (const Row& row : rows) {
        for (const bool if_absent : {false, true}) {
            const auto result =
                if_absent ? m.table.map_if_absent(row.request) : m.table.map(row.request, m.owed);
            ASSERT_FALSE(result) << row.name;
            EXPECT_EQ(result.error(), row.error) << row.name;
            EXPECT_EQ(m.memory(), before) << row.name;
            EXPECT_EQ(m.owed.ranges().size(), 1U);
            EXPECT_EQ(m.port.invalidations, 0U);
        }
    }
    features.fwb = false;
    Machine without{features, three_levels()};
    auto stage1 = request(0x4000'0000, 0, GiB);
    stage1.attributes.type = MemoryType::stage1_decides;
    EXPECT_EQ(without.table.map(stage1, without.owed).error(), Error::memory_type_needs_fwb);
    Machine lpa2{full_features(), five_levels()};
    auto shared = request(0x4000'0000, 0, GiB);
    shared.attributes.shareability = Shareability::outer;
    EXPECT_EQ(lpa2.table.map(shared, lpa2.owed).error(), Error::shareability_fixed_by_lpa2);
}

} // namespace
} // namespace twofold::test
