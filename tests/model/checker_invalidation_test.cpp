// SPDX-License-Identifier: MIT
// The order of store, barrier and TLBI: the full sequence passes, and each step that is missing or
// different is reported where it matters.
#include "scene.hpp"

namespace twofold::model::testing {
namespace {

using Found = Scene::Found;
constexpr std::uint64_t ipa = 0x5000; // entry 5 of level3

// Page 5 is mapped, then broken by an exchange.
struct BrokenPage : Scene {
    BrokenPage() {
        link_pages();
        publish(level3, 5, 0x8000'0000 | page_rw);
        dsb_ishst();
        exchange(level3, 5, broken);
    }
    void make() { publish(level3, 5, 0x9000'0000 | page_rw); }
};

TEST(CheckerInvalidation, TheFullSequenceIsRight) {
    BrokenPage s;
    s.dsb_ishst();
    s.ipas2(by_ipa(ipa, 3));
    s.complete();
    s.make();
    s.dsb_ishst();
    s.settled();
    EXPECT_EQ(s.found, Found{});
    EXPECT_EQ(s.checker.old_values(), 0U);
}

TEST(CheckerInvalidation, EachStepIsNeeded) {
    const char* const want[] = {"tlbi_before_dsb", "remade_too_early not_invalidated",
                                "vmalle1_before_dsb", "remade_too_early combined_not_removed",
                                "remade_too_early no_dsb_after_vmalle1"};
    for (unsigned missing = 0; missing < 5; ++missing) {
        BrokenPage s;
        for (unsigned step = 0; step < 5; ++step) {
            if (step == missing) {
                continue;
            }
            if (step == 0) {
                s.dsb_ishst();
            } else if (step == 1) {
                s.ipas2(by_ipa(ipa, 3));
            } else if (step == 3) {
                s.vmalle1();
            } else {
                s.dsb_ish();
            }
        }
        s.make();
        ASSERT_FALSE(s.found.empty()) << missing;
        EXPECT_EQ(s.found.front(), want[missing]);
    }
}

TEST(CheckerInvalidation, AStoreBarrierDoesNotCompleteATlbi) {
    BrokenPage s;
    s.dsb_ishst();
    s.ipas2(by_ipa(ipa, 3));
    s.dsb_ish();
    s.vmalle1();
    s.dsb_ishst();
    s.make();
    EXPECT_EQ(s.found, Found{"remade_too_early no_dsb_after_vmalle1"});
    EXPECT_EQ(s.last.ipa, ipa);
    EXPECT_EQ(s.last.level, 3);
    EXPECT_EQ(s.last.entry, Scene::level3 + 40);
    EXPECT_EQ(s.last.before, 0x8000'0000 | page_rw);
    EXPECT_EQ(s.last.after, 0x9000'0000 | page_rw);
    // The map, its DSB, the break, and what followed.
    ASSERT_EQ(s.last.history.size(), 8U);
    EXPECT_EQ(s.last.history.back().event.after, 0x9000'0000 | page_rw);
}

TEST(CheckerInvalidation, WhatATlbiDoesNotReach) {
    struct Case {
        TlbiOperation operation;
        const char* cause;
    };
    const auto last = [](TlbiKind kind, std::uint64_t operand) {
        return TlbiOperation{.kind = kind, .last_level = true, .operand = operand};
    };
    TlbiOperation local = last(TlbiKind::ipas2, by_ipa(ipa, 3));
    local.scope = InvalidationScope::local;
    const Case cases[] = {
        {last(TlbiKind::ipas2, by_ipa(ipa, 2)), "other_level"},
        {last(TlbiKind::ipas2, by_ipa(ipa + 0x1000, 3)), "not_invalidated"},
        {last(TlbiKind::ipas2, by_ipa(ipa, 3) ^ (3ULL << 46)), "other_granule"}, // 01 -> 10: 16K
        {local, "local_only"},
        {last(TlbiKind::ripas2, by_range(0x6000, 0, 0)), "not_invalidated"}, // 6 and 7
        {last(TlbiKind::ripas2, by_range(0x3000, 0, 0)), "not_invalidated"}, // 3 and 4
        {last(TlbiKind::ripas2, by_range(0, 2, 0, 2)), "other_level"},
    };
    for (const Case& c : cases) {
        BrokenPage s;
        s.dsb_ishst();
        s.tlbi(c.operation);
        s.complete();
        s.make();
        EXPECT_EQ(s.found, Found{std::string{"remade_too_early "} + c.cause});
    }
}

TEST(CheckerInvalidation, WhatATlbiReaches) {
    const TlbiOperation operations[] = {
        {.kind = TlbiKind::ipas2, .last_level = true, .operand = by_ipa(ipa, 3)},
        {.kind = TlbiKind::ipas2, .last_level = false, .operand = by_ipa(ipa)},
        {.kind = TlbiKind::ripas2, .last_level = true, .operand = by_range(0x4000, 0, 0, 3)},
        {.kind = TlbiKind::ripas2, .last_level = true, .operand = by_range(0, 2, 0, 3)},
        {.kind = TlbiKind::ripas2, .last_level = false, .operand = by_range(0, 0, 1)},
    };
    for (const TlbiOperation& operation : operations) {
        BrokenPage s;
        s.dsb_ishst();
        s.tlbi(operation);
        s.complete();
        s.make();
        EXPECT_EQ(s.found, Found{});
    }
    BrokenPage s;
    s.dsb_ishst();
    s.vmalls12();
    s.dsb_ish();
    s.make();
    EXPECT_EQ(s.found, Found{});
}

TEST(CheckerInvalidation, OperandsThatAreReservedOrUnpredictable) {
    const TlbiOperation operations[] = {
        // A base that is not aligned to what an entry of the hinted level covers.
        {.kind = TlbiKind::ripas2, .operand = by_range(0x10'0000, 0, 0, 2)},
        {.kind = TlbiKind::ripas2, .operand = by_range(0, 0, 0) & ~(3ULL << 46)}, // TG 00
        {.kind = TlbiKind::ipas2, .operand = by_ipa(0, 0)}, // 4K level 0 without LPA2
        {.kind = TlbiKind::ipas2, .operand = 1ULL << 48},
        {.kind = TlbiKind::vmalle1, .operand = 1},
    };
    for (const TlbiOperation& operation : operations) {
        Scene s;
        s.tlbi(operation);
        EXPECT_EQ(s.found, Found{"tlbi_operand"});
    }
}

TEST(CheckerInvalidation, AnotherVmid) {
    BrokenPage s;
    s.dsb_ishst();
    s.checker.on(Event::context(0, 1 << 19, 2ULL << 48 | Scene::root));
    s.ipas2(by_ipa(ipa, 3));
    ASSERT_EQ(s.found, Found{"tlbi_wrong_vmid"});
    s.checker.on(Event::context(0, 1 << 19, 1ULL << 48 | Scene::root));
    s.make();
    EXPECT_EQ(s.found.back(), "remade_too_early not_invalidated");
}

TEST(CheckerInvalidation, EachCpuHasItsOwnBarriers) {
    {
        BrokenPage s; // the store is CPU 0's
        s.dsb_ishst(1);
        s.ipas2(by_ipa(ipa, 3), true, 1);
        s.complete(1);
        s.make();
        EXPECT_EQ(s.found, Found{"remade_too_early store_not_visible"});
    }
    {
        BrokenPage s; // the TLBI is CPU 1's
        s.dsb_ishst(0);
        s.ipas2(by_ipa(ipa, 3), true, 1);
        s.dsb_ish(0);
        s.vmalle1(0);
        s.dsb_ish(0);
        s.make();
        EXPECT_EQ(s.found, Found{"remade_too_early no_dsb_after_tlbi"});
    }
    {
        BrokenPage s; // handed over after the DSB
        s.dsb_ishst(0);
        s.ipas2(by_ipa(ipa, 3), true, 1);
        s.complete(1);
        s.make();
        EXPECT_EQ(s.found, Found{});
    }
}

// CPU 1 invalidates a range that happens to hold the page while CPU 0 does so, too.
TEST(CheckerInvalidation, TheStepsOfTwoCpusDoNotDisturbEachOther) {
    BrokenPage s;
    s.dsb_ishst();
    s.ipas2(by_ipa(ipa, 3));
    s.ripas2(by_range(0, 31, 0), true, 1);
    s.dsb_ish();
    s.vmalle1();
    s.dsb_ish();
    s.make();
    EXPECT_EQ(s.found, Found{});

    BrokenPage t;
    t.dsb_ishst();
    t.ripas2(by_range(0, 31, 0), true, 1);
    t.ipas2(by_ipa(ipa, 3));
    t.dsb_ish();
    t.vmalle1();
    t.dsb_ish();
    t.make();
    EXPECT_EQ(t.found, Found{});
}

TEST(CheckerInvalidation, WithoutXsOnlyWhereNoAccessCanHaveIt) {
    for (const bool device : {false, true}) {
        Scene s;
        s.link_pages();
        // MemAttr 0001: Device nGnRE
        s.publish(Scene::level3, 5, 0x8000'0000 | (device ? 0x7c7 : page_rw));
        s.dsb_ishst();
        s.exchange(Scene::level3, 5, broken);
        s.dsb_ishst();
        s.tlbi(
            {.kind = TlbiKind::ipas2, .last_level = true, .nxs = true, .operand = by_ipa(ipa, 3)});
        s.barrier(Barrier::dsb_ish_nxs);
        s.tlbi({.kind = TlbiKind::vmalle1, .nxs = true});
        s.barrier(Barrier::dsb_ish_nxs);
        s.publish(Scene::level3, 5, 0x9000'0000 | page_rw);
        EXPECT_EQ(s.found, device ? Found{"remade_too_early nxs_only"} : Found{});
    }
    // DSB nXS does not wait for a TLBI without it.
    BrokenPage s;
    s.dsb_ishst();
    s.ipas2(by_ipa(ipa, 3));
    s.barrier(Barrier::dsb_ish_nxs);
    s.vmalle1();
    EXPECT_EQ(s.found, Found{"vmalle1_before_dsb"});
}

TEST(CheckerInvalidation, SettledMeansThatNothingIsLeft) {
    BrokenPage s;
    s.settled();
    EXPECT_EQ(s.found, Found{"left_in_tlb not_invalidated"});
    s.settled(); // said once
    EXPECT_EQ(s.found.size(), 1U);

    BrokenPage other;
    other.settled(1); // CPU 1 has changed nothing
    EXPECT_EQ(other.found, Found{});
    other.mark(EventKind::all_done, 1);
    EXPECT_EQ(other.found, Found{"left_in_tlb not_invalidated"});
}

TEST(CheckerInvalidation, AnIsbEndsIt) {
    BrokenPage s;
    s.dsb_ishst();
    s.ipas2(by_ipa(ipa, 3));
    s.dsb_ish();
    s.vmalle1();
    s.dsb_ish();
    s.settled();
    EXPECT_EQ(s.found, Found{"missing_isb"});
}

TEST(CheckerInvalidation, ANewEntryIsPublishedByADsb) {
    Scene s;
    s.link_pages();
    s.mark(EventKind::section_begin);
    s.exchange(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.mark(EventKind::section_end);
    EXPECT_EQ(s.found, Found{"missing_dsb"});
}

TEST(CheckerInvalidation, TheArenaIsFull) {
    Scene s{0, 16 << 10};
    s.link_pages();
    for (unsigned i = 0; i < 512; ++i) {
        s.exchange(Scene::level3, i, i << 12 | page_rw);
        s.exchange(Scene::level3, i, 0);
    }
    EXPECT_NE(s.checker.reports(Rule::out_of_memory), 0U);
    EXPECT_EQ(s.checker.reports(Rule::out_of_memory), s.checker.reports());
}

} // namespace
} // namespace twofold::model::testing
