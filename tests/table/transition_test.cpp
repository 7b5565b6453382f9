// SPDX-License-Identifier: MIT
// transition(): the table of its comment, for every pair of generated descriptors, judged by what
// they mean and not by their bits; and one by one, bit by bit, with verdicts typed by hand.
#include "geometries.hpp"

#include <twofold/table/transition.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

constexpr auto nothing = Transition::nothing;
constexpr auto store = Transition::store;
constexpr auto local = Transition::store_then_invalidate_locally;
constexpr auto global = Transition::store_then_invalidate;
constexpr auto broken = Transition::break_first;

struct Format {
    const char* name = {};
    GeometryRequest request = {};
    Level level = {};
    std::uint64_t leaf = {}; // a leaf: type, address, MemAttr 1111, S2AP 01, AF, XN 00
    std::uint64_t other_address = {};
};

// S2AP is 01 (read), so that write can be added; bits by hand.
const Format formats[] = {
    {"4K page", {.granule = Granule::k4, .ipa_bits = 40}, 3, 0x4000'077f, 0x4000'0000 ^ 0x1000},
    {"4K 2M", {.granule = Granule::k4, .ipa_bits = 40}, 2, 0x4000'077d, 0x20'0000},
    {"4K 1G", {.granule = Granule::k4, .ipa_bits = 40}, 1, 0x4000'077d, 0x8000'0000},
    {"4K LPA2 page", {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true}, 3, 0x4000'047f, 0x100},
    {"4K LPA2 512G",
     {.granule = Granule::k4, .ipa_bits = 52, .lpa2 = true},
     0,
     0x80'0000'047d,
     0x200},
    {"16K 32M", {.granule = Granule::k16, .ipa_bits = 40}, 2, 0x4000'077d, 0x200'0000},
    {"64K page", {.granule = Granule::k64, .ipa_bits = 48}, 3, 0x4000'077f, 0x1000},
    {"64K 4T", {.granule = Granule::k64, .ipa_bits = 48}, 1, 0x400'0000'077d, 0x8000},
};

DescriptorFormat format_of(const Format& f) {
    return DescriptorFormat{*Geometry::make(full_features(), f.request)};
}
Transition judge(const Format& f, std::uint64_t before, std::uint64_t after, bool xnx = true) {
    CpuFeatures features = full_features();
    features.xnx = xnx;
    return transition(format_of(f), Descriptor{before}, Descriptor{after}, f.level, features);
}
constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

TEST(Transition, OneBitAtATime) {
    struct Row {
        const char* what = {};
        std::uint64_t bits = {};
        Transition set = {};   // 0 to 1 in a leaf with S2AP 01, XN 00, AF
        Transition clear = {}; // 1 to 0
    };
    const Row rows[] = {
        {"MemAttr[0]", bit(2), broken, broken},
        {"MemAttr[1]", bit(3), broken, broken},
        {"MemAttr[2]", bit(4), broken, broken},
        {"MemAttr[3]", bit(5), broken, broken},
        {"S2AP write", bit(7), local, global},
        {"FnXS", bit(11), broken, broken},
        {"DBM", bit(51), local, global},
        {"Contiguous", bit(52), broken, broken},
        {"XN 01: no EL1 execution", bit(53), global, local},
        {"XN 10: no execution", bit(54), global, local},
        {"XN 11: no EL0 execution", bit(53) | bit(54), global, local},
        {"software 55", bit(55), store, store},
        {"software 56", bit(56), store, store},
        {"software 57", bit(57), store, store},
        {"software 58", bit(58), store, store},
        {"PBHA 59", bit(59), broken, broken},
        {"PBHA 62", bit(62), broken, broken},
        {"63", bit(63), broken, broken},
    };
    for (const Format& f : formats) {
        for (const Row& row : rows) {
            const std::uint64_t clear = f.leaf & ~row.bits;
            const std::uint64_t set = f.leaf | row.bits;
            EXPECT_EQ(judge(f, clear, set), row.set) << f.name << ": sets " << row.what;
            EXPECT_EQ(judge(f, set, clear), row.clear) << f.name << ": clears " << row.what;
        }
        EXPECT_EQ(judge(f, f.leaf & ~bit(10), f.leaf), store) << f.name << ": AF set";
        EXPECT_EQ(judge(f, f.leaf, f.leaf & ~bit(10)), global) << f.name << ": AF cleared";
        EXPECT_EQ(judge(f, f.leaf & ~bit(6), f.leaf), local) << f.name << ": read added";
        EXPECT_EQ(judge(f, f.leaf, f.leaf & ~bit(6)), global) << f.name << ": read removed";
        // SH, or output bits 51:50 with LPA2.
        EXPECT_EQ(judge(f, f.leaf, f.leaf ^ bit(8)), broken) << f.name;
        EXPECT_EQ(judge(f, f.leaf, f.leaf ^ bit(9)), broken) << f.name;
        // nT in a block, an address bit in a page or RES0 in a large one.
        EXPECT_EQ(judge(f, f.leaf, f.leaf ^ bit(16)), broken) << f.name;
        EXPECT_EQ(judge(f, f.leaf, f.leaf ^ f.other_address), broken) << f.name;
        EXPECT_EQ(judge(f, f.leaf, f.leaf), nothing) << f.name;
    }
}

TEST(Transition, BetweenKinds) {
    for (const Format& f : formats) {
        const std::uint64_t leaf = f.leaf;
        // Bit 0 clear; other bits do not matter.
        for (const std::uint64_t invalid :
             {std::uint64_t{0}, leaf & ~std::uint64_t{1}, std::uint64_t{2}, bit(63) | 0x1000}) {
            EXPECT_EQ(judge(f, invalid, leaf), store) << f.name;
            EXPECT_EQ(judge(f, leaf, invalid), global) << f.name;
            EXPECT_EQ(judge(f, invalid, invalid), nothing) << f.name;
            EXPECT_EQ(judge(f, invalid, bit(60)), store) << f.name;
            EXPECT_EQ(judge(f, invalid, leaf ^ f.other_address), store) << f.name;
        }
        if (f.level == 3) {
            // 01 is reserved at level 3: as good as invalid.
            const std::uint64_t reserved = leaf & ~std::uint64_t{2};
            EXPECT_EQ(judge(f, reserved, leaf), store) << f.name;
            EXPECT_EQ(judge(f, leaf, reserved), global) << f.name;
        } else {
            const std::uint64_t table = 0x8'4000'0003;
            const std::uint64_t other = 0x8'4001'0003;
            EXPECT_EQ(judge(f, leaf, table), broken) << f.name;
            EXPECT_EQ(judge(f, table, leaf), broken) << f.name;
            EXPECT_EQ(judge(f, table, other), broken) << f.name;
            // The very bits of the block with the type of a table.
            EXPECT_EQ(judge(f, leaf, leaf | 2), broken) << f.name;
            EXPECT_EQ(judge(f, leaf | 2, leaf), broken) << f.name;
            EXPECT_EQ(judge(f, 0, table), store) << f.name;
            EXPECT_EQ(judge(f, table, 0), global) << f.name;
            EXPECT_EQ(judge(f, table, table), nothing) << f.name;
            // In a table descriptor software's bits are ignored too, but nobody needs that.
            EXPECT_EQ(judge(f, table, table | bit(55)), broken) << f.name;
        }
    }
}

// Without LPA2 there is no block at level 0: what looks like one is never cached.
TEST(Transition, BlockWhereThereIsNoneIsInvalid) {
    const Format f{"4K level 0", {.granule = Granule::k4, .ipa_bits = 48}, 0, 0x77d, 0};
    EXPECT_EQ(judge(f, 0x80'0000'077d, 0x8'4000'0003), store);
    EXPECT_EQ(judge(f, 0x8'4000'0003, 0x80'0000'077d), global);
    EXPECT_EQ(judge(f, 0x80'0000'077d, 0x100'0000'077d), store);
}

TEST(Transition, EveryPairOfPermissions) {
    // XN: who may execute, by hand.
    constexpr bool el1[] = {true, false, false, true};
    constexpr bool el0[] = {true, true, false, false};
    const Format& f = formats[0];
    const std::uint64_t bare = f.leaf & ~(bit(6) | bit(7));
    for (unsigned from = 0; from < 16; ++from) {
        for (unsigned to = 0; to < 16; ++to) {
            const auto raw = [&](unsigned p) {
                return bare | std::uint64_t{p & 3} << 6 | std::uint64_t{p >> 2} << 53;
            };
            for (const bool xnx : {true, false}) {
                // Without FEAT_XNX bit 53 means nothing: 01 is 00 and 11 is 10.
                const auto x = [&](unsigned p) { return xnx ? p >> 2 : (p >> 2) & 2; };
                const bool removed = ((from & 1) && !(to & 1)) || ((from & 2) && !(to & 2)) ||
                                     (el1[x(from)] && !el1[x(to)]) || (el0[x(from)] && !el0[x(to)]);
                const Transition expected = from == to ? nothing : removed ? global : local;
                EXPECT_EQ(judge(f, raw(from), raw(to), xnx), expected)
                    << from << " to " << to << " xnx " << xnx;
            }
        }
    }
}

// A leaf by its meaning.
struct Meaning {
    bool read, write, execute, dbm, af;
    unsigned software, type, share;
    bool contiguous, fnxs, other_output;

    std::uint64_t raw(const Format& f, bool share_bits) const {
        std::uint64_t d = f.leaf & ~(bit(6) | bit(7) | bit(10) | 0x3c);
        d |= read * bit(6) | write * bit(7) | af * bit(10) | dbm * bit(51) | !execute * bit(54);
        d |= std::uint64_t{software} << 55 | std::uint64_t{type} << 2;
        d |= contiguous * bit(52) | fnxs * bit(11);
        if (share_bits) {
            d = (d & ~(bit(8) | bit(9))) | std::uint64_t{share} << 8;
        }
        return other_output ? d ^ f.other_address : d;
    }
};

std::vector<Meaning> meanings() {
    std::vector<Meaning> all;
    for (unsigned p = 0; p < 32; ++p) {
        all.push_back({(p & 1) != 0, (p & 2) != 0, (p & 4) != 0, (p & 8) != 0, (p & 16) != 0, 0, 15,
                       3, false, false, false});
    }
    for (unsigned i = 0; i < 6; ++i) {
        for (const bool write : {false, true}) {
            for (const bool af : {false, true}) {
                Meaning m{true, write, true, false, af, 0, 15, 3, false, false, false};
                m.software = i == 0 ? 9 : 0;
                m.type = i == 1 ? 5 : i == 2 ? 1 : 15;
                m.share = i == 3 ? 2 : 3;
                m.contiguous = i == 4;
                m.fnxs = i == 5;
                all.push_back(m);
                m.other_output = true;
                all.push_back(m);
            }
        }
    }
    return all;
}

TEST(Transition, EveryPairOfLeaves) {
    const auto all = meanings();
    for (const Format& f : formats) {
        const bool sh = !f.request.lpa2;
        for (const Meaning& a : all) {
            for (const Meaning& b : all) {
                const std::uint64_t from = a.raw(f, sh);
                const std::uint64_t to = b.raw(f, sh);
                const bool must_break = a.type != b.type || (sh && a.share != b.share) ||
                                        a.contiguous != b.contiguous || a.fnxs != b.fnxs ||
                                        a.other_output != b.other_output;
                const bool less = (a.read && !b.read) || (a.write && !b.write) ||
                                  (a.execute && !b.execute) || (a.dbm && !b.dbm) || (a.af && !b.af);
                const bool more = (b.read && !a.read) || (b.write && !a.write) ||
                                  (b.execute && !a.execute) || (b.dbm && !a.dbm);
                const Transition expected = from == to   ? nothing
                                            : must_break ? broken
                                            : less       ? global
                                            : more       ? local
                                                         : store;
                ASSERT_EQ(judge(f, from, to), expected)
                    << f.name << std::hex << " 0x" << from << " to 0x" << to;
            }
        }
    }
}

// The same pairs on CPUs with FEAT_BBM, and for one entry of a run alone.
TEST(Transition, ContiguousRunsAndBbm) {
    const auto all = meanings();
    for (const Format& f : formats) {
        const bool sh = !f.request.lpa2;
        for (const unsigned bbm : {0U, 1U, 2U}) {
            CpuFeatures features = full_features();
            features.bbm = bbm;
            for (const bool whole_run : {true, false}) {
                for (const Meaning& a : all) {
                    for (const Meaning& b : all) {
                        const std::uint64_t from = a.raw(f, sh);
                        const std::uint64_t to = b.raw(f, sh);
                        if (a.contiguous == b.contiguous && !a.contiguous) {
                            continue; // EveryPairOfLeaves
                        }
                        const bool other = a.type != b.type || (sh && a.share != b.share) ||
                                           a.fnxs != b.fnxs || a.other_output != b.other_output;
                        // Only AF is set: hardware does that to one entry as well.
                        Meaning aged = a;
                        aged.af = true;
                        const bool only_af = !a.af && aged.raw(f, sh) == to;
                        const bool less = (a.write && !b.write) || (a.af && !b.af);
                        Transition expected = broken;
                        if (from == to) {
                            expected = nothing;
                        } else if (other) {
                            expected = broken;
                        } else if (a.contiguous != b.contiguous) {
                            expected = bbm == 2 && whole_run ? global : broken;
                        } else if (only_af) {
                            expected = store;
                        } else if (whole_run) {
                            expected = less ? global : a.write != b.write ? local : store;
                        }
                        ASSERT_EQ(transition(format_of(f), Descriptor{from}, Descriptor{to},
                                             f.level, features, {.whole_run = whole_run}),
                                  expected)
                            << f.name << " bbm " << bbm << " whole " << whole_run << std::hex
                            << " 0x" << from << " to 0x" << to;
                    }
                }
            }
        }
    }
}

TEST(Transition, TableAndBlockThatMapTheSame) {
    for (const Format& f : formats) {
        if (f.level == page_level) {
            continue;
        }
        for (const unsigned bbm : {0U, 1U, 2U}) {
            for (const bool same : {false, true}) {
                CpuFeatures features = full_features();
                features.bbm = bbm;
                const Transition expected = bbm == 2 && same ? global : broken;
                const Descriptor table{0x5000'0003};
                const auto how = [&](Descriptor from, Descriptor to) {
                    return transition(format_of(f), from, to, f.level, features,
                                      {.same_translation = same});
                };
                EXPECT_EQ(how(table, Descriptor{f.leaf}), expected) << f.name;
                EXPECT_EQ(how(Descriptor{f.leaf}, table), expected) << f.name;
                EXPECT_EQ(how(table, Descriptor{0x6000'0003}), broken) << f.name;
            }
        }
    }
}

} // namespace
} // namespace twofold::test
