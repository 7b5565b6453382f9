// SPDX-License-Identifier: MIT
// Stage2::protect(), relax() and make_young(): bits of live leaves change in place, and what
// hardware writes beside it is never lost.
#include "bad_ranges.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

constexpr auto everywhere = InvalidationScope::inner_shareable;
constexpr auto local = InvalidationScope::local;

TEST(Protect, WholeLeavesChangeInPlace) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB + 2 * MiB + 4 * KiB);
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 3U); };
    ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, 2 * GiB, Permissions::r(), m.owed));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, GiB, 0x80'0000'0001 | raw_r, 1),
                                run_of(0x8000'0000, 2 * MiB, 0x80'4000'0001 | raw_r, 1),
                                run_of(0x8020'0000, 4 * KiB, 0x80'4020'0003 | raw_r, 1)}));
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1},
                                                                 {Ipa{0x8000'0000}, 2 * MiB, 2},
                                                                 {Ipa{0x8020'0000}, 4 * KiB, 3}}));
    EXPECT_EQ(m.owed.scope(), everywhere);
    EXPECT_TRUE(m.owed.leaf_only());
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.table.counters().breaks, 0U);
}

TEST(Protect, AddingIsLocalAndTheSameIsNothing) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB, with(Permissions::r()));
    ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, GiB, Permissions::r(), m.owed));
    EXPECT_TRUE(m.owed.empty());
    ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, GiB, Permissions::rx(), m.owed));
    EXPECT_EQ(m.raw({1}), 0x80'0000'0001 | raw_rx);
    EXPECT_EQ(m.owed.scope(), local);
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1}}));
    ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, GiB, Permissions::rw(), m.owed));
    EXPECT_EQ(m.raw({1}), 0x80'0000'0001 | raw_rw);
    EXPECT_EQ(m.owed.scope(), everywhere);
    EXPECT_EQ(ranges_of(m.owed).size(), 1U);
}

