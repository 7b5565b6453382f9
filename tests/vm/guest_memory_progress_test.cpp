// SPDX-License-Identifier: MIT
// Whatever the geometry and the extents, an access that faults succeeds after one resolution, at
// the address that the backing gave.
#include "guest_machine.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace twofold {
namespace {

using test::ExtentBacking;
using test::GuestMachine;
using Kind = model::AccessKind;

CpuFeatures without_dic_and_fwb() {
    CpuFeatures features = test::full_features();
    features.fwb = false;
    features.dic = false;
    return features;
}
CpuFeatures with_dic_and_fwb() {
    CpuFeatures features = test::full_features();
    features.dic = true;
    return features;
}

constexpr Kind kinds[] = {Kind::load,        Kind::store,  Kind::fetch,
                          Kind::stage1_walk, Kind::atomic, Kind::stage1_update};

// Every leaf lies in the slot and shows what the backing says.
void expect_table_agrees(GuestMachine& machine, const Slot& slot, const ExtentBacking& backing) {
    const std::uint64_t page = machine.memory.geometry().page_size();
    machine.memory.for_each_run([&](const Mapping& run) {
        ASSERT_GE(run.ipa, slot.range.start);
        ASSERT_LE(run.ipa + run.size, slot.range.end());
        ASSERT_EQ(run.attributes.type, MemoryType::normal_wb);
        const Ipa last = run.ipa + run.size - page;
        ASSERT_EQ(run.pa, backing.pa_of(slot.offset_of(run.ipa)));
        ASSERT_EQ(run.pa + (last - run.ipa), backing.pa_of(slot.offset_of(last)));
    });
}

void touch_everywhere(const Geometry& g, const CpuFeatures& features, std::uint64_t extent,
                      std::uint64_t shuffle, std::uint64_t lead, std::uint64_t seed) {
    SCOPED_TRACE(test::name_of(g) + " extents of " + std::to_string(extent) + " lead " +
                 std::to_string(lead));
    GuestMachine machine{g, features};
    ExtentBacking backing{Pa{0}, extent, shuffle, lead};
    const std::uint64_t page = g.page_size();
    // From the second page of the input space to its last but one.
    const Slot slot{.range = {.start = Ipa{page}, .length = g.ipa_limit() - 2 * page},
                    .backing = &backing};
    if (g.ipa_limit() < 4 * page) {
        return;
    }
    ASSERT_TRUE(machine.memory.add_slot(slot));

    std::mt19937_64 random{seed};
    const auto touch = [&](Ipa ipa, Kind kind) {
        const auto result = machine.access(ipa, kind);
        ASSERT_TRUE(result.pa) << "ipa " << ipa.value << " kind " << static_cast<int>(kind);
        ASSERT_EQ(*result.pa, backing.pa_of(slot.offset_of(ipa)));
    };
    const std::uint64_t edges[] = {page, 2 * page - 1, g.ipa_limit() - page - 1, g.ipa_limit() / 2};
    for (const std::uint64_t edge : edges) {
        for (const Kind kind : kinds) {
            touch(Ipa{edge}, kind);
        }
    }
    std::uint64_t near = g.ipa_limit() / 2;
    for (unsigned i = 0; i < 12; ++i) {
        const Ipa ipa{page + random() % slot.range.length};
        touch(ipa, kinds[random() % std::size(kinds)]);
        // And close to each other, so that neighbours share tables and blocks.
        near = std::clamp(near + random() % (8 * page) - 4 * page, page, g.ipa_limit() - page - 1);
        touch(Ipa{near}, kinds[random() % std::size(kinds)]);
        if (::testing::Test::HasFatalFailure()) {
            return;
        }
    }
    expect_table_agrees(machine, slot, backing);
    EXPECT_EQ(machine.memory.counters().by_outcome[static_cast<std::size_t>(Outcome::stop)].value(),
              0U);
}

TEST(GuestMemoryProgress, EveryGeometryAndExtentSize) {
    unsigned geometries = 0;
    for (const CpuFeatures& features : {without_dic_and_fwb(), with_dic_and_fwb()}) {
        for (const Geometry& g : test::every_geometry(features)) {
            ++geometries;
            const std::uint64_t page = g.page_size();
            for (Level level = page_level; level >= 0; --level) {
                const std::uint64_t size = g.entry_size(level);
                if (size > std::uint64_t{1} << 42 || size > 2 * g.ipa_limit()) {
                    break;
                }
                touch_everywhere(g, features, size, 0, page, size + g.ipa_bits());
                touch_everywhere(g, features, size, 1, page, size + g.ipa_bits());
            }
            // Not a power of two, and misaligned by a page.
            touch_everywhere(g, features, 7 * page, 0, 0, g.ipa_bits());
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(geometries, 200U);
}

// Accesses, withdrawals, ageing and write protection in any order, on a small guest.
TEST(GuestMemoryProgress, AnyOrderOfEvents) {
    std::mt19937_64 random{11};
    for (const Granule granule : all_granules) {
        for (const bool plain : {false, true}) {
            const CpuFeatures features = plain ? without_dic_and_fwb() : with_dic_and_fwb();
            const unsigned bits = granule == Granule::k64 ? 34 : granule == Granule::k16 ? 30 : 28;
            const Geometry g =
                Geometry::make(features, {.granule = granule, .ipa_bits = bits}).value();
            GuestMachine machine{g, features};
            const std::uint64_t page = g.page_size();
            ExtentBacking backing{Pa{std::uint64_t{1} << 40}, g.entry_size(2), 5};
            const Slot slot{.range = {.start = Ipa{0}, .length = g.ipa_limit()},
                            .backing = &backing};
            ASSERT_TRUE(machine.memory.add_slot(slot));
            const auto page_near_start = [&] {
                return Ipa{random() % std::min(slot.range.length, 4 * g.entry_size(2)) / page *
                           page};
            };
            const auto expect_none_allowed = [&](Ipa start, std::uint64_t length, Kind kind) {
                for (const std::uint64_t at : {std::uint64_t{0}, length - 1, random() % length}) {
                    ASSERT_FALSE(machine.allows(start + at, kind));
                }
            };
            for (unsigned step = 0; step < 3000; ++step) {
                const Ipa ipa = page_near_start();
                const std::uint64_t length =
                    std::min((1 + random() % 600) * page, g.ipa_limit() - ipa.value);
                switch (random() % 16) {
                case 0:
                    ASSERT_TRUE(machine.memory.withdraw({.start = ipa, .length = length}));
                    expect_none_allowed(ipa, length, Kind::load);
                    break;
                case 1:
                    machine.memory.with_table([&](auto& table, Invalidation& owed) {
                        ASSERT_TRUE(table.protect(ipa, length, Permissions::r(), owed));
                    });
                    expect_none_allowed(ipa, length, Kind::store);
                    break;
                case 2:
                    ASSERT_TRUE(machine.memory.withdraw(slot.range));
                    break;
                default: {
                    const Kind kind = kinds[random() % std::size(kinds)];
                    const auto result = machine.access(ipa, kind);
                    ASSERT_TRUE(result.pa);
                    ASSERT_EQ(*result.pa, backing.pa_of(ipa.value));
                }
                }
            }
            expect_table_agrees(machine, slot, backing);
        }
    }
}

} // namespace
} // namespace twofold
