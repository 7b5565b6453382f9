// SPDX-License-Identifier: MIT
// Tables under the checker: what they map while they are linked, unlinked, freed and used again,
// and by what kind of store their entries change.
#include "scene.hpp"

namespace twofold::model::testing {
namespace {

using Found = Scene::Found;

// IPA 0..2 MiB is mapped by pages; then the level-2 entry that points to them is unlinked.
struct Unlinked : Scene {
    explicit Unlinked(bool with_leaf = true) {
        link_pages();
        if (with_leaf) {
            publish(level3, 5, 0x8000'0000 | page_rw);
        }
        dsb_ishst();
        exchange(level2, 0, 0);
        dsb_ishst();
    }
    void free_and_reuse() {
        retire(level3);
        allocate(level3);
    }
};

TEST(CheckerTables, AWholeSpanIsInvalidated) {
    Unlinked s;
    // NUM 0, SCALE 1: 64 pages; eight of them are 2 MiB.
    for (std::uint64_t at = 0; at < 0x20'0000; at += 0x4'0000) {
        s.ripas2(by_range(at, 0, 1), false);
    }
    s.complete();
    s.free_and_reuse();
    s.publish(Scene::level2, 0, 0x8020'0000 | block_rw);
    s.dsb_ishst();
    s.settled();
    EXPECT_EQ(s.found, Found{});
    EXPECT_EQ(s.checker.old_values(), 0U);
}

TEST(CheckerTables, APartIsNotEnough) {
    Unlinked s;
    s.ripas2(by_range(0, 6, 1), false); // 448 of 512 pages
    s.complete();
    s.retire(Scene::level3);
    EXPECT_EQ(s.found, Found{"table_freed_in_tlb range_not_covered"});
}

// Without leaves there is only the table descriptor to forget, and any address finds it.
TEST(CheckerTables, AnEmptyTableIsOneEntry) {
    Unlinked s{false};
    s.ipas2(by_ipa(0x7000), false);
    s.complete();
    s.free_and_reuse();
    EXPECT_EQ(s.found, Found{});

    Unlinked t;
    t.ipas2(by_ipa(0x7000), false);
    t.complete();
    t.retire(Scene::level3);
    EXPECT_EQ(t.found, Found{"table_freed_in_tlb not_invalidated"});
}

TEST(CheckerTables, LeafFormsAndHintsLeaveTables) {
    Unlinked s;
    s.ripas2(by_range(0, 7, 1), true);
    s.complete();
    s.retire(Scene::level3);
    EXPECT_EQ(s.found, Found{"table_freed_in_tlb last_level_only"});

    Unlinked t;
    t.ripas2(by_range(0, 7, 1, 3), false);
    t.complete();
    t.retire(Scene::level3);
    EXPECT_EQ(t.found, Found{"table_freed_in_tlb other_level"});
}

TEST(CheckerTables, EachStepIsNeededBeforeTheTableIsFreed) {
    const char* const want[] = {"not_invalidated", "no_dsb_after_tlbi", "combined_not_removed",
                                "no_dsb_after_vmalle1"};
    for (unsigned steps = 0; steps < 4; ++steps) {
        Unlinked s;
        if (steps > 0) {
            s.ripas2(by_range(0, 7, 1), false);
        }
        if (steps > 1) {
            s.dsb_ish();
        }
        if (steps > 2) {
            s.vmalle1();
        }
        s.free(Scene::level3);
        EXPECT_EQ(s.found, Found{std::string{"table_freed_in_tlb "} + want[steps]});
    }
}

// What was unmapped in a table and not invalidated goes with the table.
TEST(CheckerTables, OldLeavesGoWithTheirTable) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.dsb_ishst();
    s.exchange(Scene::level3, 5, 0);
    s.exchange(Scene::level2, 0, 0);
    s.dsb_ishst();
    s.ipas2(by_ipa(0), false); // page 0: the table descriptor goes, page 5 does not
    s.complete();
    s.retire(Scene::level3);
    EXPECT_EQ(s.found, Found{"table_freed_in_tlb range_not_covered"});
}

TEST(CheckerTables, ASubtreeComesAndGoesAsAWhole) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.dsb_ishst();
    s.exchange(Scene::root, 0, 0);
    s.retire(Scene::level3);
    EXPECT_EQ(s.found, Found{"table_freed_in_tlb not_invalidated"});
    s.dsb_ishst();
    s.vmalls12();
    s.dsb_ish();
    s.retire(Scene::level2);
    EXPECT_EQ(s.found.size(), 1U);
}

TEST(CheckerTables, LiveTablesAreNotFreed) {
    Scene s;
    s.link_pages();
    s.retire(Scene::level3);
    EXPECT_EQ(s.found, Found{"table_freed_live"});
}

TEST(CheckerTables, AnotherCpuInASectionKeepsATable) {
    const auto unlink = [](Scene& s) {
        s.link_pages();
        s.mark(EventKind::section_begin, 1);
        s.exchange(Scene::level2, 0, 0);
        s.dsb_ishst();
        s.ipas2(by_ipa(0), false);
        s.complete();
    };
    {
        Scene s;
        unlink(s);
        s.free(Scene::level3);
        EXPECT_EQ(s.found, Found{"table_freed_in_section"});
    }
    {
        Scene s;
        unlink(s);
        s.retire(Scene::level3);
        s.exchange(Scene::level3, 7, 0x8000'0000 | page_rw, 1); // too late, but harmless
        s.allocate(Scene::level3);
        EXPECT_EQ(s.found, Found{"table_reused_in_section"});
    }
    {
        Scene s;
        unlink(s);
        s.retire(Scene::level3);
        s.mark(EventKind::section_end, 1);
        s.exchange(Scene::level3, 7, 0x8000'0000 | page_rw, 1);
        EXPECT_EQ(s.found, Found{"unknown_table"});
        s.allocate(Scene::level3);
        EXPECT_EQ(s.found.size(), 1U);
    }
    {
        Scene s;
        s.mark(EventKind::section_end);
        EXPECT_EQ(s.found, Found{"sections_unbalanced"});
    }
}

TEST(CheckerTables, TheSameTableMayComeBack) {
    Unlinked s;
    s.publish(Scene::level2, 0, Scene::level3 | 3);
    s.dsb_ishst();
    s.settled();
    EXPECT_EQ(s.found, Found{});
    s.retire(Scene::level3); // live again
    EXPECT_EQ(s.found, Found{"table_freed_live"});
}

TEST(CheckerTables, AnotherTableMayNotBeforeTheFirstIsForgotten) {
    Unlinked s;
    s.allocate(Scene::spare);
    s.publish(Scene::level2, 0, Scene::spare | 3);
    EXPECT_EQ(s.found, Found{"remade_too_early not_invalidated"});
}

TEST(CheckerTables, WhatIsLinked) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level2, 1, 0x4444'4000 | 3);
    EXPECT_EQ(s.found, Found{"table_not_allocated"});
    s.publish(Scene::level2, 2, Scene::level3 | 3);
    EXPECT_EQ(s.found.back(), "table_linked_twice");
    s.publish(Scene::level2, 3, 0x0100'0000'0000 | 3); // 40 bits are 0..0xff'ffff'ffff
    EXPECT_EQ(s.found[2], "table_out_of_range");
    s.allocate(Scene::level2);
    EXPECT_EQ(s.found.back(), "table_allocated_twice");
}

// Tables that point to themselves or above are reported, and nothing else of them is believed.
TEST(CheckerTables, KnotsAreNotFollowed) {
    Scene s;
    s.link_pages();
    s.exchange(Scene::root, 7, Scene::root | 3);
    s.exchange(Scene::level2, 7, Scene::root | 3);
    s.exchange(Scene::level2, 8, Scene::level2 | 3);
    EXPECT_EQ(s.found, (Found{"table_linked_twice", "table_linked_twice", "table_linked_twice"}));
    s.exchange(Scene::root, 7, 0);
    s.exchange(Scene::level2, 7, 0);
    s.exchange(Scene::level2, 8, 0);
    EXPECT_EQ(s.found.size(), 3U);
    // What they pointed to is live as before.
    s.publish(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.exchange(Scene::level3, 5, 0x9000'0000 | page_rw);
    EXPECT_EQ(s.found.back(), "break_before_make");
}

TEST(CheckerTables, AnotherRootForTheSameVmid) {
    Scene s;
    s.checker.on(Event::context(1, 1 << 19, 1ULL << 48 | 0x5000'0000));
    EXPECT_EQ(s.found, Found{"root_changed"});
}

TEST(CheckerTables, AfterTheEndAllMayGo) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.exchange(Scene::level3, 5, 0);
    s.mark(EventKind::teardown);
    s.free(Scene::level3);
    s.free(Scene::level2);
    s.free(Scene::root);
    EXPECT_EQ(s.found, Found{});
    EXPECT_EQ(s.checker.pages(), 0U);
    EXPECT_EQ(s.checker.old_values(), 0U);
}

TEST(CheckerStores, TheKindOfStore) {
    Scene s;
    s.link_pages();
    s.store(Scene::level3, 1, 0x8000'0000 | page_rw);
    EXPECT_EQ(s.found, Found{"plain_store_to_live"});
    s.publish(Scene::level3, 2, 0x8000'1000 | page_rw);
    s.publish(Scene::level3, 2, 0x8000'1000 | page_ro);
    EXPECT_EQ(s.found.back(), "overwrites_valid");
    s.exchange(Scene::level3, 2, 0x8000'1000 | page_rw);
    EXPECT_EQ(s.found.size(), 2U);
    s.publish(Scene::spare, 0, 1);
    EXPECT_EQ(s.found.back(), "unknown_table");
    s.allocate(Scene::spare);
    s.store(Scene::spare, 0, 0x8000'1000 | page_rw); // nobody can see it yet
    EXPECT_EQ(s.found.size(), 3U);
}

TEST(CheckerStores, InPlaceOrNot) {
    struct Case {
        std::uint64_t after;
        Found want;
    };
    // Beside 0x8000'0000 | page_rw.
    const Case cases[] = {
        {0x8000'1000 | page_rw, {"break_before_make"}},            // output
        {0x8000'0000 | (page_rw ^ 1 << 2), {"break_before_make"}}, // MemAttr
        {0x8000'0000 | (page_rw ^ 1 << 8), {"break_before_make"}}, // SH
        {0x8000'0000 | page_rw | 1 << 11, {"break_before_make"}},  // FnXS
        {0x8000'0000 | page_rw | 7ULL << 55, {}},                  // software
        {0x8000'0000 | page_ro, {}},                               // S2AP
        {0x8000'0000 | page_rw | 2ULL << 53, {}},                  // XN
        {0x8000'0000 | page_rw | 1ULL << 51, {}},                  // DBM
        {(0x8000'0000 | page_rw) & ~af, {}},                       // AF
    };
    for (const Case& c : cases) {
        Scene s;
        s.link_pages();
        s.publish(Scene::level3, 5, 0x8000'0000 | page_rw);
        s.exchange(Scene::level3, 5, c.after);
        EXPECT_EQ(s.found, c.want) << std::hex << c.after;
    }
}

// Without AF nothing is cached, so that nothing needs to go.
TEST(CheckerStores, AnEntryWithoutAfMayBecomeAnother) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 5, (0x8000'0000 | page_rw) & ~af);
    s.exchange(Scene::level3, 5, 0x9000'0000 | page_rw);
    EXPECT_EQ(s.found, Found{});
    // Unless it had AF before.
    s.exchange(Scene::level3, 5, (0x9000'0000 | page_rw) & ~af);
    s.exchange(Scene::level3, 5, 0x8000'0000 | page_rw);
    EXPECT_EQ(s.found, Found{"remade_too_early not_invalidated"});
}

// The page at 0x5000, for this CPU alone.
void invalidate_locally(Scene& s) {
    s.barrier(Barrier::dsb_nshst);
    s.tlbi({.kind = TlbiKind::ipas2,
            .scope = InvalidationScope::local,
            .last_level = true,
            .operand = by_ipa(0x5000, 3)});
    s.barrier(Barrier::dsb_nsh);
    s.tlbi({.kind = TlbiKind::vmalle1, .scope = InvalidationScope::local});
    s.barrier(Barrier::dsb_nsh);
    s.barrier(Barrier::isb);
    s.settled();
}

TEST(CheckerStores, PermissionsTakenAwayAreBroadcast) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.exchange(Scene::level3, 5, 0x8000'0000 | page_ro);
    invalidate_locally(s);
    EXPECT_EQ(s.found, Found{"left_in_tlb local_only"});
}

TEST(CheckerStores, PermissionsGivenAreForTheCpuThatGivesThem) {
    Scene s;
    s.link_pages();
    s.publish(Scene::level3, 5, 0x8000'0000 | page_ro);
    s.exchange(Scene::level3, 5, 0x8000'0000 | page_rw);
    s.barrier(Barrier::dsb_nshst);
    s.settled();
    EXPECT_EQ(s.found, Found{"upgrade_left_in_tlb not_invalidated"});

    Scene t;
    t.link_pages();
    t.publish(Scene::level3, 5, 0x8000'0000 | page_ro);
    t.exchange(Scene::level3, 5, 0x8000'0000 | page_rw);
    invalidate_locally(t);
    EXPECT_EQ(t.found, Found{});
    // Another CPU may have the old entry still, and it must not meet another output.
    t.exchange(Scene::level3, 5, 0);
    t.publish(Scene::level3, 5, 0x9000'0000 | page_rw);
    EXPECT_EQ(t.found, (Found{"remade_too_early not_invalidated", "remade_too_early local_only"}));
}

TEST(CheckerStores, HardwareSetsAfAndDirtyState) {
    Scene s;
    s.link_pages();
    const std::uint64_t clean = (0x8000'0000 | page_ro | 1ULL << 51) & ~af;
    s.publish(Scene::level3, 5, clean);
    s.hardware(Scene::level3, 5, clean | af);
    s.hardware(Scene::level3, 5, clean | af | 1 << 7);
    s.dsb_ishst();
    s.settled();
    EXPECT_EQ(s.found, Found{});
    s.hardware(Scene::level3, 5, clean | 1 << 7); // AF does not go by itself
    EXPECT_EQ(s.found, Found{"hardware_update"});
    s.publish(Scene::level3, 6, 0x8000'1000 | page_ro);
    s.hardware(Scene::level3, 6, 0x8000'1000 | page_rw); // nor does W come without DBM
    EXPECT_EQ(s.found.size(), 2U);
}

TEST(CheckerStores, DescriptorsThatCannotBe) {
    struct Case {
        std::uint64_t table;
        std::uint64_t value;
        const char* want;
    };
    const Case cases[] = {
        {Scene::level3, 0x8000'0000 | block_rw, "kind_not_at_level"}, // 01 at level 3
        {Scene::level2, 0x8010'0000 | block_rw, "reserved_bits"},     // 1 MiB in a 2 MiB block
        {Scene::level3, 0x8000'0000 | page_rw | 1ULL << 48, "reserved_bits"},
        {Scene::level3, 0x0100'0000'0000 | page_rw, "output_out_of_range"}, // beyond 40 bits
        {Scene::level3, 0x8001'0000 | page_rw | contiguous, "contiguous_misaligned"},
    };
    for (const Case& c : cases) {
        Scene s;
        s.link_pages();
        s.publish(c.table, 7, c.value);
        ASSERT_FALSE(s.found.empty()) << c.want;
        EXPECT_EQ(s.found.front(), c.want);
    }
    // The same in a table that is linked when it is filled.
    Scene s;
    s.link_pages();
    s.allocate(Scene::spare);
    s.store(Scene::spare, 7, 0x8000'0000 | block_rw);
    EXPECT_EQ(s.found, Found{});
    s.publish(Scene::level2, 1, Scene::spare | 3);
    EXPECT_EQ(s.found, Found{"kind_not_at_level"});
    EXPECT_EQ(s.last.ipa, 0x20'7000U);
}

} // namespace
} // namespace twofold::model::testing
