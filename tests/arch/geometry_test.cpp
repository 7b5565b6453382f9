// SPDX-License-Identifier: MIT
// Every request to Geometry::make, legal or not, against the manual's tables.
#include "geometry_requests.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace {

using namespace twofold;
using reference::describe;
using reference::every_cpu;
using reference::granule_row;
using reference::start_rows;
using reference::StartRow;

// What the tables say about a request: all rules that it breaks, one of which the error has to
// name, and the initial levels left.
struct Verdict {
    std::set<Error> broken;
    std::vector<StartRow> starts;
    unsigned pa_bits = 0;
    unsigned ps = 0;
};

// Tables at the root of a row's tree: one, and twice as many for each bit above a single table's.
unsigned root_tables(const StartRow& row, unsigned ia) {
    unsigned tables = 1;
    for (unsigned bits = row.single; bits < ia; ++bits) {
        tables *= 2;
    }
    return tables;
}

const StartRow* find_row(const CpuFeatures& f, const GeometryRequest& r, Level level) {
    for (const auto& row : start_rows) {
        if (row.granule == r.granule && row.ds == r.lpa2 && row.start == level &&
            f.pa_bits >= row.needs_pamax && (f.ttst || !row.needs_ttst)) {
            return &row;
        }
    }
    return nullptr;
}

Verdict judge(const CpuFeatures& f, const GeometryRequest& r) {
    Verdict v;
    const auto& granule = granule_row(r.granule);
    const bool wide = r.granule == Granule::k64 || r.lpa2;

    if (!f.has(r.granule)) {
        v.broken.insert(Error::granule_not_supported);
    }
    if (r.lpa2 && r.granule == Granule::k64) {
        v.broken.insert(Error::lpa2_not_for_64k);
    } else if (r.lpa2 && !f.has_lpa2(r.granule)) {
        v.broken.insert(Error::lpa2_not_supported);
    }

    const unsigned min_ia = f.ttst ? granule.min_ia_ttst : 25; // MaxTxSZ is 39 without FEAT_TTST
    const unsigned max_ia = std::min(f.pa_bits, r.lpa2 ? 52U : granule.max_ia_ds_clear);
    const bool size_legal = r.ipa_bits >= min_ia && r.ipa_bits <= max_ia;
    if (r.ipa_bits < min_ia) {
        v.broken.insert(Error::ipa_bits_below_minimum);
    }
    if (r.ipa_bits > max_ia) {
        v.broken.insert(Error::ipa_bits_above_maximum);
    }

    v.pa_bits = r.pa_bits != 0 ? r.pa_bits : std::min(f.pa_bits, wide ? 52U : 48U);
    bool known = false;
    for (const auto& pa : reference::pa_rows) {
        if (pa.bits == v.pa_bits) {
            known = pa.bits <= 52; // 56 bits exist with 128-bit descriptors only
            v.ps = pa.encoding;
        }
    }
    if (!known) {
        v.broken.insert(Error::pa_bits_not_architectural);
    } else if (v.pa_bits > f.pa_bits) {
        v.broken.insert(Error::pa_bits_not_implemented);
    } else if (v.pa_bits > 48 && !wide) {
        v.broken.insert(Error::pa_bits_need_lpa2);
    }

    const auto in_range = [&](const StartRow& row) {
        return r.ipa_bits >= row.min_ia && r.ipa_bits <= row.max_ia;
    };
    if (r.initial_level) {
        const StartRow* row = find_row(f, r, *r.initial_level);
        if (row == nullptr) {
            v.broken.insert(Error::initial_level_not_supported);
        } else if (size_legal && !in_range(*row)) {
            v.broken.insert(Error::initial_level_inconsistent);
        } else if (size_legal) {
            v.starts.push_back(*row);
        }
        return v;
    }
    for (Level level = -1; level <= 3; ++level) {
        const StartRow* row = find_row(f, r, level);
        if (row != nullptr && size_legal && in_range(*row)) {
            v.starts.push_back(*row);
        }
    }
    return v;
}

