// SPDX-License-Identifier: MIT
// Contiguous runs and FEAT_BBM level 2 under the checker.
#include "scene.hpp"

namespace twofold::model::testing {
namespace {

using Found = Scene::Found;
constexpr std::uint64_t output = 0x8000'0000;

// Pages 16..31 are one run of 64 KiB.
struct MarkedRun : Scene {
    explicit MarkedRun(unsigned bbm = 0) : Scene{bbm} {
        link_pages();
        mark_section();
        for (unsigned i = 0; i < 16; ++i) {
            publish(level3, 16 + i, (output + i * 4096ULL) | page_rw | contiguous);
        }
        dsb_ishst();
        end_section();
    }
    void mark_section() { mark(EventKind::section_begin); }
    void end_section() { mark(EventKind::section_end); }
    void invalidate_run() {
        dsb_ishst();
        ripas2(by_range(0x1'0000, 7, 0, 3));
        complete();
    }
};

TEST(CheckerRuns, ARunIsBuiltEntryByEntry) {
    MarkedRun s;
    s.settled();
    EXPECT_EQ(s.found, Found{});
}

TEST(CheckerRuns, ARunIsCompleteAtTheEndOfTheCall) {
    MarkedRun s;
    s.mark_section();
    s.exchange(Scene::level3, 20, 0);
    s.end_section();
    EXPECT_EQ(s.found, Found{"contiguous_incomplete"});
    EXPECT_EQ(s.last.ipa, 0x1'4000U);
}

TEST(CheckerRuns, EntriesOfARunAgree) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 16, output | page_rw | contiguous);
    s.publish(Scene::level3, 17, (output + 0x5000) | page_rw);
    EXPECT_EQ(s.found, Found{"contiguous_mismatch"});
    s.exchange(Scene::level3, 17, 0);
    s.publish(Scene::level3, 18, ((output + 0x2000) | page_rw | contiguous) ^ 1 << 8);
    EXPECT_EQ(s.found.back(), "contiguous_mismatch");
}

TEST(CheckerRuns, AlignmentAndLevel) {
    Scene s;
    s.link_pages();
    // The outputs of a run start at a multiple of it.
    s.publish(Scene::level3, 16, (output + 0x1000) | page_rw | contiguous);
    EXPECT_EQ(s.found, Found{"contiguous_misaligned"});

    // A run of blocks is 32 MiB: 0x8000'0000 is a multiple of that, and 2 MiB more is not.
    Scene blocks;
    blocks.link_pages();
    blocks.publish(Scene::level2, 16, output | block_rw | contiguous);
    EXPECT_EQ(blocks.found, Found{});
    blocks.publish(Scene::level2, 32, (output + 0x20'0000) | block_rw | contiguous);
    EXPECT_EQ(blocks.found, Found{"contiguous_misaligned"});
    // What would do for a run of pages.
    blocks.publish(Scene::level2, 48, (output + 0x100'0000) | block_rw | contiguous);
    EXPECT_EQ(blocks.found.size(), 2U);
}

TEST(CheckerRuns, BreakingAllOfItFirst) {
    MarkedRun s;
    for (unsigned i = 0; i < 16; ++i) {
        s.exchange(Scene::level3, 16 + i, broken);
    }
    s.invalidate_run();
    for (unsigned i = 0; i < 16; ++i) {
        s.publish(Scene::level3, 16 + i, (0x9000'0000 + i * 4096ULL) | page_rw);
    }
    EXPECT_EQ(s.found, Found{});
}

// A walker that reads a neighbour may cache the old translation again.
TEST(CheckerRuns, BreakingOneEntryIsNotEnough) {
    MarkedRun s;
    s.exchange(Scene::level3, 20, broken);
    s.invalidate_run();
    s.publish(Scene::level3, 20, 0x9000'0000 | page_rw);
    ASSERT_FALSE(s.found.empty());
    EXPECT_EQ(s.found.front(), "remade_too_early run_still_marked");
}

TEST(CheckerRuns, AllOfItIsInvalidated) {
    MarkedRun s;
    for (unsigned i = 0; i < 16; ++i) {
        s.exchange(Scene::level3, 16 + i, broken);
    }
    s.dsb_ishst();
    s.ipas2(by_ipa(0x1'0000, 3)); // the first page of the run
    s.complete();
    s.publish(Scene::level3, 31, 0x9000'0000 | page_rw);
    EXPECT_EQ(s.found, Found{"remade_too_early not_invalidated"});
}

TEST(CheckerRuns, PermissionsMayDifferUntilTheInvalidation) {
    MarkedRun s;
    s.mark_section();
    for (unsigned i = 0; i < 16; ++i) {
        s.exchange(Scene::level3, 16 + i, (output + i * 4096ULL) | page_ro | contiguous);
    }
    s.end_section();
    s.invalidate_run();
    s.settled();
    EXPECT_EQ(s.found, Found{});

    MarkedRun t;
    t.mark_section();
    t.exchange(Scene::level3, 20, (output + 0x4000) | page_ro | contiguous);
    t.end_section();
    EXPECT_EQ(t.found, Found{});
    t.invalidate_run();
    t.settled();
    EXPECT_EQ(t.found, (Found{"left_in_tlb run_still_marked", "contiguous_mismatch"}));
}

TEST(CheckerRuns, LinkedWithItsTable) {
    Scene s;
    s.link_pages();
    s.allocate(Scene::spare);
    for (unsigned i = 0; i < 15; ++i) {
        s.store(Scene::spare, i, (output + i * 4096ULL) | page_rw | contiguous);
    }
    s.publish(Scene::level2, 1, Scene::spare | 3);
    EXPECT_EQ(s.found, Found{"contiguous_incomplete"});
}

TEST(CheckerRuns, TheHintChangesInPlaceWithLevelTwoOnly) {
    for (const unsigned bbm : {0U, 1U, 2U}) {
        MarkedRun s{bbm};
        s.mark_section();
        for (unsigned i = 0; i < 16; ++i) {
            s.exchange(Scene::level3, 16 + i, (output + i * 4096ULL) | page_rw);
        }
        s.end_section();
        EXPECT_EQ(s.found.size(), bbm == 2 ? 0U : 16U);
        if (bbm == 2) {
            s.settled();
            EXPECT_EQ(s.found.size(), 16U);
            EXPECT_EQ(s.found.front(), "left_in_tlb not_invalidated");
        } else {
            EXPECT_EQ(s.found.front(), "break_before_make");
        }
    }
}

// A block of 2 MiB at IPA 2 MiB, and a table that maps the same.
struct Block : Scene {
    explicit Block(unsigned bbm = 2) : Scene{bbm} {
        link_pages();
        publish(level2, 1, output | block_rw);
        allocate(spare);
        for (unsigned i = 0; i < 512; ++i) {
            store(spare, i, (output + i * 4096ULL) | page_rw);
        }
        dsb_ishst();
    }
    void split() { exchange(level2, 1, spare | 3); }
    void invalidate_block() {
        dsb_ishst();
        ipas2(by_ipa(0x20'0000, 2));
        complete();
    }
};

TEST(CheckerBbm, ABlockIsSplitWithoutABreak) {
    Block s;
    s.split();
    s.invalidate_block();
    s.settled();
    EXPECT_EQ(s.found, Found{});

    Block t{1};
    t.split();
    EXPECT_EQ(t.found, Found{"break_before_make"});
}

TEST(CheckerBbm, TheTableHasToMapTheSame) {
    const std::uint64_t others[] = {
        (output + 0x8000) | page_rw,            // output
        (output + 0x7000) | page_ro,            // permissions
        ((output + 0x7000) | page_rw) ^ 1 << 3, // MemAttr
        0,
    };
    for (const std::uint64_t other : others) {
        Block s;
        s.store(Scene::spare, 7, other);
        s.split();
        EXPECT_EQ(s.found, Found{"break_before_make"}) << std::hex << other;
    }
}

TEST(CheckerBbm, TheBlockHasToGo) {
    Block s;
    s.split();
    s.dsb_ishst();
    s.settled();
    EXPECT_EQ(s.found, Found{"left_in_tlb not_invalidated"});
}

// The old block still translates the page that gets another output.
TEST(CheckerBbm, WhatIsBelowASplitBlockWaitsForTheBlock) {
    Block s;
    s.split();
    s.exchange(Scene::spare, 7, broken);
    s.dsb_ishst();
    s.ipas2(by_ipa(0x20'7000, 3)); // the page, not the block
    s.complete();
    s.publish(Scene::spare, 7, 0x9000'0000 | page_rw);
    EXPECT_EQ(s.found, Found{"remade_too_early other_level"});
    EXPECT_EQ(s.last.before, output | block_rw);
}

TEST(CheckerBbm, ATableBecomesABlockWithoutABreak) {
    Block s;
    s.split();
    s.invalidate_block();
    s.exchange(Scene::level2, 1, output | block_rw);
    s.dsb_ishst();
    for (std::uint64_t at = 0x20'0000; at < 0x40'0000; at += 0x4'0000) {
        s.ripas2(by_range(at, 0, 1), false);
    }
    s.complete();
    s.retire(Scene::spare);
    s.settled();
    EXPECT_EQ(s.found, Found{});
}

} // namespace
} // namespace twofold::model::testing
