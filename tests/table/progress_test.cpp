// SPDX-License-Identifier: MIT
// Operations in steps: how much one call does, and that all of them together do the whole.
#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

namespace twofold::test {
namespace {

// An address space of which almost nothing is there costs almost nothing.
TEST(Progress, UnmapCostsTheTablesThatAreThere) {
    Machine m{full_features(), five_levels()};
    ASSERT_TRUE(m.table.map(request(std::uint64_t{1} << 50, first_pa, 4 * KiB), m.owed));
    ASSERT_TRUE(m.table.unmap(Ipa{0}, std::uint64_t{1} << 52, m.owed));
    EXPECT_EQ(m.port.invalidations, 0U);
    m.table.discharge(m.owed);
    EXPECT_EQ(m.port.live(), 1U);
    // Again: nothing is there, so nothing is owed.
    ASSERT_TRUE(m.table.unmap(Ipa{0}, std::uint64_t{1} << 52, m.owed));
    EXPECT_TRUE(m.owed.empty());
}

TEST(Progress, StepsAddUpToTheWhole) {
    Machine whole{full_features(), three_levels(), 8 * MiB};
    Machine steps{full_features(), three_levels(), 8 * MiB};
    MapRequest r = request(first_ipa - 12 * KiB, first_pa - 12 * KiB, 6 * MiB);
    r.max_size = 4 * KiB;
    ASSERT_TRUE(whole.table.map(r, whole.owed));
    Progress progress;
    unsigned calls = 0;
    do {
        progress.budget = 100;
        ASSERT_TRUE(steps.table.map(r, steps.owed, &progress));
        ASSERT_LT(++calls, 40U);
    } while (progress.next < r.ipa + r.length);
    EXPECT_GE(calls, 14U); // 1536 pages by runs of 16
    EXPECT_EQ(steps.leaves(), whole.leaves());

    const Ipa ipa = r.ipa + 4 * KiB;
    const std::uint64_t length = 5 * MiB;
    ASSERT_TRUE(whole.table.protect(ipa, length, Permissions::r(), whole.owed));
    progress = {};
    calls = 0;
    do {
        progress.budget = 100;
        ASSERT_TRUE(steps.table.protect(ipa, length, Permissions::r(), steps.owed, &progress));
        ASSERT_LT(++calls, 40U);
    } while (progress.next < ipa + length);
    EXPECT_GE(calls, 12U);
    EXPECT_EQ(steps.leaves(), whole.leaves());
}

// A budget is a number of entries: an operation stops soon after it, says how far it came, and
// goes on from there. Soon: at the end of the table of 512 leaves, or of the run of 16.
TEST(Progress, OperationsOnLeavesStopAtTheirBudget) {
    constexpr std::uint64_t pages = 4096;
    constexpr std::uint64_t length = pages * 4 * KiB;
    using Step = std::function<bool(Machine&, Progress&)>;
    const auto visit = [](Ipa, std::uint64_t) {};
    const auto ok = [](const auto& result) { return result.has_value(); };
    const Ipa ipa{first_ipa};
    struct Row {
        const char* name = {};
        std::uint64_t budget = {};
        std::uint64_t most = {}; // pages in one call
        Step step = {};
    };
    const Row rows[] = {
        {"map", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.map(
                 request(first_ipa, first_pa + GiB, length, Permissions::rwx(), 4 * KiB), m.owed,
                 &p));
         }},
        // A table that goes as a whole is one entry.
        {"unmap", 2, 2 * 512,
         [&](Machine& m, Progress& p) { return ok(m.table.unmap(ipa, length, m.owed, &p)); }},
        {"protect", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.protect(ipa, length, Permissions::r(), m.owed, &p));
         }},
        {"write_protect", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.write_protect(ipa, length, m.owed, &p));
         }},
        {"test_and_clear_young", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.test_and_clear_young(ipa, length, visit, &m.owed, &p));
         }},
        {"collect_dirty", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.collect_dirty(ipa, length, m.owed, visit, &p));
         }},
        {"track_writes", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.track_writes(ipa, length, m.owed, visit, &p));
         }},
        {"collapse", 100, 100 + 512,
         [&](Machine& m, Progress& p) {
             return ok(m.table.collapse(ipa, length, m.owed, 2 * MiB, &p));
         }},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Machine m{full_features(), three_levels()};
        map(m, first_ipa, first_pa, length, {.permissions = Permissions::rw(), .dbm = true},
            4 * KiB);
        Progress progress;
        Ipa before = ipa;
        unsigned calls = 0;
        do {
            progress.budget = row.budget;
            ASSERT_TRUE(row.step(m, progress));
            ASSERT_GT(progress.next, before);
            ASSERT_LE(progress.next - before, row.most * 4 * KiB);
            before = progress.next;
            ++calls;
        } while (progress.next < ipa + length);
        EXPECT_EQ(progress.next, ipa + length);
        EXPECT_GE(calls, pages / row.most);
        m.table.discharge(m.owed);
    }
}

// What a split costs is the number of blocks.
TEST(Progress, ASplitStopsAtItsBudget) {
    Machine m{full_features(), three_levels()};
    map(m, first_ipa, first_pa, 64 * GiB);
    Progress progress;
    for (unsigned calls = 1; calls <= 8; ++calls) {
        progress.budget = 8;
        ASSERT_TRUE(m.table.split(Ipa{first_ipa}, 64 * GiB, 2 * MiB, m.owed, &progress));
        EXPECT_EQ(progress.next, Ipa{first_ipa + calls * 8 * GiB});
        EXPECT_EQ(m.table.counters().blocks_split, calls * 8);
    }
}

} // namespace
} // namespace twofold::test
