// SPDX-License-Identifier: MIT
// plan_invalidation(): operands are taken apart by hand, and what they cover together must be
// exactly what was owed.
#include "machine.hpp"

#include <twofold/table/invalidation_plan.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace twofold::test {
namespace {

struct Owed : Invalidation {
    ~Owed() { clear(); }
};

struct Cpu {
    GeometryRequest request;
    bool ttl = true;
    bool range = true;

    CpuFeatures features() const {
        CpuFeatures f = full_features();
        f.ttl = ttl;
        f.tlbi_range = range;
        return f;
    }
    Geometry geometry() const { return *Geometry::make(features(), request); }
    unsigned page_bits() const {
        return request.granule == Granule::k4 ? 12 : request.granule == Granule::k16 ? 14 : 16;
    }
    // [47:46] TG of a range, [47:46] of a TTL
    std::uint64_t tg() const {
        return request.granule == Granule::k4 ? 1 : request.granule == Granule::k16 ? 2 : 3;
    }
};

std::vector<TlbiOperation> plan(const Cpu& cpu, const Invalidation& owed) {
    std::vector<TlbiOperation> all;
    plan_invalidation(cpu.geometry(), cpu.features(), owed,
                      [&](const TlbiOperation& op) { all.push_back(op); });
    return all;
}
std::vector<TlbiOperation> plan_leaf(const Cpu& cpu, std::uint64_t ipa, std::uint64_t bytes,
                                     Level level) {
    Owed owed;
    owed.add_leaf(Ipa{ipa}, bytes, level);
    return plan(cpu, owed);
}

constexpr std::uint64_t bits(std::uint64_t word, unsigned high, unsigned low) {
    return (word >> low) & ((std::uint64_t{2} << (high - low)) - 1);
}

struct Span {
    std::uint64_t start = {};
    std::uint64_t end = {};
    std::uint64_t hint = {}; // the level hint of the operand, 0 for none
    bool by_range = {};
};

// What one operation removes, entries being of `entry_bits`.
Span span_of(const Cpu& cpu, const TlbiOperation& op, unsigned entry_bits) {
    const std::uint64_t x = op.operand;
    EXPECT_EQ(bits(x, 63, 63), 0U) << "NS";
    if (op.kind == TlbiKind::ipas2) {
        EXPECT_EQ(bits(x, 62, 48), 0U);
        EXPECT_EQ(bits(x, 43, 40), 0U);
        const std::uint64_t start = bits(x, 39, 0) << 12;
        const std::uint64_t ttl = bits(x, 47, 44);
        if (ttl != 0) {
            EXPECT_EQ(ttl >> 2, cpu.tg());
        }
        return {start, start + (std::uint64_t{1} << entry_bits), ttl, false};
    }
    EXPECT_EQ(bits(x, 62, 48), 0U);
    EXPECT_EQ(bits(x, 47, 46), cpu.tg());
    const std::uint64_t unit = cpu.request.lpa2 ? 16 : cpu.page_bits();
    const std::uint64_t start = bits(x, 36, 0) << unit;
    const std::uint64_t scale = bits(x, 45, 44);
    const std::uint64_t pages = (bits(x, 43, 39) + 1) << (5 * scale + 1);
    return {start, start + (pages << cpu.page_bits()), bits(x, 38, 37), true};
}

// Each operation begins where the last one ended: exactly the range, nothing twice.
void expect_exact(const Cpu& cpu, const std::vector<TlbiOperation>& ops, std::uint64_t start,
                  std::uint64_t end, unsigned entry_bits, std::uint64_t ipa_hint,
                  std::uint64_t range_hint) {
    std::uint64_t at = start;
    for (const TlbiOperation& op : ops) {
        ASSERT_NE(op.kind, TlbiKind::vmalls12);
        const Span span = span_of(cpu, op, entry_bits);
        ASSERT_EQ(span.start, at);
        ASSERT_EQ(span.hint, span.by_range ? range_hint : ipa_hint);
        if (span.by_range) {
            ASSERT_TRUE(cpu.range);
            ASSERT_EQ(span.start % (std::uint64_t{1} << entry_bits), 0U);
        }
        at = span.end;
    }
    ASSERT_EQ(at, end);
}

// Instructions for `pages` from an address that BaseADDR can express: a digit in base 32 of the
// pairs of pages is one range operation, an odd page is one by IPA.
std::uint64_t most_operations(std::uint64_t pages) {
    std::uint64_t count = pages & 1;
    for (std::uint64_t pairs = pages >> 1; pairs != 0; pairs >>= 5) {
        count += (pairs & 31) != 0;
    }
    return count;
}

TEST(InvalidationPlan, NothingOwedPlansNothing) {
    const Cpu cpu{.request = three_levels()};
    EXPECT_TRUE(plan(cpu, Invalidation{}).empty());
    // Tables to free alone need no TLBI.
    Owed tables;
    tables.tables().count = 1;
    EXPECT_TRUE(plan(cpu, tables).empty());
}

TEST(InvalidationPlan, WholeVmidIsOneInstructionWithoutOperand) {
    Owed owed;
    owed.add_leaf(Ipa{0x1000}, 0x1000, 3);
    owed.add_whole_vmid();
    const auto ops = plan({.request = three_levels()}, owed);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].kind, TlbiKind::vmalls12);
    EXPECT_FALSE(ops[0].last_level);
    EXPECT_EQ(ops[0].operand, 0U);
}

