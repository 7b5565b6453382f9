// SPDX-License-Identifier: MIT
// A fetch whose backing answers late: meanwhile a write has put a copy in the place of what it had
// found, and what was right for the original is not done to the copy.
#include "guest.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr Pa copy_pa = memory_pa + GiB;

class CopiedAtAWrite : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        const std::uint64_t at = align_down(offset, page);
        copied = copied || access == AccessKind::write;
        const Extent copy{.offset = at, .pa = copy_pa + at, .length = page};
        const Extent original{.pa = memory_pa, .length = 2 * MiB, .writable = false};
        const Extent answer = copied ? copy : original;
        if (const auto work = std::exchange(before_answer, {})) {
            work();
        }
        return answer;
    }
    bool copied = false;
    std::function<void()> before_answer = {};
};

// Whether the original is there as one block, of which the fetch wants a page.
class OvertakenFetch : public testing::TestWithParam<bool> {};

TEST_P(OvertakenFetch, DoesNotTouchTheCopy) {
    CopiedAtAWrite backing;
    const CpuFeatures features = old_cpu();
    GuestMachine machine{geometry_4k(features, 40), features};
    ASSERT_TRUE(
        machine.memory.add_slot({.range = {.start = ram, .length = 2 * MiB}, .backing = &backing}));
    ASSERT_TRUE(machine.access(ram, Kind::load).pa);
    ASSERT_TRUE(machine.memory.set_slot_flags(ram, true, true));
    if (!GetParam()) {
        Progress all;
        ASSERT_TRUE(machine.memory.split_blocks(ram, 2 * MiB, all));
    }
    const Ipa ipa = ram + 5 * page;
    backing.before_answer = [&] {
        EXPECT_EQ(machine.handle(data_abort(permission, wnr, ipa), ipa, 1), Resolution::resume());
        EXPECT_EQ(machine.walk(ipa, Kind::store).translation.pa, copy_pa + 5 * page);
    };
    EXPECT_EQ(machine.handle(fetch_abort(permission, 0, ipa), ipa), Resolution::resume());
    ASSERT_TRUE(backing.copied);
    // The instruction caches know nothing of the copy yet.
    EXPECT_TRUE(machine.allows(ipa, Kind::store));
    EXPECT_FALSE(machine.allows(ipa, Kind::fetch));
    EXPECT_EQ(machine.memory.counters().lost_races.value(), 1U);
    machine.port.cache_operations.clear();
    EXPECT_EQ(machine.access(ipa, Kind::fetch).pa, copy_pa + 5 * page);
    EXPECT_EQ(machine.port.cache_operations,
              (std::vector{CacheOperation{true, copy_pa + 5 * page, page}}));
    EXPECT_TRUE(machine.allows(ipa, Kind::store));
}

INSTANTIATE_TEST_SUITE_P(Original, OvertakenFetch, testing::Bool(),
                         [](const auto& block) { return block.param ? "ABlock" : "Pages"; });

} // namespace
} // namespace twofold::test