// The row that `prefer` picks among the legal ones.
StartRow chosen(const Verdict& v, const GeometryRequest& r) {
    return *std::min_element(v.starts.begin(), v.starts.end(),
                             [&](const StartRow& a, const StartRow& b) {
                                 if (r.prefer == Prefer::fewest_levels) {
                                     return a.start > b.start;
                                 }
                                 return root_tables(a, r.ipa_bits) < root_tables(b, r.ipa_bits);
                             });
}

constexpr unsigned pa_requests[] = {0, 32, 33, 36, 40, 42, 44, 48, 52, 56};

template <class Visit>
void every_request(Visit visit) {
    for (const Granule granule : reference::granules) {
        every_cpu(granule, [&](const CpuFeatures& f) {
            GeometryRequest r;
            r.granule = granule;
            for (r.ipa_bits = 0; r.ipa_bits <= 64; ++r.ipa_bits) {
                for (const unsigned pa_bits : pa_requests) {
                    r.pa_bits = pa_bits;
                    for (const bool lpa2 : {false, true}) {
                        r.lpa2 = lpa2;
                        for (const Prefer prefer :
                             {Prefer::fewest_levels, Prefer::fewest_root_pages}) {
                            r.prefer = prefer;
                            r.initial_level = std::nullopt;
                            visit(f, r);
                            for (Level level = -2; level <= 4; ++level) {
                                r.initial_level = level;
                                visit(f, r);
                            }
                        }
                    }
                }
            }
        });
    }
}

