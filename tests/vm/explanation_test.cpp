// SPDX-License-Identifier: MIT
// What is said of an address: what is there, what a fault would map, and why not more.
#include "guest.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;

LimitedBy reason_of(const SizeLimits& limits, std::uint64_t size) {
    for (const SizeLimit& limit : limits) {
        if (limit.size == size) {
            return limit.reason;
        }
    }
    ADD_FAILURE() << "no limit for " << size;
    return {};
}

TEST(Explanation, SaysWhatIsThereAndWhyNotMore) {
    Guest guest{full_features(), 40, 4 * MiB};
    guest.add({.range = {.start = ram, .length = 6 * MiB}});
    GuestMachine::Memory& memory = guest.machine.memory;
    const Geometry& geometry = memory.geometry();
    const Ipa ipa = ram + 2 * MiB + 5 * page + 8;
    auto found = memory.explain(ipa);
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->found.mapping);
    EXPECT_EQ(found->slot.range, (IpaSpan{.start = ram, .length = 6 * MiB}));
    ASSERT_TRUE(found->answer);
    EXPECT_EQ(found->answer->pa, memory_pa);
    EXPECT_EQ(found->answer->length, 4 * MiB);
    ASSERT_TRUE(found->request);
    EXPECT_EQ(reason_of(found->limits(geometry), page), LimitedBy::nothing);
    EXPECT_EQ(reason_of(found->limits(geometry), 2 * MiB), LimitedBy::nothing);
    EXPECT_EQ(reason_of(found->limits(geometry), GiB), LimitedBy::slot_end);
    // What a fault maps is the largest of them; asking has changed nothing.
    EXPECT_EQ(memory.table_counters().tables, 0U);
    ASSERT_TRUE(guest.machine.access(ipa, Kind::load).pa);
    EXPECT_EQ(guest.mapping(ipa)->size, 2 * MiB);

    found = memory.explain(ipa);
    ASSERT_TRUE(found && found->found.mapping);
    EXPECT_EQ(found->found.mapping->pa, memory_pa + 2 * MiB);
    ASSERT_TRUE(memory.set_slot_flags(ram, true, true));
    EXPECT_EQ(reason_of(memory.explain(ipa)->limits(geometry), 2 * MiB), LimitedBy::dirty_logging);
    ASSERT_TRUE(memory.set_slot_flags(ram, true, false));
    // A page that is there limits what can be put beside it.
    ASSERT_TRUE(memory.withdraw({.start = ram + 2 * MiB, .length = page}));
    EXPECT_EQ(reason_of(memory.explain(ram + 2 * MiB)->limits(geometry), 2 * MiB),
              LimitedBy::other_mappings);
}

TEST(Explanation, WhereThereIsNothingToSay) {
    Guest guest;
    guest.add_ram();
    GuestMachine::Memory& memory = guest.machine.memory;
    EXPECT_EQ(memory.explain(ram - 1).error(), Error::slot_unknown);
    EXPECT_EQ(memory.explain(ram + GiB).error(), Error::slot_unknown);
    EXPECT_EQ(memory.explain(Ipa{memory.geometry().ipa_limit()}).error(), Error::ipa_out_of_range);
    guest.backing.missing = Unbacked::poisoned;
    const auto found = memory.explain(ram);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->answer.error(), Unbacked::poisoned);
    EXPECT_FALSE(found->request);
    EXPECT_EQ(guest.count(Outcome::inject), 0U);
}

} // namespace
} // namespace twofold::test
