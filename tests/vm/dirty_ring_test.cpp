// SPDX-License-Identifier: MIT
#include <twofold/vm/dirty_ring.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace twofold {
namespace {

using Pages = std::vector<std::uint64_t>;

Pages take(DirtyRing& ring, std::size_t most = ~std::size_t{0}) {
    Pages pages;
    const std::size_t taken = ring.take([&](Ipa page) { pages.push_back(page.value); }, most);
    EXPECT_EQ(taken, pages.size());
    return pages;
}

TEST(DirtyRing, GivesBackInOrderWhatWasPut) {
    std::array<Ipa, 8> storage;
    DirtyRing ring{storage, 2};
    EXPECT_EQ(take(ring), Pages{});
    // Round the end of the storage several times.
    for (std::uint64_t first = 0; first < 100; first += 5) {
        for (std::uint64_t i = 0; i < 5; ++i) {
            EXPECT_TRUE(ring.put(Ipa{first + i}));
        }
        EXPECT_EQ(ring.size(), 5U);
        EXPECT_EQ(take(ring, 2), (Pages{first, first + 1}));
        EXPECT_EQ(take(ring), (Pages{first + 2, first + 3, first + 4}));
    }
}

TEST(DirtyRing, SaysFullBeforeItIsAndRefusesWhenItIs) {
    std::array<Ipa, 8> storage;
    DirtyRing ring{storage, 2};
    for (std::uint64_t i = 0; i < 6; ++i) {
        EXPECT_FALSE(ring.is_full()) << i;
        EXPECT_TRUE(ring.put(Ipa{i << 12}));
    }
    EXPECT_TRUE(ring.is_full());
    EXPECT_TRUE(ring.put(Ipa{0x6000})); // what was under way
    EXPECT_TRUE(ring.put(Ipa{0x7000}));
    EXPECT_FALSE(ring.put(Ipa{0x8000}));
    EXPECT_EQ(take(ring, 3), (Pages{0, 0x1000, 0x2000}));
    EXPECT_FALSE(ring.is_full());
    EXPECT_EQ(take(ring), (Pages{0x3000, 0x4000, 0x5000, 0x6000, 0x7000}));
}

TEST(DirtyRingDeathTest, StorageIsAPowerOfTwoAndLargerThanItsReserve) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    std::array<Ipa, 8> storage;
    EXPECT_DEATH((DirtyRing{std::span{storage}.first(6), 1}), "");
    EXPECT_DEATH((DirtyRing{storage, 8}), "");
}

// A vCPU that stops when it is told to loses nothing, however slow the other side is.
TEST(DirtyRingThreads, LoseNothing) {
    constexpr std::uint64_t count = 200'000;
    std::array<Ipa, 64> storage;
    DirtyRing ring{storage, 4};
    bool refused = false;
    std::thread vcpu{[&] {
        for (std::uint64_t i = 0; i < count; ++i) {
            while (ring.is_full()) {
                std::this_thread::yield();
            }
            refused = !ring.put(Ipa{i << 12}) || refused;
        }
    }};
    std::uint64_t next = 0;
    bool in_order = true;
    while (next < count) {
        ring.take(
            [&](Ipa page) {
                in_order = in_order && page == Ipa{next << 12};
                ++next;
            },
            7);
        std::this_thread::yield();
    }
    vcpu.join();
    EXPECT_FALSE(refused);
    EXPECT_TRUE(in_order);
    EXPECT_EQ(ring.size(), 0U);
}

} // namespace
} // namespace twofold