TEST(Protect, EveryPermissionByItsBits) {
    struct Row {
        Permissions permissions = {};
        std::uint64_t bits = {}; // [7:6] and [54:53]
    };
    const Row rows[] = {
        {{}, 0x0040'0000'0000'0000},
        {{.write = true}, 0x0040'0000'0000'0080},
        {{.read = true, .execute_el0 = true}, 0x0020'0000'0000'0040},
        {{.read = true, .execute_el1 = true}, 0x0060'0000'0000'0040},
        {Permissions::rwx(), 0x0000'0000'0000'00c0},
        {{.execute_el1 = true, .execute_el0 = true}, 0},
    };
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB, {.permissions = Permissions::rw(), .software = 15});
    for (const Row& row : rows) {
        ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, GiB, row.permissions, m.owed));
        EXPECT_EQ(m.raw({1}), 0x0780'0080'0000'0719 | row.bits);
        const auto at = [&](model::AccessKind kind, model::AccessLevel level) {
            return m.walk(0x4000'0000, {.kind = kind, .level = level}).translated();
        };
        using model::AccessKind;
        using model::AccessLevel;
        EXPECT_EQ(at(AccessKind::load, AccessLevel::el1), row.permissions.read);
        EXPECT_EQ(at(AccessKind::store, AccessLevel::el1), row.permissions.write);
        EXPECT_EQ(at(AccessKind::fetch, AccessLevel::el1), row.permissions.execute_el1);
        EXPECT_EQ(at(AccessKind::fetch, AccessLevel::el0), row.permissions.execute_el0);
    }
}

TEST(Protect, HolesStayHoles) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'1000, 0x80'0000'0000, 4 * KiB);
    map(m, 0x8000'0000, 0x80'4000'0000, GiB);
    ASSERT_TRUE(m.table.protect(Ipa{0}, std::uint64_t{1} << 40, Permissions::r(), m.owed));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'1000, 4 * KiB, 0x80'0000'0003 | raw_r, 1),
                                run_of(0x8000'0000, GiB, 0x80'4000'0001 | raw_r, 1)}));
    m.table.discharge(m.owed);
    const auto before = m.memory();
    ASSERT_TRUE(m.table.protect(Ipa{0x1'0000'0000}, GiB, Permissions::rwx(), m.owed));
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.memory(), before);
}

TEST(Protect, PartOfABlockAloneChanges) {
    struct Row {
        const char* name = {};
        bool fwb = {};
        Attributes attributes = {};
        std::uint64_t raw = {};       // bits of a block beside its address
        std::uint64_t read_only = {}; // the same, read-only
    };
    const Row rows[] = {
        {"WB", true, with(Permissions::rwx()), raw_rwx | 1, raw_r | 1},
        {"Device",
         false,
         {.permissions = Permissions::rw(), .type = MemoryType::device_nGnRE, .software = 6},
         0x0340'0000'0000'07c5,
         0x0340'0000'0000'0745},
        {"NC",
         true,
         {.permissions = Permissions::rw(), .type = MemoryType::normal_nc},
         0x0040'0000'0000'07d5,
         0x0040'0000'0000'0755},
        {"old",
         true,
         {.permissions = Permissions::rw(), .access_flag = false},
         0x0040'0000'0000'03d9,
         0x0040'0000'0000'0359},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        CpuFeatures features = full_features();
        features.fwb = row.fwb;
        Machine m{features, three_levels()};
        map(m, 0x4000'0000, 0x80'0000'0000, GiB, row.attributes);
        m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& all) {
            EXPECT_EQ(m.raw({1}) & 3, 2U);
            note(all);
        };
        ASSERT_TRUE(m.table.protect(Ipa{0x4020'1000}, 4 * KiB, Permissions::r(), m.owed));
        EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'0000 | row.raw, 1),
                                    run_of(0x4020'0000, 4 * KiB, 0x80'0020'0002 | row.raw, 1),
                                    run_of(0x4020'1000, 4 * KiB, 0x80'0020'1002 | row.read_only, 1),
                                    run_of(0x4020'2000, 4 * KiB, 0x80'0020'2002 | row.raw, 510),
                                    run_of(0x4040'0000, 2 * MiB, 0x80'0040'0000 | row.raw, 510)}));
        ASSERT_EQ(m.discharged.size(), 1U);
        EXPECT_EQ(m.discharged[0].ranges,
                  (std::vector<InvalidationRange>{{Ipa{0x4000'0000}, GiB, 1}}));
        EXPECT_EQ(m.discharged[0].scope, everywhere);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.table.counters().blocks_split, 1U);
    }
}

TEST(Protect, BlocksOfEveryFormatKeepTheirOutput) {
    struct Row {
        const char* name = {};
        GeometryRequest request = {};
        std::uint64_t block = {};
        std::uint64_t pa = {};
    };
    const Row rows[] = {
        {"4K LPA2", five_levels(), 512 * GiB, 0x000a'1000'0000'0000},
        {"16K LPA2",
         {.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true},
         64 * GiB,
         0x000d'1000'0000'0000},
        {"64K", {.granule = Granule::k64, .ipa_bits = 52}, 4 * TiB, 0x000b'1000'0000'0000},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), row.request, 4 * MiB};
        const std::uint64_t page = m.geometry.page_size();
        map(m, row.block, row.pa, row.block);
        const std::uint64_t at = row.block + row.block / 2;
        ASSERT_TRUE(m.table.protect(Ipa{at}, page, Permissions::r(), m.owed));
        for (const std::uint64_t ipa :
             {row.block, at - 1, at, at + page - 1, at + page, 2 * row.block - 1}) {
            EXPECT_EQ(m.translate(ipa), row.pa + (ipa - row.block));
            EXPECT_EQ(m.walk(ipa, {.kind = model::AccessKind::store}).translated(),
                      ipa < at || ipa >= at + page);
        }
    }
}

TEST(Protect, CutsABlockAtEachEndAndChangesWhatLiesBetween) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 3 * GiB);
    ASSERT_TRUE(m.table.protect(Ipa{0x7fe0'0000}, GiB + 4 * MiB, Permissions::r(), m.owed));
    EXPECT_EQ(m.leaves(), join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'0001 | raw_rwx, 511),
                                run_of(0x7fe0'0000, 2 * MiB, 0x80'3fe0'0001 | raw_r, 1),
                                run_of(0x8000'0000, GiB, 0x80'4000'0001 | raw_r, 1),
                                run_of(0xc000'0000, 2 * MiB, 0x80'8000'0001 | raw_r, 1),
                                run_of(0xc020'0000, 2 * MiB, 0x80'8020'0001 | raw_rwx, 511)}));
    EXPECT_EQ(m.port.invalidations, 1U);
    EXPECT_TRUE(m.owed.empty());
}

TEST(Protect, HardwareUpdatesAreKept) {
    for (const bool part : {false, true}) {
        Machine m{full_features(), three_levels()};
        map(m, 0x4000'0000, 0x80'0000'0000, GiB,
            {.permissions = Permissions::rw(), .access_flag = false});
        unsigned calls = 0;
        m.port.on_atomic = [&](std::uint64_t& word) {
            ++calls;
            word |= raw_af;
        };
        const std::uint64_t length = part ? 2 * MiB : GiB;
        ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, length, Permissions::r(), m.owed));
        if (part) {
            EXPECT_EQ(calls, 2U); // the first try to break the block met the update
            EXPECT_EQ(m.leaves(),
                      join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'0001 | raw_r, 1),
                            run_of(0x4020'0000, 2 * MiB, 0x80'0020'0001 | raw_rw, 511)}));
        } else {
            EXPECT_EQ(calls, 2U);
            EXPECT_EQ(m.raw({1}), 0x80'0000'0001 | raw_r);
            // Was not cached when the call began; is now, with the write permission.
            EXPECT_EQ(m.owed.scope(), everywhere);
            EXPECT_FALSE(m.owed.empty());
        }
    }
}

TEST(Protect, DirtyStateOutsideThePartIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB, {.permissions = Permissions::r(), .dbm = true});
    m.port.on_atomic = [](std::uint64_t& word) { word |= raw_write; };
    ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, 2 * MiB, Permissions::rx(), m.owed));
    EXPECT_EQ(m.leaves(),
              join({run_of(0x4000'0000, 2 * MiB, 0x80'0000'0001 | raw_rx, 1),
                    run_of(0x4020'0000, 2 * MiB, 0x80'0020'0001 | raw_rw | raw_dbm, 511)}));
}

// Read-only with DBM would be writable-clean: hardware would let the write through.
TEST(Protect, ReadOnlyTakesTheDirtyBitModifierAway) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB, {.permissions = Permissions::rw(), .dbm = true});
    ASSERT_TRUE(m.table.protect(Ipa{0x4000'0000}, GiB, Permissions::r(), m.owed));
    EXPECT_EQ(m.raw({1}), 0x80'0000'0001 | raw_r);
    EXPECT_EQ(m.owed.scope(), InvalidationScope::inner_shareable);
}

TEST(Protect, EveryErrorChangesNothing) {
    CpuFeatures features = full_features();
    features.xnx = false;
    Machine m{features, three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB);
    const auto before = m.memory();
    const auto expect_error = [&](const BadRange& row, Permissions permissions) {
        const auto result = m.table.protect(Ipa{row.ipa}, row.length, permissions, m.owed);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error(), row.error);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
    };
    for (const BadRange& row : bad_ranges) {
        expect_error(row, Permissions::r());
    }
    const BadRange without_xnx{0x4000'0000, GiB, Error::execute_needs_xnx};
    expect_error(without_xnx, {.read = true, .execute_el0 = true});
    expect_error(without_xnx, {.read = true, .execute_el1 = true});
}

TEST(Relax, AddsToTheOneLeafThatFaulted) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 2 * GiB, {.permissions = Permissions::r(), .software = 2});
    m.port.on_change = [&] { EXPECT_EQ(m.leaves().size(), 2U); };
    ASSERT_TRUE(m.table.relax(Ipa{0x9234'5678}, {.write = true}, m.owed));
    const std::uint64_t software = 0x0100'0000'0000'0000;
    EXPECT_EQ(m.raw({1}), 0x80'0000'0001 | raw_r | software);
    EXPECT_EQ(m.raw({2}), 0x80'4000'0001 | raw_rw | software);
    EXPECT_EQ(ranges_of(m.owed), (std::vector<InvalidationRange>{{Ipa{0x8000'0000}, GiB, 1}}));
    EXPECT_EQ(m.owed.scope(), local);
    EXPECT_TRUE(m.owed.leaf_only());
    m.table.discharge(m.owed);
    // What it has already, or less, is nothing.
    ASSERT_TRUE(m.table.relax(Ipa{0x8000'0000}, Permissions::rw(), m.owed));
    ASSERT_TRUE(m.table.relax(Ipa{0x8000'0000}, Permissions::r(), m.owed));
    ASSERT_TRUE(m.table.relax(Ipa{0x8000'0000}, {}, m.owed));
    EXPECT_TRUE(m.owed.empty());
    EXPECT_EQ(m.raw({2}), 0x80'4000'0001 | raw_rw | software);
    // Execution for one level beside the other's.
    ASSERT_TRUE(m.table.relax(Ipa{0x8000'0000}, {.execute_el0 = true}, m.owed));
    EXPECT_EQ(m.raw({2}), 0x0120'0080'4000'07d9U);
    ASSERT_TRUE(m.table.relax(Ipa{0x8000'0000}, {.execute_el1 = true}, m.owed));
    EXPECT_EQ(m.raw({2}), 0x0100'0080'4000'07d9U);
    EXPECT_EQ(m.owed.scope(), local);
}

// Between the look at the leaf and the swap, hardware makes a writable-clean leaf dirty.
TEST(Relax, DirtyStateThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, GiB,
        {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t& word) {
        ++calls;
        word |= raw_write | raw_af;
    };
    ASSERT_TRUE(m.table.relax(Ipa{0x4000'0000}, Permissions::rx(), m.owed));
    EXPECT_EQ(calls, 2U);
    EXPECT_EQ(m.raw({1}), 0x80'0000'0001 | raw_rwx | raw_dbm);
    EXPECT_EQ(m.owed.scope(), local);
}

TEST(Relax, EveryErrorChangesNothing) {
    CpuFeatures features = full_features();
    features.xnx = false;
    Machine m{features, three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 4 * KiB, with(Permissions::r()));
    const auto before = m.memory();
    EXPECT_EQ(m.table.relax(Ipa{std::uint64_t{1} << 40}, {}, m.owed).error(),
              Error::ipa_out_of_range);
    EXPECT_EQ(m.table.relax(Ipa{0x4000'1000}, Permissions::r(), m.owed).error(), Error::not_mapped);
    EXPECT_EQ(m.table.relax(Ipa{0x8000'0000}, Permissions::r(), m.owed).error(), Error::not_mapped);
    EXPECT_EQ(m.table.relax(Ipa{0x4000'0000}, {.execute_el0 = true}, m.owed).error(),
              Error::execute_needs_xnx);
    EXPECT_EQ(m.memory(), before);
    EXPECT_TRUE(m.owed.empty());
}

TEST(MakeYoung, SetsTheFlagAndOwesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 2 * GiB,
        {.permissions = Permissions::rw(), .access_flag = false, .software = 1});
    const auto fault = m.walk(0x8765'4321, {});
    ASSERT_TRUE(fault.faulted(model::FaultKind::access_flag, 1));
    const unsigned completions = m.port.completions;
    ASSERT_TRUE(m.table.make_young(Ipa{0x8765'4321}));
    const std::uint64_t software = 0x0080'0000'0000'0000;
    EXPECT_EQ(m.raw({1}), (0x80'0000'0001 | raw_rw | software) & ~raw_af);
    EXPECT_EQ(m.raw({2}), 0x80'4000'0001 | raw_rw | software);
    EXPECT_GT(m.port.completions, completions);
    EXPECT_EQ(m.port.invalidations, 0U);
    EXPECT_EQ(m.translate(0x8765'4321), 0x80'4765'4321U);
    // Young already.
    const auto before = m.memory();
    ASSERT_TRUE(m.table.make_young(Ipa{0x8000'0000}));
    EXPECT_EQ(m.memory(), before);
}

TEST(MakeYoung, DirtyStateThatArrivesMeanwhileIsKept) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 4 * KiB,
        {.permissions = Permissions::r(), .access_flag = false, .dbm = true});
    unsigned calls = 0;
    m.port.on_atomic = [&](std::uint64_t& word) {
        ++calls;
        word |= raw_write;
    };
    ASSERT_TRUE(m.table.make_young(Ipa{0x4000'0abc}));
    EXPECT_EQ(calls, 2U);
    EXPECT_EQ(m.raw({1, 0, 0}), 0x80'0000'0003 | raw_rw | raw_dbm);
}

TEST(MakeYoung, EveryErrorChangesNothing) {
    Machine m{full_features(), three_levels()};
    map(m, 0x4000'0000, 0x80'0000'0000, 4 * KiB);
    const auto before = m.memory();
    EXPECT_EQ(m.table.make_young(Ipa{std::uint64_t{1} << 40}).error(), Error::ipa_out_of_range);
    EXPECT_EQ(m.table.make_young(Ipa{0x4000'1000}).error(), Error::not_mapped);
    EXPECT_EQ(m.memory(), before);
}

} // namespace
} // namespace twofold::test
