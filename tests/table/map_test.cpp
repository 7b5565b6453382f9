// SPDX-License-Identifier: MIT
// Stage2::map() and map_if_absent(): the leaves in memory, by hand, and what happens in between.
#include "machine.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

namespace twofold::test {
namespace {

MapRequest request(std::uint64_t ipa, std::uint64_t pa, std::uint64_t length,
                   Permissions permissions = Permissions::rwx(),
                   std::uint64_t max_size = ~std::uint64_t{0}) {
    return {.ipa = Ipa{ipa},
            .pa = Pa{pa},
            .length = length,
            .attributes = with(permissions),
            .max_size = max_size};
}

// A geometry by its request, with what it can map by the manual's tables.
struct Shape {
    const char* name = {};
    GeometryRequest request = {};
    unsigned root_entries = {};            // over all concatenated tables
    std::vector<std::uint64_t> sizes = {}; // ascending
};
const Shape shapes[] = {
    {"4K, 2 tables at level 1", three_levels(), 1024, {4 * KiB, 2 * MiB, GiB}},
    {"4K, 16 tables at level 1",
     {.granule = Granule::k4, .ipa_bits = 43},
     8192,
     {4 * KiB, 2 * MiB, GiB}},
    {"4K, 16 tables at level 2", two_levels(), 8192, {4 * KiB, 2 * MiB}},
    {"4K, one level",
     {.granule = Granule::k4, .ipa_bits = 24, .initial_level = 3},
     4096,
     {4 * KiB}},
    {"4K from level 0", {.granule = Granule::k4, .ipa_bits = 48}, 512, {4 * KiB, 2 * MiB, GiB}},
    {"4K LPA2 from level -1", five_levels(), 16, {4 * KiB, 2 * MiB, GiB, 512 * GiB}},
    {"4K LPA2, 16 tables at level 0",
     {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true},
     8192,
     {4 * KiB, 2 * MiB, GiB, 512 * GiB}},
    {"16K, 16 tables at level 2",
     {.granule = Granule::k16, .ipa_bits = 40},
     32768,
     {16 * KiB, 32 * MiB}},
    {"16K, 2 tables at level 1",
     {.granule = Granule::k16, .ipa_bits = 48},
     4096,
     {16 * KiB, 32 * MiB}},
    {"16K LPA2 from level 1",
     {.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true},
     32768,
     {16 * KiB, 32 * MiB, 64 * GiB}},
    {"64K from level 1",
     {.granule = Granule::k64, .ipa_bits = 52},
     1024,
     {64 * KiB, 512 * MiB, 4 * TiB}},
    {"64K, 16 tables at level 2",
     {.granule = Granule::k64, .ipa_bits = 46},
     131072,
     {64 * KiB, 512 * MiB}},
};

// A leaf's output bits, by hand: 64K has 51:48 in 15:12; LPA2 has 51:50 in 9:8.
std::uint64_t output_bits(const GeometryRequest& r, std::uint64_t pa) {
    if (r.granule == Granule::k64) {
        return (pa & 0x0000'ffff'ffff'0000) | (pa >> 48) << 12;
    }
    return r.lpa2 ? (pa & 0x0003'ffff'ffff'f000) | (pa >> 50) << 8 : pa;
}
std::uint64_t rwx_bits(const GeometryRequest& r) { return r.lpa2 ? raw_rwx & ~0x300U : raw_rwx; }

TEST(Map, ShapesHaveTheRootsTheyShould) {
    for (const Shape& s : shapes) {
        Machine m{full_features(), s.request, 16 * MiB};
        EXPECT_EQ(m.geometry.entries(m.geometry.initial_level()), s.root_entries) << s.name;
    }
}

// From the smallest leaf up to the largest and down again, around a boundary of the largest.
TEST(Map, ChoosesTheLargestLeavesThatFit) {
    for (const Shape& s : shapes) {
        SCOPED_TRACE(s.name);
        Machine m{full_features(), s.request, 16 * MiB};
        const std::uint64_t top = s.sizes.back();
        // An output that agrees with the IPA modulo the largest size, as high as it gets.
        const bool wide = s.request.granule == Granule::k64 || s.request.lpa2;
        const std::uint64_t shift = (wide ? 0xb'0000'0000'0000 : 0x7000'0000'0000);
        std::uint64_t start = top;
        for (std::size_t i = 0; i + 1 < s.sizes.size(); ++i) {
            start -= s.sizes[i];
        }
        std::vector<RawLeaf> expected;
        std::uint64_t ipa = start;
        const auto add = [&](std::uint64_t size) {
            const std::uint64_t type = size == s.sizes.front() ? raw_page : raw_block;
            expected.push_back(
                {ipa, size, output_bits(s.request, ipa + shift) | rwx_bits(s.request) | type});
            ipa += size;
        };
        for (const std::uint64_t size : s.sizes) {
            add(size);
        }
        for (std::size_t i = s.sizes.size() - 1; i-- > 0;) {
            add(s.sizes[i]);
        }
        ASSERT_TRUE(m.table.map(request(start, start + shift, ipa - start), m.owed));
        EXPECT_EQ(m.leaves(), expected);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
        EXPECT_GE(m.port.completions, 1U);
        for (const RawLeaf& leaf : expected) {
            for (const std::uint64_t at : {leaf.ipa, leaf.ipa + leaf.size - 1}) {
                const auto walk = m.walk(at, {.kind = model::AccessKind::atomic});
                ASSERT_TRUE(walk.translated());
                EXPECT_EQ(walk.translation.pa.value, at + shift);
                EXPECT_EQ(walk.translation.size, leaf.size);
            }
        }
        EXPECT_EQ(m.translate(start - 1), std::nullopt);
        EXPECT_EQ(m.translate(ipa), std::nullopt);
    }
}

TEST(Map, FirstAndLastLeafOfTheInputSpace) {
    for (const Shape& s : shapes) {
        SCOPED_TRACE(s.name);
        Machine m{full_features(), s.request, 16 * MiB};
        const std::uint64_t page = s.sizes.front();
        const std::uint64_t last = (std::uint64_t{1} << s.request.ipa_bits) - page;
        ASSERT_TRUE(m.table.map(request(0, 0x10'0000, page), m.owed));
        ASSERT_TRUE(m.table.map(request(last, 0x20'0000, page), m.owed));
        const std::uint64_t bits = rwx_bits(s.request) | raw_page;
        EXPECT_EQ(m.leaves(), (std::vector<RawLeaf>{{0, page, 0x10'0000 | bits},
                                                    {last, page, 0x20'0000 | bits}}));
        EXPECT_EQ(m.translate(last + page - 1), 0x20'0000 + page - 1);
    }
}

TEST(Map, WholeInputSpaceInOneCall) {
    Machine m{full_features(), two_levels()};
    ASSERT_TRUE(m.table.map(request(0, 0, 16 * GiB), m.owed));
    EXPECT_EQ(m.leaves(), run_of(0, 2 * MiB, raw_rwx | raw_block, 8192));
    EXPECT_EQ(m.port.live(), 1U);
    EXPECT_EQ(m.table.counters().tables_made, 0U);
}

TEST(Map, LeavesAreNoLargerThanOutputAlignmentAllows) {
    struct Row {
        std::uint64_t pa = {};
        std::uint64_t size = {};
    };
    const Row rows[] = {
        {0x80'0000'0000, GiB},
        {0x80'2000'0000, 2 * MiB},
        {0x80'0020'0000, 2 * MiB},
        {0x80'0010'0000, 4 * KiB},
        {0x80'0000'1000, 4 * KiB},
        {0x7f'ffff'f000, 4 * KiB},
        {0x0, GiB},
        {0x40'0000'0000, GiB},
    };
    for (const Row& row : rows) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        ASSERT_TRUE(m.table.map(request(0x4000'0000, row.pa, GiB), m.owed));
        const std::uint64_t type = row.size == 4 * KiB ? raw_page : raw_block;
        EXPECT_EQ(m.leaves(),
                  run_of(0x4000'0000, row.size, row.pa | raw_rwx | type, GiB / row.size));
    }
}

TEST(Map, MaxSizeCapsLeaves) {
    struct Row {
        std::uint64_t cap = {};
        std::uint64_t size = {};
    };
    const Row rows[] = {{4 * GiB, GiB},     {GiB, GiB},     {GiB - 1, 2 * MiB},
                        {2 * MiB, 2 * MiB}, {MiB, 4 * KiB}, {4 * KiB, 4 * KiB}};
    for (const Row& row : rows) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        ASSERT_TRUE(m.table.map(
            request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rw(), row.cap), m.owed));
        const std::uint64_t type = row.size == 4 * KiB ? raw_page : raw_block;
        EXPECT_EQ(m.leaves(),
                  run_of(0x4000'0000, row.size, 0x80'0000'0000 | raw_rw | type, GiB / row.size));
        // 1 GiB of pages: one table over it and 512 below; of 2 MiB blocks: one.
        const std::uint64_t tables = row.size == GiB ? 0 : row.size == 2 * MiB ? 1 : 513;
        EXPECT_EQ(m.table.counters().tables, tables);
        EXPECT_EQ(m.port.live(), tables + 1);
    }
}

TEST(Map, AttributesReachTheDescriptor) {
    struct Row {
        const char* name = {};
        bool fwb = {};
        Attributes attributes = {};
        std::uint64_t raw = {}; // of a block of 2 MiB at 0x8000'0000
    };
    const Row rows[] = {
        {"WB, FWB", true, with(Permissions::rwx()), 0x8000'07d9},
        {"WB", false, with(Permissions::rwx()), 0x8000'07fd},
        {"NC, FWB",
         true,
         {.permissions = Permissions::rw(), .type = MemoryType::normal_nc},
         0x0040'0000'8000'07d5},
        {"NC",
         false,
         {.permissions = Permissions::rw(), .type = MemoryType::normal_nc},
         0x0040'0000'8000'07d5},
        {"Device",
         false,
         {.permissions = Permissions::rw(), .type = MemoryType::device_nGnRE},
         0x0040'0000'8000'07c5},
        {"Outer, EL0 executes",
         false,
         {.permissions = {.read = true, .execute_el0 = true}, .shareability = Shareability::outer},
         0x0020'0000'8000'067d},
        {"old, DBM, software 1010, nT, FnXS",
         true,
         {.permissions = Permissions::r(),
          .access_flag = false,
          .dbm = true,
          .fnxs = true,
          .nt = true,
          .software = 10},
         0x0548'0000'8001'0b59},
    };
    for (const Row& row : rows) {
        CpuFeatures features = full_features();
        features.fwb = row.fwb;
        features.xs = true;
        Machine m{features, three_levels()};
        MapRequest r = request(0x4000'0000, 0x8000'0000, 2 * MiB);
        r.attributes = row.attributes;
        ASSERT_TRUE(m.table.map(r, m.owed)) << row.name;
        EXPECT_EQ(m.leaves(), (std::vector<RawLeaf>{{0x4000'0000, 2 * MiB, row.raw}})) << row.name;
        // A page has no nT: bit 16 is part of its address.
        r.max_size = 4 * KiB;
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.raw({1, 0, 1}), (row.raw & ~raw_nt) | 0x1003) << row.name;
    }
}

TEST(Map, IdenticalMapTouchesNothing) {
    for (const std::uint64_t cap : {GiB, 2 * MiB, 4 * KiB}) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        const auto r =
            request(0x3fff'f000, 0x80'3fff'f000, GiB + 2 * 4 * KiB, Permissions::rwx(), cap);
        ASSERT_TRUE(m.table.map(r, m.owed));
        const auto before = m.memory();
        unsigned touched = 0;
        m.port.on_change = [&] { ++touched; };
        m.port.on_atomic = [&](std::uint64_t&) { ++touched; };
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(touched, 0U);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
        EXPECT_EQ(m.table.counters().breaks, 0U);
        EXPECT_EQ(m.memory(), before);
    }
}

TEST(Map, ReplacesInPlaceWherePermissionsAlone) {
    struct Row {
        const char* name = {};
        Attributes from = {};
        Attributes to = {};
        std::uint64_t raw = {}; // afterwards
        bool owes = {};
        InvalidationScope scope = {};
    };
    constexpr auto everywhere = InvalidationScope::inner_shareable;
    constexpr auto local = InvalidationScope::local;
    const Row rows[] = {
        {"less", with(Permissions::rwx()), with(Permissions::r()), raw_r, true, everywhere},
        {"more", with(Permissions::r()), with(Permissions::rwx()), raw_rwx, true, local},
        {"other", with(Permissions::rw()), with(Permissions::rx()), raw_rx, true, everywhere},
        {"AF set",
         {.permissions = Permissions::rw(), .access_flag = false},
         with(Permissions::rw()),
         raw_rw,
         false,
         local},
        {"AF cleared",
         with(Permissions::rw()),
         {.permissions = Permissions::rw(), .access_flag = false},
         raw_rw & ~raw_af,
         true,
         everywhere},
        {"software",
         with(Permissions::rw()),
         {.permissions = Permissions::rw(), .software = 5},
         raw_rw | 0x0280'0000'0000'0000,
         false,
         local},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        MapRequest r = request(0x4000'0000, 0x80'0000'0000, 2 * GiB);
        r.attributes = row.from;
        ASSERT_TRUE(m.table.map(r, m.owed));
        // At every store both blocks are valid.
        m.port.on_change = [&] { EXPECT_EQ(m.raw({1}) & m.raw({2}) & 1, 1U); };
        r.attributes = row.to;
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.leaves(), run_of(0x4000'0000, GiB, 0x80'0000'0000 | row.raw | raw_block, 2));
        EXPECT_EQ(m.port.invalidations, 0U);
        EXPECT_EQ(m.table.counters().breaks, 0U);
        EXPECT_EQ(m.owed.empty(), !row.owes);
        if (row.owes) {
            ASSERT_EQ(m.owed.ranges().size(), 1U);
            EXPECT_EQ(m.owed.ranges()[0], (InvalidationRange{Ipa{0x4000'0000}, 2 * GiB, 1}));
            EXPECT_EQ(m.owed.scope(), row.scope);
            EXPECT_TRUE(m.owed.leaf_only());
        }
    }
}

// Follows one entry through an operation: a valid value may be followed only by itself with
// permission bits changed, or by invalid and then an invalidation.
class Watch {
public:
    Watch(Machine& m, std::initializer_list<unsigned> path)
        : m_{m},
          path_{path},
          note_{m.port.on_invalidate} {
        last_ = now();
        m.port.on_change = [this] { look(); };
        m.port.on_invalidate = [this](const Invalidation& all) {
            EXPECT_EQ(now() & 1, 0U) << "still valid while it is invalidated";
            EXPECT_EQ(frees_, 0U) << "freed before the invalidation";
            invalidated_ = true;
            note_(all);
        };
        m.port.on_free = [this](Pa, std::uint64_t) {
            EXPECT_TRUE(invalidated_);
            ++frees_;
        };
    }
    ~Watch() {
        m_.port.on_change = nullptr;
        m_.port.on_free = nullptr;
        m_.port.on_invalidate = note_;
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    unsigned frees() const { return frees_; }

private:
    std::uint64_t now() {
        return path_.size() == 1 ? m_.raw({path_[0]}) : m_.raw({path_[0], path_[1]});
    }
    void look() {
        const std::uint64_t value = now();
        if ((last_ & 1) != 0 && value != last_) {
            EXPECT_EQ(value & 1, 0U) << "replaced without a break";
        }
        if ((last_ & 1) == 0 && (value & 1) != 0) {
            EXPECT_TRUE(invalidated_) << "valid again before the invalidation";
        }
        last_ = value;
    }

    Machine& m_;
    std::vector<unsigned> path_;
    std::function<void(const Invalidation&)> note_;
    std::uint64_t last_ = 0;
    bool invalidated_ = false;
    unsigned frees_ = 0;
};

TEST(Map, BreaksWhereTheOutputOrTypeChanges) {
    for (const bool output : {true, false}) {
        Machine m{full_features(), three_levels()};
        ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
        Watch watch{m, {1}};
        MapRequest r = request(0x4000'0000, output ? 0xc0'0000'0000 : 0x80'0000'0000, GiB);
        if (!output) {
            r.attributes.type = MemoryType::normal_nc;
        }
        ASSERT_TRUE(m.table.map(r, m.owed));
        EXPECT_EQ(m.raw({1}), output ? 0xc0'0000'07d9U : 0x80'0000'07d5U);
        EXPECT_EQ(m.port.invalidations, 1U);
        ASSERT_EQ(m.discharged.size(), 1U);
        EXPECT_EQ(m.discharged[0].ranges,
                  (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1}}));
        EXPECT_EQ(m.discharged[0].scope, InvalidationScope::inner_shareable);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.table.counters().breaks, 1U);
    }
}

TEST(Map, ReplacesATableByABlockAfterOneInvalidation) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    // A table with 512 tables of pages below it.
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rwx(), 4 * KiB),
                            m.owed));
    EXPECT_EQ(m.port.live(), 1U + 513U);
    {
        Watch watch{m, {1}};
        ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
        EXPECT_EQ(watch.frees(), 513U);
    }
    EXPECT_EQ(m.leaves(), (std::vector<RawLeaf>{{0x4000'0000, GiB, 0x80'0000'07d9}}));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges,
              (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, std::nullopt}}));
    EXPECT_FALSE(m.discharged[0].leaf_only);
    EXPECT_EQ(m.discharged[0].tables, 513U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.port.live(), 1U);
    EXPECT_EQ(m.table.counters().tables, 0U);
    EXPECT_EQ(m.table.counters().tables_made, 513U);
    EXPECT_EQ(m.table.counters().tables_freed, 513U);
}

TEST(Map, ReplacesABlockByATableAfterOneInvalidation) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB), m.owed));
    Watch watch{m, {1}};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rwx(), 2 * MiB),
                            m.owed));
    EXPECT_EQ(m.leaves(), run_of(0x4000'0000, 2 * MiB, 0x80'0000'07d9, 512));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.discharged[0].ranges, (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1}}));
}

TEST(Map, PartOfABlockIsReplacedAndTheRestStays) {
    Machine m{full_features(), three_levels()};
    MapRequest old = request(0x4000'0000, 0x80'0000'0000, GiB);
    old.attributes = {.permissions = Permissions::rw(), .access_flag = false, .software = 3};
    ASSERT_TRUE(m.table.map(old, m.owed));
    Watch watch{m, {1}};
    // Two pages in the second 2 MiB, to somewhere else.
    ASSERT_TRUE(m.table.map(request(0x4020'3000, 0xc0'0000'3000, 2 * 4 * KiB), m.owed));
    const std::uint64_t rest = 0x80'0000'0000 | (raw_rw & ~raw_af) | 0x0180'0000'0000'0000;
    EXPECT_EQ(m.leaves(),
              join({run_of(0x4000'0000, 2 * MiB, rest | raw_block, 1),
                    run_of(0x4020'0000, 4 * KiB, (rest + 0x20'0000) | raw_page, 3),
                    run_of(0x4020'3000, 4 * KiB, 0xc0'0000'3000 | raw_rwx | raw_page, 2),
                    run_of(0x4020'5000, 4 * KiB, (rest + 0x20'5000) | raw_page, 507),
                    run_of(0x4040'0000, 2 * MiB, (rest + 0x40'0000) | raw_block, 510)}));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_EQ(m.table.counters().blocks_split, 1U);
    EXPECT_EQ(m.table.counters().tables, 2U);
    EXPECT_EQ(m.port.live(), 3U);
}

// One range with a block cut at each end, a whole block and a table between.
TEST(Map, ReplacesAcrossEverythingAtOnce) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, 4 * GiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0xc000'0000}, 4 * KiB, m.owed));
    m.table.discharge(m.owed);
    m.discharged.clear();
    ASSERT_TRUE(m.table.map(request(0x7fe0'0000, 0xc0'3fe0'0000, 2 * GiB + 4 * MiB), m.owed));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'07d9, 511),
                                run_of(0x7fe0'0000, 2 * MiB, 0xc0'3fe0'07d9, 1),
                                run_of(0x8000'0000, GiB, 0xc0'4000'07d9, 2),
                                run_of(0x1'0000'0000, 2 * MiB, 0xc0'c000'07d9, 1),
                                run_of(0x1'0020'0000, 2 * MiB, 0x80'c020'07d9, 511)}));
    ASSERT_EQ(m.discharged.size(), 1U);
    EXPECT_EQ(m.port.live(), 1U + 2U);
    EXPECT_EQ(m.discharged[0].tables, 2U);
}

TEST(Map, NewSubtreeAppearsAtOnceAndWhole) {
    Machine m{full_features(), three_levels(), 8 * MiB};
    std::vector<std::uint64_t> seen;
    m.port.on_change = [&] {
        const std::uint64_t root_entry = m.raw({1});
        if (seen.empty() || seen.back() != root_entry) {
            seen.push_back(root_entry);
        }
        if ((root_entry & 1) != 0) {
            EXPECT_EQ(m.translate(0x4000'0000), 0x80'0000'0000U);
            EXPECT_EQ(m.translate(0x7fff'ffff), 0x80'3fff'ffffU);
            EXPECT_EQ(m.translate(0x5234'5678), 0x80'1234'5678U);
        }
    };
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, GiB, Permissions::rwx(), 4 * KiB),
                            m.owed));
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.back() & 3, 3U);
    EXPECT_LE(seen.size(), 2U); // empty, table
}

TEST(Map, DischargesFirstWhatIsOwedInItsRange) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0x80'0000'0000, 2 * GiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0x4000'0000}, GiB, m.owed));
    ASSERT_FALSE(m.owed.empty());
    // Elsewhere: may wait.
    ASSERT_TRUE(m.table.map(request(0x1'0000'0000, 0, GiB), m.owed));
    EXPECT_EQ(m.port.invalidations, 0U);
    ASSERT_FALSE(m.owed.empty());
    // Here: nothing valid before it is done.
    m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
        EXPECT_EQ(m.raw({1}) & 1, 0U);
        note(all);
    };
    ASSERT_TRUE(m.table.map(request(0x4000'0000, 0xc0'0000'0000, GiB), m.owed));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.raw({1}), 0xc0'0000'07d9U);
}

TEST(Map, HardwareUpdatesOutsideThePartAreKept) {
    for (const bool dirty : {false, true}) {
        Machine m{full_features(), three_levels()};
        MapRequest old = request(0x4000'0000, 0x80'0000'0000, GiB);
        old.attributes = {.permissions = Permissions::r(), .access_flag = false, .dbm = true};
        ASSERT_TRUE(m.table.map(old, m.owed));
        unsigned updates = 0;
        m.port.on_atomic = [&](std::uint64_t& word) {
            if ((word & 1) != 0 && updates++ == 0) {
                word |= raw_af | (dirty ? raw_write : 0);
            }
        };
        ASSERT_TRUE(m.table.map(request(0x4000'0000, 0xc0'0000'0000, 2 * MiB), m.owed));
        EXPECT_EQ(updates, 2U); // the first try to break the block met the update
        EXPECT_EQ(m.leaves(),
                  join({run_of(0x4000'0000, 2 * MiB, 0xc0'0000'07d9, 1),
                        run_of(0x4020'0000, 2 * MiB,
                               0x80'0020'0001 | raw_r | raw_dbm | (dirty ? raw_write : 0), 511)}));
    }
}

// A compare-and-swap that hardware gets ahead of is tried again on what is there now.
TEST(Map, ReplacementInPlaceTakesHardwareUpdatesIntoAccount) {
    Machine m{full_features(), three_levels()};
    MapRequest r = request(0x4000'0000, 0x80'0000'0000, GiB);
    r.attributes = {.permissions = Permissions::r(), .access_flag = false};
    ASSERT_TRUE(m.table.map(r, m.owed));
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t& word) {
        if (calls++ == 0) {
            word |= raw_af;
        }
    };
    r.attributes.software = 1;
    ASSERT_TRUE(m.table.map(r, m.owed));
    // The request has AF clear; with AF set by hardware the entry may be cached.
    EXPECT_EQ(calls, 2U);
    EXPECT_EQ(m.raw({1}), (0x80'0000'0001 | raw_r | 0x0080'0000'0000'0000) & ~raw_af);
    EXPECT_FALSE(m.owed.empty());
}

// The same fault on a second CPU: what was written after the first must stay dirty.
TEST(Map, TheSameAgainKeepsDirtyState) {
    Machine m{full_features(), three_levels()};
    MapRequest clean = request(0x4000'0000, 0x80'0000'0000, GiB);
    clean.attributes = {.permissions = Permissions::r(), .dbm = true};
    ASSERT_TRUE(m.table.map(clean, m.owed));
    const std::uint64_t dirty = m.raw({1}) | raw_write;
    m.set_raw({1}, dirty);
    ASSERT_TRUE(m.table.map(clean, m.owed));
    EXPECT_EQ(m.raw({1}), dirty);
    EXPECT_TRUE(m.owed.empty());
    // Other memory is clean.
    clean.pa = Pa{0x90'0000'0000};
    ASSERT_TRUE(m.table.map(clean, m.owed));
    EXPECT_EQ(m.raw({1}), dirty + 0x10'0000'0000 - raw_write);
}

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

TEST(Stage2, MovesAndFreesAllItsTables) {
    HostPort port{Machine::arena_base, 8 * MiB};
    Invalidation owed;
    {
        const auto geometry = *Geometry::make(full_features(), three_levels());
        Stage2<HostPort> table{port, geometry, full_features(),
                               *Stage2<HostPort>::allocate_root(port, geometry)};
        ASSERT_TRUE(table.map(request(0x4000'1000, 0, GiB), owed));
        // IPA and PA differ by 4 KiB modulo 2 MiB: pages over two entries of level 1 (2 tables),
        // 513 tables of pages.
        EXPECT_EQ(port.live(), 1U + 2U + 513U);
        const Pa root = table.root();
        const Stage2<HostPort> moved{std::move(table)};
        EXPECT_EQ(moved.root(), root);
        EXPECT_EQ(port.live(), 516U);
    }
    EXPECT_TRUE(owed.empty());
    EXPECT_EQ(port.live(), 0U);
}

} // namespace
} // namespace twofold::test