TEST(Geometry, EveryRequestIsJudgedAsTheTablesSay) {
    std::map<Error, std::uint64_t> seen;
    std::uint64_t legal = 0;
    std::uint64_t total = 0;
    every_request([&](const CpuFeatures& f, const GeometryRequest& r) {
        if (HasFatalFailure()) {
            return;
        }
        ++total;
        const Verdict v = judge(f, r);
        const auto g = Geometry::make(f, r);
        if (!g) {
            ++seen[g.error()];
            if (!v.broken.contains(g.error())) {
                FAIL() << describe(f, r) << ": refused for \"" << to_string(g.error())
                       << "\", which is not broken";
            }
            return;
        }
        ++legal;
        if (!v.broken.empty()) {
            FAIL() << describe(f, r) << ": accepted against \"" << to_string(*v.broken.begin())
                   << '"';
        }
        if (v.starts.empty()) {
            FAIL() << describe(f, r) << ": no initial level can do this";
        }
        const StartRow row = chosen(v, r);
        const unsigned tables = root_tables(row, r.ipa_bits);
        const std::uint64_t vtcr = g->vtcr({}).value;
        const unsigned t0sz = vtcr & 0x3f;
        const bool shape = g->initial_level() == row.start && g->root_tables() == tables &&
                           g->root_bytes() == tables * granule_row(r.granule).bytes &&
                           g->granule() == r.granule && g->ipa_bits() == r.ipa_bits &&
                           g->pa_bits() == v.pa_bits && g->lpa2() == r.lpa2 &&
                           g->levels() == static_cast<unsigned>(4 - row.start);
        const bool fields = t0sz + r.ipa_bits == 64 && t0sz >= row.min_t0sz &&
                            t0sz <= row.max_t0sz && (vtcr >> 6 & 3) == row.sl0 &&
                            (vtcr >> 33 & 1) == row.sl2 && (vtcr >> 32 & 1) == r.lpa2 &&
                            (vtcr >> 14 & 3) == granule_row(r.granule).tg0 &&
                            (vtcr >> 16 & 7) == v.ps;
        if (!shape || !fields) {
            FAIL() << describe(f, r) << ": start " << g->initial_level() << " (expected "
                   << row.start << "), " << g->root_tables() << " tables (expected " << tables
                   << "), VTCR " << std::hex << vtcr;
        }
    });
    // Nothing of this is vacuous.
    EXPECT_EQ(total, 3U * 8 * 8 * 65 * 10 * 2 * 2 * 8);
    EXPECT_GT(legal, 50'000U);
    for (const Error error :
         {Error::granule_not_supported, Error::ipa_bits_below_minimum,
          Error::ipa_bits_above_maximum, Error::pa_bits_not_architectural,
          Error::pa_bits_not_implemented, Error::pa_bits_need_lpa2, Error::lpa2_not_supported,
          Error::lpa2_not_for_64k, Error::initial_level_not_supported,
          Error::initial_level_inconsistent}) {
        EXPECT_GT(seen[error], 0U) << to_string(error);
    }
    // Wherever the input size itself is legal, some level reaches it.
    EXPECT_EQ(seen[Error::ipa_bits_out_of_reach], 0U);
}

TEST(Geometry, RowsDoNotCompeteForTheSameNumberOfRootTables) {
    // Else "fewest root pages" would not name one tree.
    for (const auto& a : start_rows) {
        for (const auto& b : start_rows) {
            if (a.granule != b.granule || a.ds != b.ds || a.start >= b.start) {
                continue;
            }
            for (unsigned ia = std::max(a.min_ia, b.min_ia); ia <= std::min(a.max_ia, b.max_ia);
                 ++ia) {
                EXPECT_LT(root_tables(a, ia), root_tables(b, ia)) << ia;
            }
        }
    }
}

// The cases that people look up, each by hand.
TEST(Geometry, KnownTrees) {
    struct Row {
        Granule granule;
        bool lpa2;
        unsigned pamax, ia;
        Prefer prefer;
        Level start;
        unsigned tables;
    };
    const auto levels = Prefer::fewest_levels;
    const auto pages = Prefer::fewest_root_pages;
    const Row rows[] = {
        {Granule::k4, false, 48, 40, levels, 1, 2},   {Granule::k4, false, 48, 40, pages, 0, 1},
        {Granule::k4, false, 40, 40, levels, 1, 2},   {Granule::k4, false, 40, 40, pages, 1, 2},
        {Granule::k4, false, 42, 41, pages, 1, 4},    {Granule::k4, false, 42, 42, pages, 1, 8},
        {Granule::k4, false, 44, 43, levels, 1, 16},  {Granule::k4, false, 44, 43, pages, 0, 1},
        {Granule::k4, false, 48, 44, levels, 0, 1},   {Granule::k4, false, 48, 48, levels, 0, 1},
        {Granule::k4, false, 48, 34, levels, 2, 16},  {Granule::k4, false, 48, 34, pages, 1, 1},
        {Granule::k4, false, 48, 32, levels, 2, 4},   {Granule::k4, false, 48, 25, levels, 3, 16},
        {Granule::k4, true, 52, 52, levels, 0, 16},   {Granule::k4, true, 52, 52, pages, -1, 1},
        {Granule::k4, true, 52, 49, levels, 0, 2},    {Granule::k4, true, 52, 48, pages, 0, 1},
        {Granule::k16, false, 48, 48, levels, 1, 2},  {Granule::k16, false, 48, 48, pages, 1, 2},
        {Granule::k16, false, 40, 40, levels, 2, 16}, {Granule::k16, false, 40, 37, pages, 2, 2},
        {Granule::k16, false, 48, 40, pages, 1, 1},   {Granule::k16, true, 52, 52, levels, 0, 1},
        {Granule::k16, true, 52, 51, levels, 1, 16},  {Granule::k16, true, 52, 51, pages, 0, 1},
        {Granule::k64, false, 48, 48, levels, 1, 1},  {Granule::k64, false, 52, 46, levels, 2, 16},
        {Granule::k64, false, 52, 52, levels, 1, 1},  {Granule::k64, false, 52, 33, levels, 3, 16},
        {Granule::k64, false, 42, 42, levels, 2, 1},
    };
    for (const auto& row : rows) {
        const GeometryRequest r{
            .granule = row.granule, .ipa_bits = row.ia, .lpa2 = row.lpa2, .prefer = row.prefer};
        const auto f = reference::full_cpu(row.pamax);
        const auto g = Geometry::make(f, r);
        ASSERT_TRUE(g) << describe(f, r) << ": " << to_string(g.error());
        EXPECT_EQ(g->initial_level(), row.start) << describe(f, r);
        EXPECT_EQ(g->root_tables(), row.tables) << describe(f, r);
    }
}

static_assert(!Geometry::make(CpuFeatures{}, {}), "a CPU with no granule has no geometry");
static_assert(Geometry::make(reference::full_cpu(48), {})->can_map(GiB), "usable in constants");

} // namespace
