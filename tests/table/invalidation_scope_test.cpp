// SPDX-License-Identifier: MIT
// plan_invalidation(): how far each instruction reaches, and which accesses it waits for.
#include "geometries.hpp"
#include "machine.hpp"

#include <twofold/table/invalidation_plan.hpp>

#include <gtest/gtest.h>

#include <string>

namespace twofold::test {
namespace {

// Clears what a test added: an obligation may not be dropped.
struct Owed : Invalidation {
    ~Owed() { clear(); }
};

// Each instruction reaches as far as the widest change, and keeps to accesses without the XS
// attribute only if all leaves that changed have FnXS and the CPU has the forms.
TEST(InvalidationPlan, ScopeAndXsOfEachOperation) {
    constexpr auto local = InvalidationScope::local;
    constexpr auto everywhere = InvalidationScope::inner_shareable;
    struct Row {
        const char* name = {};
        void (*add)(Invalidation& owed) = {};
        InvalidationScope scope = {};
        bool nxs = {};
    };
    const Row rows[] = {
        {"one page, local, FnXS",
         [](Invalidation& o) { o.add_leaf(Ipa{0x1000}, 0x1000, 3, local, true); }, local, true},
        {"one page", [](Invalidation& o) { o.add_leaf(Ipa{0x1000}, 0x1000, 3, everywhere, false); },
         everywhere, false},
        {"a range and a page, all FnXS",
         [](Invalidation& o) {
             o.add_leaf(Ipa{0x1000}, 64 * 0x1000, 3, everywhere, true);
             o.add_leaf(Ipa{0x10'0000}, 0x1000, 3, local, true);
         },
         everywhere, true},
        {"one without FnXS",
         [](Invalidation& o) {
             o.add_leaf(Ipa{0x1000}, 64 * 0x1000, 3, local, true);
             o.add_leaf(Ipa{0x10'0000}, 0x1000, 3, local, false);
         },
         local, false},
        {"a table",
         [](Invalidation& o) {
             o.add_leaf(Ipa{0x1000}, 0x1000, 3, local, true);
             o.add_table(Ipa{0x20'0000}, 2 * MiB);
         },
         everywhere, false},
        {"the whole VMID",
         [](Invalidation& o) {
             o.add_leaf(Ipa{0x1000}, 0x1000, 3, local, true);
             o.add_whole_vmid();
         },
         everywhere, false},
    };
    for (const Row& row : rows) {
        for (const bool xs : {false, true}) {
            SCOPED_TRACE(std::string{row.name} + (xs ? ", FEAT_XS" : ""));
            CpuFeatures features = full_features();
            features.xs = xs;
            Owed owed;
            row.add(owed);
            unsigned operations = 0;
            plan_invalidation(*Geometry::make(features, three_levels()), features, owed,
                              [&](const TlbiOperation& op) {
                                  EXPECT_EQ(op.scope, row.scope);
                                  EXPECT_EQ(op.nxs, row.nxs && xs);
                                  ++operations;
                              });
            EXPECT_GT(operations, 0U);
        }
    }
}

} // namespace
} // namespace twofold::test