TEST(InvalidationPlan, OperandsByHand) {
    const Cpu cpu{.request = three_levels()};
    // One page: TTL 4K level 3 = 0111.
    auto ops = plan_leaf(cpu, 0x12'3456'7000, 0x1000, 3);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].kind, TlbiKind::ipas2);
    EXPECT_TRUE(ops[0].last_level);
    EXPECT_EQ(ops[0].operand, 0x0000'7000'0123'4567U);
    // 128 pages: TG 01, SCALE 1, NUM 1, TTL 11.
    ops = plan_leaf(cpu, 0x8000'0000, 128 * 0x1000, 3);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].kind, TlbiKind::ripas2);
    EXPECT_TRUE(ops[0].last_level);
    EXPECT_EQ(ops[0].operand, 0x0000'50e0'0008'0000U);
    // A table over 1 GiB: 2^18 pages are SCALE 3, NUM 3; no hint, and table entries go too.
    Owed owed;
    owed.add_table(Ipa{0x4000'0000}, GiB);
    ops = plan(cpu, owed);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].kind, TlbiKind::ripas2);
    EXPECT_FALSE(ops[0].last_level);
    EXPECT_EQ(ops[0].operand, 0x0000'7180'0004'0000U);
}

TEST(InvalidationPlan, EveryNumberOfPages) {
    for (const Granule granule : all_granules) {
        for (const bool lpa2 : {false, true}) {
            if (lpa2 && granule == Granule::k64) {
                continue;
            }
            const GeometryRequest request{.granule = granule, .ipa_bits = 48, .lpa2 = lpa2};
            for (const bool ttl : {false, true}) {
                for (const bool range : {false, true}) {
                    const Cpu cpu{request, ttl, range};
                    const std::uint64_t page = std::uint64_t{1} << cpu.page_bits();
                    const std::uint64_t ipa_hint = ttl ? cpu.tg() << 2 | 3 : 0;
                    const std::uint64_t range_hint = ttl ? 3 : 0;
                    // Pages before the next multiple of 64 KiB from each start.
                    for (const std::uint64_t off : {0U, 1U, 7U, 15U}) {
                        const std::uint64_t start = 0x12'0000'0000 + off * page;
                        const std::uint64_t before =
                            lpa2 ? (0x1'0000 - start % 0x1'0000) % 0x1'0000 / page : 0;
                        for (std::uint64_t pages = 1; pages <= 4096; ++pages) {
                            SCOPED_TRACE(pages);
                            const auto ops = plan_leaf(cpu, start, pages * page, 3);
                            if (!range && pages > 32) {
                                ASSERT_EQ(ops.size(), 1U);
                                ASSERT_EQ(ops[0].kind, TlbiKind::vmalls12);
                                continue;
                            }
                            expect_exact(cpu, ops, start, start + pages * page, cpu.page_bits(),
                                         ipa_hint, range_hint);
                            if (HasFatalFailure()) {
                                return;
                            }
                            const std::uint64_t head = std::min(before, pages);
                            ASSERT_LE(ops.size(), !range || pages <= 2
                                                      ? pages
                                                      : head + most_operations(pages - head));
                            ASSERT_LE(ops.size(), 32U);
                        }
                    }
                }
            }
        }
    }
}

TEST(InvalidationPlan, AroundTheLimitsOfRangeOperations) {
    constexpr std::uint64_t most = std::uint64_t{1} << 21; // pages of one operation
    struct Row {
        std::uint64_t pages = {};
        std::size_t operations = {};
    };
    const Row rows[] = {
        {most - 2, 4}, // 31 in each of the four scales
        {most - 1, 5},      {most, 1},      {most + 1, 2},   {most + 2, 2},
        {2 * most - 1, 6},  {2 * most, 2},  {32 * most, 32}, {31 * most + 2, 32},
        {32 * most - 1, 0}, // 31 + 4 + 1: the whole VMID costs less
        {32 * most + 2, 0}, {33 * most, 0},
    };
    for (const GeometryRequest& request :
         {GeometryRequest{.granule = Granule::k4, .ipa_bits = 48},
          GeometryRequest{.granule = Granule::k4, .ipa_bits = 48, .lpa2 = true},
          GeometryRequest{.granule = Granule::k16, .ipa_bits = 48},
          GeometryRequest{.granule = Granule::k64, .ipa_bits = 48}}) {
        const Cpu cpu{.request = request};
        const std::uint64_t start = std::uint64_t{1} << 36;
        for (const Row& row : rows) {
            SCOPED_TRACE(row.pages);
            const std::uint64_t bytes = row.pages << cpu.page_bits();
            const auto ops = plan_leaf(cpu, start, bytes, 3);
            if (row.operations == 0) {
                ASSERT_EQ(ops.size(), 1U);
                EXPECT_EQ(ops[0].kind, TlbiKind::vmalls12);
                continue;
            }
            EXPECT_EQ(ops.size(), row.operations);
            expect_exact(cpu, ops, start, start + bytes, cpu.page_bits(), cpu.tg() << 2 | 3, 3);
        }
    }
}

struct LevelRow {
    const char* name = {};
    GeometryRequest request = {};
    Level level = {};
    unsigned entry_bits = {};
    std::uint64_t ipa_hint = {};
    std::uint64_t range_hint = {};
    bool by_range = {}; // whether range operations reach this size
};

// TTL by IPA: [3:2] granule, [1:0] level. TTL of a range: the level, none for 0.
const LevelRow level_rows[] = {
    {"4K 2M", {.granule = Granule::k4, .ipa_bits = 48}, 2, 21, 0b0110, 2, true},
    {"4K 1G", {.granule = Granule::k4, .ipa_bits = 48}, 1, 30, 0b0101, 1, true},
    {"4K LPA2 2M", {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true}, 2, 21, 0b0110, 2, true},
    {"4K LPA2 1G", {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true}, 1, 30, 0b0101, 1, true},
    {"4K LPA2 512G",
     {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true},
     0,
     39,
     0b0100,
     0,
     false},
    {"16K 32M", {.granule = Granule::k16, .ipa_bits = 48}, 2, 25, 0b1010, 2, true},
    {"16K LPA2 64G",
     {.granule = Granule::k16, .ipa_bits = 51, .lpa2 = true},
     1,
     36,
     0b1001,
     1,
     false},
    {"64K 512M", {.granule = Granule::k64, .ipa_bits = 48}, 2, 29, 0b1110, 2, true},
    {"64K 4T", {.granule = Granule::k64, .ipa_bits = 48}, 1, 42, 0b1101, 1, false},
};

TEST(InvalidationPlan, BlocksOfEveryLevel) {
    for (const LevelRow& row : level_rows) {
        for (const bool ttl : {false, true}) {
            for (const bool range : {false, true}) {
                const Cpu cpu{row.request, ttl, range};
                const std::uint64_t entry = std::uint64_t{1} << row.entry_bits;
                // Starts that are no multiple of anything larger.
                for (const std::uint64_t first : {1U, 3U}) {
                    for (std::uint64_t count = 1; count <= 60; ++count) {
                        SCOPED_TRACE(row.name);
                        SCOPED_TRACE(count);
                        const auto ops = plan_leaf(cpu, first * entry, count * entry, row.level);
                        const bool ranged = range && row.by_range && count > 2;
                        if (!ranged && count > 32) {
                            ASSERT_EQ(ops.size(), 1U);
                            ASSERT_EQ(ops[0].kind, TlbiKind::vmalls12);
                            continue;
                        }
                        expect_exact(cpu, ops, first * entry, (first + count) * entry,
                                     row.entry_bits, ttl ? row.ipa_hint : 0,
                                     ttl ? row.range_hint : 0);
                        if (HasFatalFailure()) {
                            return;
                        }
                        if (ranged) {
                            const std::uint64_t pages = count << (row.entry_bits - cpu.page_bits());
                            // Whole operations of 2^21 pages, then one for each scale.
                            ASSERT_LE(ops.size(), pages / (1 << 21) + 3);
                        } else {
                            ASSERT_EQ(ops.size(), count);
                        }
                    }
                }
            }
        }
    }
}

// A table covers entries of any level: no hint, and named page by page only while that is few.
TEST(InvalidationPlan, TablesHaveNoHint) {
    for (const bool ttl : {false, true}) {
        for (const bool range : {false, true}) {
            const Cpu cpu{three_levels(), ttl, range};
            Owed owed;
            owed.add_table(Ipa{0x4020'0000}, 2 * MiB);
            const auto ops = plan(cpu, owed);
            ASSERT_EQ(ops.size(), 1U);
            if (!range) {
                EXPECT_EQ(ops[0].kind, TlbiKind::vmalls12);
                continue;
            }
            expect_exact(cpu, ops, 0x4020'0000, 0x4040'0000, 12, 0, 0);
            EXPECT_FALSE(ops[0].last_level);
        }
    }
}

TEST(InvalidationPlan, SeveralRangesInOrder) {
    const Cpu cpu{.request = three_levels()};
    Owed owed;
    owed.add_leaf(Ipa{0x1000}, 0x1000, 3);
    owed.add_leaf(Ipa{0x4000'0000}, 2 * GiB, 1);
    owed.add_leaf(Ipa{0x1'0000'0000}, 64 * 0x1000, 3);
    auto ops = plan(cpu, owed);
    ASSERT_EQ(ops.size(), 4U);
    expect_exact(cpu, {ops[0]}, 0x1000, 0x2000, 12, 0b0111, 3);
    expect_exact(cpu, {ops[1], ops[2]}, 0x4000'0000, 0xc000'0000, 30, 0b0101, 1);
    expect_exact(cpu, {ops[3]}, 0x1'0000'0000, 0x1'0004'0000, 12, 0b0111, 3);
    for (const TlbiOperation& op : ops) {
        EXPECT_TRUE(op.last_level);
    }
    // One changed table, and no instruction may keep to the last level.
    owed.add_table(Ipa{0x2'0000'0000}, 2 * MiB);
    ops = plan(cpu, owed);
    ASSERT_EQ(ops.size(), 5U);
    for (const TlbiOperation& op : ops) {
        EXPECT_FALSE(op.last_level);
    }
}

TEST(InvalidationPlan, LimitCountsAllRangesTogether) {
    const Cpu cpu{three_levels(), true, false};
    Owed owed;
    owed.add_leaf(Ipa{0x10'0000}, 16 * 0x1000, 3);
    owed.add_leaf(Ipa{0x20'0000}, 16 * 0x1000, 3);
    EXPECT_EQ(plan(cpu, owed).size(), 32U);
    owed.add_leaf(Ipa{0x30'0000}, 0x1000, 3);
    const auto ops = plan(cpu, owed);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].kind, TlbiKind::vmalls12);
}

// What the engine really owes for 1 GiB of pages, in whatever way it lies in the tables.
TEST(InvalidationPlan, UnmappingOneGibOfPagesCostsAtMostTwoRangeOperations) {
    for (const std::uint64_t start : {std::uint64_t{0x4000'0000}, std::uint64_t{0x5000'0000}}) {
        Machine m{full_features(), three_levels(), 8 * MiB};
        ASSERT_TRUE(m.table.map({.ipa = Ipa{start},
                                 .pa = Pa{0x8000'0000},
                                 .length = GiB,
                                 .attributes = with(Permissions::rwx()),
                                 .max_size = 4 * KiB},
                                m.owed));
        ASSERT_TRUE(m.table.unmap(Ipa{start}, GiB, m.owed));
        const Cpu cpu{.request = three_levels()};
        const auto ops = plan(cpu, m.owed);
        EXPECT_LE(ops.size(), 2U);
        std::uint64_t at = start;
        for (const TlbiOperation& op : ops) {
            const Span span = span_of(cpu, op, 12);
            EXPECT_LE(span.start, at);
            EXPECT_EQ(span.hint, 0U);
            EXPECT_FALSE(op.last_level);
            at = span.end;
        }
        EXPECT_GE(at, start + GiB);
    }
}

} // namespace
} // namespace twofold::test
