// SPDX-License-Identifier: MIT
// The pages that are mapped beside one that was faulted on, and those that are not.
#include "guest.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t window = 16 * page;

// A page each, with what is at hand.
class Near : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        asked.push_back(offset / page);
        return at(offset, access);
    }
    BackingAnswer nearby(std::uint64_t offset) override {
        asked_nearby.push_back(offset / page);
        if (far.contains(offset / page)) {
            return std::unexpected(Unbacked::not_yet);
        }
        return at(offset, AccessKind::read);
    }
    Extent at(std::uint64_t offset, AccessKind access) const {
        Extent extent = pattern;
        extent.offset = align_down(offset, page);
        extent.pa = memory_pa + extent.offset;
        extent.length = page;
        extent.writable = access == AccessKind::write || pattern.writable;
        return extent;
    }
    std::vector<std::uint64_t> asked = {};
    std::vector<std::uint64_t> asked_nearby = {};
    std::set<std::uint64_t> far = {};
    Extent pattern = {};
};

struct NearGuest {
    explicit NearGuest(const CpuFeatures& features = full_features(), std::uint64_t around = window)
        : machine{geometry_4k(features, 40), features, {.fault_around = around}} {}
    void add(std::uint64_t first, std::uint64_t count, bool logging = false) {
        ASSERT_TRUE(
            machine.memory.add_slot({.range = {.start = ram + first * page, .length = count * page},
                                     .backing = &near,
                                     .dirty_logging = logging}));
    }
    std::vector<std::uint64_t> allowed(Kind kind, std::uint64_t end = 64) {
        std::vector<std::uint64_t> pages;
        for (std::uint64_t p = 0; p < end; ++p) {
            if (machine.allows(ram + p * page, kind)) {
                pages.push_back(p);
            }
        }
        return pages;
    }
    std::uint64_t mapped_around() const { return machine.memory.counters().mapped_around.value(); }
    Near near = {};
    GuestMachine machine;
};

std::vector<std::uint64_t> from_to(std::uint64_t first, std::uint64_t end) {
    std::vector<std::uint64_t> pages;
    for (std::uint64_t p = first; p < end; ++p) {
        pages.push_back(p);
    }
    return pages;
}

TEST(FaultAround, TheAlignedWindowAndNoMore) {
    for (const std::uint64_t p : {16U, 21U, 31U}) {
        NearGuest guest;
        guest.add(0, 64);
        ASSERT_TRUE(guest.machine.access(ram + p * page + 8, Kind::store).pa);
        EXPECT_EQ(guest.near.asked, std::vector{p});
        EXPECT_EQ(guest.allowed(Kind::load), from_to(16, 32));
        EXPECT_EQ(guest.allowed(Kind::store), from_to(16, 32));
        EXPECT_EQ(guest.mapped_around(), 15U);
        for (std::uint64_t i = 16; i < 32; ++i) {
            EXPECT_EQ(guest.machine.walk(ram + i * page, Kind::load).translation.pa,
                      memory_pa + i * page);
        }
    }
}

TEST(FaultAround, EndsWithTheSlot) {
    NearGuest guest;
    guest.add(3, 8);
    guest.add(12, 20);
    ASSERT_TRUE(guest.machine.access(ram + 5 * page, Kind::load).pa);
    EXPECT_EQ(guest.allowed(Kind::load), from_to(3, 11));
    for (const std::uint64_t p : guest.near.asked_nearby) {
        EXPECT_LT(p, 8U); // of the slot
    }
    EXPECT_EQ(guest.near.asked_nearby.size(), 7U);
}

TEST(FaultAround, NotWithoutTheWordOfTheBackingNorOverWhatIsThere) {
    NearGuest guest;
    guest.add(0, 64);
    guest.near.far = {2, 3};
    const Pa elsewhere = memory_pa + GiB;
    guest.machine.memory.with_table([&](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram + 7 * page,
                               .pa = elsewhere,
                               .length = page,
                               .attributes = {.permissions = Permissions::r()}},
                              owed));
    });
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    std::vector<std::uint64_t> expected = from_to(0, 16);
    std::erase_if(expected, [](std::uint64_t p) { return p == 2 || p == 3; });
    EXPECT_EQ(guest.allowed(Kind::load), expected);
    EXPECT_EQ(guest.machine.walk(ram + 7 * page, Kind::load).translation.pa, elsewhere);
    EXPECT_FALSE(guest.machine.allows(ram + 7 * page, Kind::store));
    EXPECT_EQ(guest.mapped_around(), 12U);
    // A backing that says nothing of it, and a window that is not asked for.
    Guest silent{full_features(), 40, page, {.fault_around = window}};
    silent.add_ram();
    ASSERT_TRUE(silent.machine.access(ram, Kind::load).pa);
    EXPECT_FALSE(silent.mapping(ram + page));
    NearGuest none{full_features(), 0};
    none.add(0, 64);
    ASSERT_TRUE(none.machine.access(ram, Kind::load).pa);
    EXPECT_EQ(none.allowed(Kind::load), from_to(0, 1));
}

