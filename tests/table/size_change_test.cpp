// SPDX-License-Identifier: MIT
// SizeChange: a port hears of each block that is split, each table that becomes a block, each run
// that is marked or loses its mark; and of nothing else.
#include "blocks.hpp"
#include "collapsing.hpp"
#include "splitting.hpp"

#include <gtest/gtest.h>

#include <expected>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace twofold {

void PrintTo(const SizeChange& change, std::ostream* out) {
    *out << to_string(change.kind) << " at " << std::hex << change.ipa.value << ", " << change.size
         << ", " << change.leaf;
}

} // namespace twofold

namespace twofold::test {
namespace {

using Kind = SizeChangeKind;
using Changes = std::vector<SizeChange>;

// What the port is told from here on.
class Told {
public:
    explicit Told(Machine& m) : machine_{m} {
        m.port.on_size_change = [this](const SizeChange& change) { changes_.push_back(change); };
    }
    ~Told() { machine_.port.on_size_change = nullptr; }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;

    Changes take() { return std::exchange(changes_, {}); }

private:
    Machine& machine_;
    Changes changes_;
};

CpuFeatures with_bbm(unsigned level) {
    CpuFeatures features = full_features();
    features.bbm = level;
    return features;
}

TEST(SizeChange, EveryBlockOfEveryGeometryThereAndBack) {
    unsigned blocks = 0;
    for (const unsigned bbm : {0U, 2U}) {
        for (const Geometry& g : every_geometry(full_features())) {
            for (const Level level : block_levels(g)) {
                SCOPED_TRACE(name_of(g) + ", block at level " + std::to_string(level));
                Machine m{with_bbm(bbm),
                          {.granule = g.granule(),
                           .ipa_bits = g.ipa_bits(),
                           .lpa2 = g.lpa2(),
                           .initial_level = g.initial_level()}};
                const std::uint64_t size = size_at(g, level);
                const std::uint64_t leaf = size_at(g, level + 1);
                const std::uint64_t ipa = (std::uint64_t{1} << g.ipa_bits()) - size;
                Told told{m};
                map(m, ipa, high_output(g), size);
                EXPECT_EQ(told.take(), Changes{});
                ASSERT_TRUE(split(m, ipa, size, leaf));
                EXPECT_EQ(told.take(), (Changes{{Kind::split, Ipa{ipa}, size, leaf}}));
                ASSERT_TRUE(m.table.collapse(Ipa{ipa}, size, m.owed));
                EXPECT_EQ(told.take(), (Changes{{Kind::collapse, Ipa{ipa}, size, leaf}}));
                ++blocks;
            }
        }
    }
    EXPECT_GT(blocks, 500U);
}

// Whichever operation is the reason.
TEST(SizeChange, ABlockOfWhichAPartChanges) {
    constexpr std::uint64_t at = first_ipa + 0x5000;
    const auto told_of = [](auto&& change) {
        Machine m{with_bbm(0), three_levels()};
        map(m, first_ipa, first_pa, 2 * MiB);
        Told told{m};
        change(m);
        return told.take();
    };
    const Changes once{{Kind::split, Ipa{first_ipa}, 2 * MiB, 4 * KiB}};
    const auto unmap = [](Machine& m, std::uint64_t bytes) {
        EXPECT_TRUE(m.table.unmap(Ipa{at}, bytes, m.owed));
    };
    EXPECT_EQ(told_of([&](Machine& m) { unmap(m, 4 * KiB); }), once);
    EXPECT_EQ(told_of([&](Machine& m) { unmap(m, 12 * KiB); }), once);
    EXPECT_EQ(told_of([](Machine& m) {
                  EXPECT_TRUE(m.table.protect(Ipa{at}, 4 * KiB, Permissions::rx(), m.owed));
              }),
              once);
    EXPECT_EQ(told_of([](Machine& m) { map(m, at, first_pa + GiB, 8 * KiB); }), once);
    // As a whole it is not divided.
    EXPECT_EQ(
        told_of([](Machine& m) { EXPECT_TRUE(m.table.unmap(Ipa{first_ipa}, 2 * MiB, m.owed)); }),
        Changes{});
}

TEST(SizeChange, NoMemoryNoChange) {
    Machine m{with_bbm(0), three_levels()};
    map(m, first_ipa, first_pa, 2 * MiB);
    Told told{m};
    m.port.allocations_until_failure = 0;
    EXPECT_EQ(split(m, first_ipa, 2 * MiB, 4 * KiB), std::unexpected(Error::out_of_memory));
    m.port.allocations_until_failure = 0;
    EXPECT_EQ(m.table.unmap(Ipa{first_ipa}, 4 * KiB, m.owed),
              std::unexpected(Error::out_of_memory));
    EXPECT_EQ(told.take(), Changes{});
}

// What says whose memory it is maps nothing.
TEST(SizeChange, APartOfAnAnnotationIsNoSplit) {
    Machine m{full_features(), three_levels()};
    ASSERT_TRUE(m.table.annotate(Ipa{first_ipa}, 2 * MiB, 7, m.owed));
    Told told{m};
    map(m, first_ipa + 4 * KiB, first_pa, 4 * KiB);
    EXPECT_EQ(told.take(), Changes{});
}

// Sixteen pages of the 4K granule, by the manual's table.
TEST(SizeChange, RunsAreMarkedAndUnmarked) {
    for (const unsigned bbm : {0U, 2U}) {
        Machine m{with_bbm(bbm), three_levels()};
        Told told{m};
        map(m, first_ipa, first_pa, 128 * KiB, 4 * KiB);
        EXPECT_EQ(told.take(), Changes{});
        ASSERT_TRUE(m.table.collapse(Ipa{first_ipa}, 128 * KiB, m.owed));
        EXPECT_EQ(told.take(),
                  (Changes{{Kind::run_marked, Ipa{first_ipa}, 64 * KiB, 4 * KiB},
                           {Kind::run_marked, Ipa{first_ipa + 64 * KiB}, 64 * KiB, 4 * KiB}}));
        ASSERT_TRUE(m.table.unmap(Ipa{first_ipa + 68 * KiB}, 4 * KiB, m.owed));
        EXPECT_EQ(told.take(),
                  (Changes{{Kind::run_unmarked, Ipa{first_ipa + 64 * KiB}, 64 * KiB, 4 * KiB}}));
        ASSERT_TRUE(split(m, first_ipa, 64 * KiB, 4 * KiB));
        EXPECT_EQ(told.take(), (Changes{{Kind::run_unmarked, Ipa{first_ipa}, 64 * KiB, 4 * KiB}}));
    }
}

} // namespace
} // namespace twofold::test