TEST(FaultAround, NothingThatIsBeingWithdrawn) {
    NearGuest guest;
    guest.add(0, 64);
    const IpaSpan range{.start = ram + 9 * page, .length = page};
    ASSERT_TRUE(guest.machine.memory.invalidate_begin(range));
    ASSERT_TRUE(guest.machine.access(ram + 4 * page, Kind::load).pa);
    EXPECT_EQ(guest.allowed(Kind::load), from_to(0, 9));
    ASSERT_TRUE(guest.machine.access(ram + 12 * page, Kind::load).pa);
    std::vector<std::uint64_t> expected = from_to(0, 16);
    std::erase(expected, 9U);
    EXPECT_EQ(guest.allowed(Kind::load), expected);
    for (const std::uint64_t p : guest.near.asked_nearby) {
        EXPECT_NE(p, 9U);
    }
    guest.machine.memory.invalidate_end(range);
    ASSERT_TRUE(guest.machine.access(range.start, Kind::load).pa);
    EXPECT_EQ(guest.allowed(Kind::load), from_to(0, 16));
}

TEST(FaultAround, AFetchMakesWhatIsMappedAlreadyExecutable) {
    NearGuest guest{old_cpu()};
    guest.add(0, 64);
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    EXPECT_EQ(guest.allowed(Kind::fetch), from_to(0, 0));
    EXPECT_EQ(guest.machine.port.cache_operations.size(), 16U);
    guest.machine.port.cache_operations.clear();
    guest.machine.port.on_cache = [&](const CacheOperation& operation) {
        const std::uint64_t p = (operation.pa - memory_pa) / page;
        EXPECT_TRUE(operation.instruction);
        EXPECT_EQ(operation.bytes, page);
        EXPECT_FALSE(guest.machine.allows(ram + p * page, Kind::fetch)) << p;
    };
    ASSERT_TRUE(guest.machine.access(ram + 3 * page, Kind::fetch).pa);
    EXPECT_EQ(guest.allowed(Kind::fetch), from_to(0, 16));
    EXPECT_EQ(guest.allowed(Kind::store), from_to(0, 16)); // which it was
    EXPECT_EQ(guest.machine.port.cache_operations.size(), 16U);
    // A first touch that is a fetch: all of it is cleaned and invalidated.
    guest.machine.port.on_cache = {};
    guest.machine.port.cache_operations.clear();
    ASSERT_TRUE(guest.machine.access(ram + 20 * page, Kind::fetch).pa);
    EXPECT_EQ(guest.allowed(Kind::fetch), from_to(0, 32));
    EXPECT_EQ(guest.machine.port.cache_operations.size(), 32U);
}

TEST(FaultAround, WhatMayNotBeFetchedIsLeftToItsOwnFault) {
    NearGuest guest{old_cpu()};
    guest.add(0, 64);
    guest.near.pattern.executable = false;
    EXPECT_EQ(guest.machine.access(ram, Kind::fetch).resolution->outcome, Outcome::inject);
    EXPECT_EQ(guest.allowed(Kind::load), from_to(0, 0));
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    EXPECT_EQ(guest.allowed(Kind::load), from_to(0, 16));
    EXPECT_EQ(guest.allowed(Kind::fetch), from_to(0, 0));
}

TEST(FaultAround, OnlyThePageThatIsWrittenIsWritableWhereThatIsNoticed) {
    NearGuest logged;
    logged.add(0, 64, true);
    ASSERT_TRUE(logged.machine.access(ram + 5 * page, Kind::store).pa);
    EXPECT_EQ(logged.allowed(Kind::load), from_to(0, 16));
    EXPECT_EQ(logged.allowed(Kind::store), from_to(5, 6));
    // Where a write gets a copy, or is asked for.
    NearGuest copied;
    copied.add(0, 64);
    copied.near.pattern.writable = false;
    ASSERT_TRUE(copied.machine.access(ram + 5 * page, Kind::store).pa);
    EXPECT_EQ(copied.allowed(Kind::load), from_to(0, 16));
    EXPECT_EQ(copied.allowed(Kind::store), from_to(5, 6));
}

TEST(FaultAround, ABlockBesideThePageIsNotTouched) {
    // 4 MiB around a page; half of it is a block already, which may not be executed.
    NearGuest guest{old_cpu(), 4 * MiB};
    guest.add(0, 1024);
    guest.machine.memory.with_table([&](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram + 2 * MiB,
                               .pa = memory_pa + 2 * MiB,
                               .length = 2 * MiB,
                               .attributes = {.permissions = Permissions::rw()}},
                              owed));
        ASSERT_TRUE(table.map({.ipa = ram,
                               .pa = memory_pa,
                               .length = page,
                               .attributes = {.permissions = Permissions::rw()}},
                              owed));
    });
    ASSERT_TRUE(guest.machine.access(ram, Kind::fetch).pa);
    // It was invalidated page by page, none of which has become one.
    EXPECT_EQ(guest.machine.walk(ram + 3 * MiB, Kind::load).translation.size, 2 * MiB);
    EXPECT_FALSE(guest.machine.allows(ram + 3 * MiB, Kind::fetch));
    EXPECT_TRUE(guest.machine.allows(ram + 2 * MiB - page, Kind::fetch));
}

} // namespace
} // namespace twofold::test
