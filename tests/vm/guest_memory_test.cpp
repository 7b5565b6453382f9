// SPDX-License-Identifier: MIT
// Each kind of abort, each answer of a backing, and the cases that hang elsewhere.
#include "guest_machine.hpp"

#include <gtest/gtest.h>

namespace twofold {
namespace {

using test::CacheOperation;
using test::ExtentBacking;
using test::GuestMachine;
using Kind = model::AccessKind;

constexpr Ipa ram{0x4000'0000};
constexpr Pa memory_pa{0x10'0000'0000};

// cortex-a72: neither FWB, nor DIC, nor XNX, nor range TLBIs.
CpuFeatures old_cpu() {
    CpuFeatures features;
    features.pa_bits = 44;
    features.granule_4k = features.granule_64k = true;
    features.vmid16 = true;
    return features;
}

Geometry geometry_4k(const CpuFeatures& features, unsigned ipa_bits) {
    return Geometry::make(features, {.granule = Granule::k4, .ipa_bits = ipa_bits}).value();
}

struct Guest {
    explicit Guest(const CpuFeatures& features = test::full_features(), unsigned ipa_bits = 40,
                   std::uint64_t extent = GiB, const GuestMemoryPolicy& policy = {})
        : backing{memory_pa, extent},
          machine{geometry_4k(features, ipa_bits), features, policy} {}

    void add(Slot slot) {
        slot.backing = &backing;
        ASSERT_TRUE(machine.memory.add_slot(slot));
    }
    void add_ram(std::uint64_t length = GiB) { add({.range = {.start = ram, .length = length}}); }

    std::uint64_t count(Outcome outcome) const {
        return counters().by_outcome[static_cast<std::size_t>(outcome)].value();
    }
    std::uint64_t chosen(Level level, LimitedBy reason) const {
        return counters()
            .chosen[static_cast<std::size_t>(level)][static_cast<std::size_t>(reason)]
            .value();
    }
    const FaultCounters& counters() const { return machine.memory.counters(); }
    std::optional<Mapping> mapping(Ipa ipa) {
        std::optional<Mapping> result;
        machine.memory.with_table(
            [&](auto& table, Invalidation&) { result = table.lookup(ipa)->mapping; });
        return result;
    }

    ExtentBacking backing;
    GuestMachine machine;
};

Abort data_abort(std::uint64_t dfsc, std::uint64_t iss = 0, Ipa ipa = ram) {
    return *Abort::decode(0x24ULL << 26 | 1ULL << 25 | iss | dfsc, ipa.value >> 8 & ~0xfULL,
                          ipa.value & 0xfff);
}
Abort fetch_abort(std::uint64_t ifsc, std::uint64_t iss = 0, Ipa ipa = ram) {
    return *Abort::decode(0x20ULL << 26 | 1ULL << 25 | iss | ifsc, ipa.value >> 8 & ~0xfULL,
                          ipa.value & 0xfff);
}
constexpr std::uint64_t translation = 0x05; // level 1
constexpr std::uint64_t permission = 0x0d;
constexpr std::uint64_t isv_word_x1 = 1ULL << 24 | 2ULL << 22 | 1ULL << 16;
constexpr std::uint64_t wnr = 1ULL << 6;
constexpr std::uint64_t s1ptw = 1ULL << 7;
constexpr std::uint64_t cm = 1ULL << 8;

// The case that hangs elsewhere: the table has no level for 1 GiB, the CPU no CTR_EL0.DIC.
TEST(GuestMemory, TwoLevelsWithOneGigabyteExtentsMakeProgressInOneStep) {
    Guest guest{old_cpu(), 34};
    guest.add_ram();
    GuestMachine& machine = guest.machine;

    auto result = machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_EQ(guest.chosen(2, LimitedBy::geometry), 1U);

    // A fetch from what was written: only the permission is missing.
    EXPECT_FALSE(machine.allows(ram, Kind::fetch));
    result = machine.access(ram + 0x1000, Kind::fetch);
    ASSERT_TRUE(result.pa);
    EXPECT_TRUE(result.faulted);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_TRUE(machine.allows(ram, Kind::store));

    // Write protected, as logging leaves blocks behind, and logging is off.
    machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.protect(ram, 2 * MiB, Permissions::rx(), owed));
    });
    result = machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_TRUE(result.faulted);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_TRUE(machine.allows(ram, Kind::fetch));
    EXPECT_EQ(guest.counters().permissions_raised.value(), 2U);
    EXPECT_EQ(guest.count(Outcome::resume), 3U);
}

TEST(GuestMemory, ThreeLevelsMapOneGigabyteAtOnce) {
    Guest guest;
    guest.add_ram(2 * GiB);
    const auto result = guest.machine.access(ram + 0x1234'5678, Kind::load);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(*result.pa, memory_pa + 0x1234'5678);
    EXPECT_EQ(result.translation.size, GiB);
    EXPECT_EQ(guest.chosen(1, LimitedBy::nothing), 1U);
    EXPECT_EQ(guest.machine.memory.table_counters().tables, 0U);
}

TEST(GuestMemory, AWriteToABlockUnderDirtyLoggingOpensOnePage) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .dirty_logging = true});
    // As when logging begins on a block that is there.
    guest.machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram,
                               .pa = memory_pa,
                               .length = GiB,
                               .attributes = {.permissions = Permissions::r()}},
                              owed));
    });
    const Ipa written = ram + 0x20'3000;
    const auto result = guest.machine.access(written, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(*result.pa, memory_pa + 0x20'3000);
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_EQ(guest.counters().blocks_split.value(), 1U);
    for (const Ipa other : {ram, written - 0x1000, written + 0x1000, ram + (GiB - 1)}) {
        EXPECT_TRUE(guest.machine.allows(other, Kind::load));
        EXPECT_FALSE(guest.machine.allows(other, Kind::store));
    }
    EXPECT_EQ(guest.mapping(ram)->size, 2 * MiB);
}

TEST(GuestMemory, DirtyLoggingMapsPagesAndWaitsForTheWrite) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .dirty_logging = true});
    auto result = guest.machine.access(ram, Kind::load);
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_FALSE(guest.machine.allows(ram, Kind::store));
    result = guest.machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_TRUE(result.faulted);
    result = guest.machine.access(ram + 0x1000, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(guest.chosen(3, LimitedBy::dirty_logging), 2U);
}

TEST(GuestMemory, ABlockIsNotPutOverPages) {
    Guest guest{test::full_features(), 40, 2 * MiB};
    guest.add_ram();
    guest.machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram + 0x5000,
                               .pa = memory_pa + 0x5000,
                               .length = 0x1000,
                               .attributes = {.permissions = Permissions::rw()}},
                              owed));
    });
    auto result = guest.machine.access(ram, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_EQ(guest.chosen(3, LimitedBy::other_mappings), 1U);
    result = guest.machine.access(ram + 2 * MiB, Kind::store);
    EXPECT_EQ(result.translation.size, 2 * MiB);
    EXPECT_EQ(guest.chosen(2, LimitedBy::extent_start), 1U);
}

TEST(GuestMemory, PolicyCapsSizes) {
    Guest guest{test::full_features(), 40, GiB, {.largest = 2 * MiB, .largest_device = 4 * KiB}};
    guest.add_ram(2 * GiB);
    EXPECT_EQ(guest.machine.access(ram, Kind::load).translation.size, 2 * MiB);
    EXPECT_EQ(guest.chosen(2, LimitedBy::cap), 1U);
    guest.backing.pattern.type = MemoryType::device_nGnRE;
    EXPECT_EQ(guest.machine.access(ram + GiB, Kind::load).translation.size, 4 * KiB);
    EXPECT_EQ(guest.chosen(3, LimitedBy::device), 1U);
}

// ---- what is not memory

TEST(GuestMemory, AHoleIsMmioIfTheSyndromeSaysHow) {
    Guest guest;
    guest.add_ram();
    const Ipa device{0x0900'0018};
    auto result = guest.machine.access(device, Kind::store);
    ASSERT_TRUE(result.resolution);
    EXPECT_EQ(*result.resolution,
              Resolution::emulate({.ipa = device,
                                   .write = true,
                                   .syndrome = {.bytes = 4, .reg = 1, .reg_is_64 = false}}));
    result = guest.machine.access(device, Kind::load);
    EXPECT_EQ(*result.resolution,
              Resolution::emulate({.ipa = device,
                                   .write = false,
                                   .syndrome = {.bytes = 4, .reg = 1, .reg_is_64 = false}}));
    EXPECT_EQ(guest.count(Outcome::mmio), 2U);
}

TEST(GuestMemory, AHoleWithoutSyndromeIsAnExternalAbort) {
    Guest guest;
    auto& memory = guest.machine.memory;
    EXPECT_EQ(memory.handle(data_abort(translation, wnr)),
              Resolution::inject({.fault = InjectedFault::external, .write = true}));
    EXPECT_EQ(memory.handle(fetch_abort(translation)),
              Resolution::inject({.fault = InjectedFault::external, .instruction = true}));
    EXPECT_EQ(memory.handle(data_abort(translation, s1ptw)),
              Resolution::inject({.fault = InjectedFault::external_on_walk}));
    EXPECT_EQ(memory.handle(fetch_abort(translation, s1ptw)),
              Resolution::inject({.fault = InjectedFault::external_on_walk, .instruction = true}));
    // A valid syndrome is no excuse for a table walk.
    EXPECT_EQ(memory.handle(data_abort(translation, s1ptw | isv_word_x1)).outcome, Outcome::inject);
    // DC and IC find nothing to maintain.
    EXPECT_EQ(memory.handle(data_abort(translation, cm | wnr)), Resolution::skip());
    EXPECT_EQ(memory.handle(data_abort(permission, cm | wnr), ram), Resolution::skip());
}

TEST(GuestMemory, BeyondTheTableIsAnAddressSizeFault) {
    Guest guest{old_cpu(), 34};
    const Ipa beyond{std::uint64_t{1} << 34};
    const auto result =
        guest.machine.memory.handle(data_abort(0x04, isv_word_x1, beyond)); // translation, level 0
    EXPECT_EQ(result, Resolution::inject({.fault = InjectedFault::address_size}));
    EXPECT_EQ(result.injection.status().encode(), 0x00U);
}

TEST(GuestMemory, EachFaultStatusHasItsOutcome) {
    struct Case {
        std::uint64_t status = 0;
        Resolution resolution = {};
    };
    const auto inject = [](InjectedFault fault) { return Resolution::inject({.fault = fault}); };
    const Resolution broken = Resolution::stop(StopReason::table_broken);
    const Resolution unexpected = Resolution::stop(StopReason::unexpected_fault);
    const Case cases[] = {
        {0x00, broken}, // address size, level 0
        {0x03, broken},
        {0x29, broken},                                  // address size, level -1
        {0x10, inject(InjectedFault::external)},         // external
        {0x13, inject(InjectedFault::external_on_walk)}, // on a walk, level -1
        {0x14, inject(InjectedFault::external_on_walk)},
        {0x17, inject(InjectedFault::external_on_walk)},
        {0x18, inject(InjectedFault::external)}, // parity
        {0x1c, inject(InjectedFault::external_on_walk)},
        {0x11, unexpected}, // tag check
        {0x21, inject(InjectedFault::alignment)},
        {0x23, unexpected}, // granule protection on a walk
        {0x28, unexpected},
        {0x30, Resolution::resume()}, // TLB conflict
        {0x31, broken},               // hardware update of a table in the wrong memory
        {0x34, unexpected},           // lockdown
        {0x35, inject(InjectedFault::unsupported_atomic)},
        {0x3f, unexpected},
    };
    for (const Case& c : cases) {
        Guest guest;
        guest.add_ram();
        EXPECT_EQ(guest.machine.memory.handle(data_abort(c.status)), c.resolution)
            << std::hex << c.status;
        EXPECT_EQ(guest.count(c.resolution.outcome), 1U);
    }
    // FEAT_NV2: nobody offers it to a guest.
    Guest guest;
    EXPECT_EQ(guest.machine.memory.handle(data_abort(translation, 1ULL << 13)), unexpected);
}

TEST(GuestMemory, ATlbConflictEmptiesTheTlbsOfTheVmid) {
    Guest guest;
    unsigned whole = 0;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        whole += owed.whole_vmid() ? 1 : 0;
    };
    EXPECT_EQ(guest.machine.memory.handle(data_abort(0x30)), Resolution::resume());
    EXPECT_EQ(whole, 1U);
}

TEST(GuestMemory, APermissionFaultNeedsTheTranslatedAddress) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .dirty_logging = true});
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    const Abort abort = data_abort(permission, wnr);
    ASSERT_FALSE(abort.ipa);
    EXPECT_EQ(guest.machine.memory.handle(abort), Resolution::stop(StopReason::ipa_unknown));
    EXPECT_EQ(guest.machine.memory.handle(abort, ram), Resolution::resume());
    EXPECT_TRUE(guest.machine.allows(ram, Kind::store));
}

// ---- access flag

TEST(GuestMemory, AnAccessFlagFaultMakesTheLeafYoung) {
    Guest guest;
    guest.add_ram();
    guest.machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(
            table.map({.ipa = ram,
                       .pa = memory_pa,
                       .length = GiB,
                       .attributes = {.permissions = Permissions::rw(), .access_flag = false}},
                      owed));
    });
    const auto result = guest.machine.access(ram + 0x3000, Kind::load);
    EXPECT_TRUE(result.faulted);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(result.translation.size, GiB);
    EXPECT_EQ(guest.counters().made_young.value(), 1U);
    EXPECT_EQ(guest.counters().of(FaultKind::access_flag).value(), 1U);

    // Another CPU was faster, or has unmapped it.
    EXPECT_EQ(guest.machine.memory.handle(data_abort(0x09)), Resolution::nothing_to_do());
    EXPECT_EQ(guest.machine.memory.handle(data_abort(0x09, 0, ram + GiB)),
              Resolution::nothing_to_do());
}

// ---- read-only memory, copy-on-write

TEST(GuestMemory, AWriteToAReadOnlySlotIsForTheDeviceModel) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .writable = false});
    EXPECT_TRUE(guest.machine.access(ram, Kind::load).pa);
    EXPECT_TRUE(guest.machine.access(ram, Kind::fetch).pa);
    for (const Ipa ipa : {ram + 4, ram + (GiB - 4)}) {
        const auto result = guest.machine.access(ipa, Kind::store);
        ASSERT_TRUE(result.resolution);
        EXPECT_EQ(*result.resolution,
                  Resolution::emulate({.ipa = ipa,
                                       .write = true,
                                       .syndrome = {.bytes = 4, .reg = 1, .reg_is_64 = false},
                                       .read_only_slot = true}));
    }
    auto& memory = guest.machine.memory;
    EXPECT_EQ(memory.handle(data_abort(permission, wnr), ram).injection,
              (Injection{.fault = InjectedFault::external, .write = true}));
    EXPECT_EQ(memory.handle(data_abort(permission, wnr | s1ptw)).injection.fault,
              InjectedFault::external_on_walk);
    EXPECT_EQ(memory.handle(data_abort(permission, wnr | cm), ram), Resolution::skip());
}

TEST(GuestMemory, AWriteThatTheBackingRefusesIsAnExternalAbort) {
    Guest guest;
    guest.add_ram();
    guest.backing.pattern.writable = false;
    EXPECT_TRUE(guest.machine.access(ram, Kind::load).pa);
    const auto result = guest.machine.access(ram, Kind::store);
    ASSERT_TRUE(result.resolution);
    EXPECT_EQ(result.resolution->outcome, Outcome::inject);
    // DC IVAC asks for write permission too.
    EXPECT_EQ(guest.machine.memory.handle(data_abort(permission, wnr | cm), ram),
              Resolution::skip());
    EXPECT_FALSE(guest.machine.allows(ram, Kind::store));
}

class CopyOnWrite : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind access) override {
        if (access == AccessKind::write) {
            copied = true;
        }
        const std::uint64_t page = align_down(offset, 4 * KiB);
        if (copied && page == 0x7000) {
            return Extent{.offset = page, .pa = Pa{0x5'0000'0000}, .length = 4 * KiB};
        }
        return Extent{.offset = 0, .pa = memory_pa, .length = GiB, .writable = false};
    }
    bool copied = false;
};

TEST(GuestMemory, CopyOnWriteReplacesThePageAndKeepsTheRest) {
    CopyOnWrite backing;
    GuestMachine machine{geometry_4k(test::full_features(), 40), test::full_features()};
    ASSERT_TRUE(
        machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
    EXPECT_EQ(machine.access(ram + 0x7010, Kind::load).translation.size, GiB);

    std::uint64_t invalidated = 0;
    machine.port.on_invalidate = [&](const Invalidation& owed) {
        invalidated += owed.overlaps(ram + 0x7000, 0x1000) ? 1 : 0;
        EXPECT_EQ(owed.scope(), InvalidationScope::inner_shareable);
    };
    const auto result = machine.access(ram + 0x7010, Kind::store);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(*result.pa, Pa{0x5'0000'0010});
    EXPECT_EQ(result.translation.size, 4 * KiB);
    EXPECT_GE(invalidated, 1U);
    EXPECT_EQ(machine.walk(ram + 0x8010, Kind::load).translation.pa, memory_pa + 0x8010);
    EXPECT_EQ(machine.walk(ram + 0x8010, Kind::load).translation.size, 4 * KiB);
    EXPECT_EQ(machine.walk(ram + (GiB - 8), Kind::load).translation.pa, memory_pa + (GiB - 8));
    EXPECT_EQ(machine.memory.counters().replaced.value(), 1U);
}

// ---- what a backing may answer

TEST(GuestMemory, WhatTheBackingDoesNotHave) {
    Guest guest;
    guest.add_ram();
    auto& memory = guest.machine.memory;
    guest.backing.missing = Unbacked::not_yet;
    EXPECT_EQ(memory.handle(data_abort(translation, isv_word_x1)), Resolution::retry());
    guest.backing.missing = Unbacked::poisoned;
    EXPECT_EQ(memory.handle(data_abort(translation, isv_word_x1)).injection.fault,
              InjectedFault::external);
    EXPECT_EQ(memory.handle(data_abort(translation, s1ptw)).injection.fault,
              InjectedFault::external_on_walk);
    EXPECT_EQ(memory.handle(data_abort(translation, cm | wnr)), Resolution::skip());
    guest.backing.missing = Unbacked::none;
    EXPECT_EQ(memory.handle(data_abort(translation, isv_word_x1)).injection.fault,
              InjectedFault::external);
    EXPECT_FALSE(guest.mapping(ram));
    guest.backing.missing.reset();
    EXPECT_EQ(memory.handle(data_abort(translation, isv_word_x1)), Resolution::resume());
}

class OneAnswer : public Backing {
public:
    BackingAnswer extent(std::uint64_t, AccessKind) override { return answer; }
    Extent answer = {};
};

TEST(GuestMemory, AnswersThatCannotBeMappedStopWithAReason) {
    struct Case {
        Extent extent = {};
        StopReason reason = StopReason::none;
    };
    const Case cases[] = {
        {{.offset = 0x2000, .length = 0x1000}, StopReason::extent_outside_offset},
        {{.offset = 0, .length = 0x1000}, StopReason::extent_outside_offset},
        {{.offset = 0x1000, .length = 0x800}, StopReason::extent_below_page},
        {{.offset = 0x1000, .pa = Pa{0x800}, .length = 0x10000}, StopReason::extent_below_page},
        {{.offset = 0, .pa = Pa{std::uint64_t{1} << 52}, .length = GiB},
         StopReason::pa_out_of_range},
        {{.offset = 0, .length = GiB, .type = MemoryType::normal_wt},
         StopReason::attributes_impossible}, // with FWB
    };
    for (const Case& c : cases) {
        OneAnswer backing;
        backing.answer = c.extent;
        GuestMachine machine{geometry_4k(test::full_features(), 40), test::full_features()};
        ASSERT_TRUE(
            machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
        EXPECT_EQ(machine.memory.handle(data_abort(translation, 0, ram + 0x1000)),
                  Resolution::stop(c.reason))
            << to_string(c.reason);
        EXPECT_EQ(machine.memory.table_counters().tables, 0U);
    }
}

TEST(GuestMemory, WithoutTableMemoryNothingChangesAndTheNextTryMayWork) {
    Guest guest{test::full_features(), 40, 4 * KiB};
    guest.add_ram();
    for (const std::uint64_t failing : {0U, 1U}) {
        guest.machine.port.allocations_until_failure = failing;
        EXPECT_EQ(guest.machine.memory.handle(data_abort(translation)),
                  Resolution::stop(StopReason::table_memory));
        EXPECT_EQ(guest.machine.memory.table_counters().tables, 0U);
    }
    EXPECT_EQ(guest.machine.memory.handle(data_abort(translation)), Resolution::resume());
    EXPECT_TRUE(guest.machine.allows(ram, Kind::load));
}

TEST(GuestMemory, DeviceMemoryIsNeverExecutable) {
    CpuFeatures features = test::full_features();
    features.dic = true;
    Guest guest{features};
    guest.add_ram();
    guest.backing.pattern.type = MemoryType::device_nGnRE;
    EXPECT_EQ(guest.machine.memory.handle(fetch_abort(translation)),
              Resolution::inject({.fault = InjectedFault::external, .instruction = true}));
    EXPECT_TRUE(guest.machine.access(ram, Kind::store).pa);
    EXPECT_FALSE(guest.mapping(ram)->attributes.permissions.execute());
    EXPECT_EQ(guest.machine.memory.handle(fetch_abort(permission), ram).outcome, Outcome::inject);
    // With HCR_EL2.PTW a stage-1 walk there is denied, whatever the entry says.
    EXPECT_EQ(guest.machine.memory.handle(data_abort(permission, s1ptw)).injection.fault,
              InjectedFault::external_on_walk);
}

// ---- caches

TEST(GuestMemory, CachesAreMaintainedBeforeTheGuestSeesTheMemory) {
    Guest guest{old_cpu(), 40, 2 * MiB};
    guest.add_ram();
    GuestMachine& machine = guest.machine;
    machine.port.on_cache = [&](const CacheOperation& operation) {
        EXPECT_FALSE(machine.allows(ram, operation.instruction ? Kind::fetch : Kind::load));
    };
    ASSERT_TRUE(machine.access(ram + 0x1234, Kind::store).pa);
    const CacheOperation clean{false, memory_pa, 2 * MiB};
    const CacheOperation invalidate{true, memory_pa, 2 * MiB};
    EXPECT_EQ(machine.port.cache_operations, std::vector{clean});
    ASSERT_TRUE(machine.access(ram + 0x1234, Kind::fetch).pa);
    EXPECT_EQ(machine.port.cache_operations, (std::vector{clean, invalidate}));

    // At once for a first fetch.
    machine.port.on_cache = {};
    machine.port.cache_operations.clear();
    ASSERT_TRUE(machine.access(ram + 2 * MiB, Kind::fetch).pa);
    EXPECT_EQ(machine.port.cache_operations,
              (std::vector{CacheOperation{false, memory_pa + 2 * MiB, 2 * MiB},
                           CacheOperation{true, memory_pa + 2 * MiB, 2 * MiB}}));
    EXPECT_EQ(guest.counters().dcache_bytes.value(), 4 * MiB);
    EXPECT_EQ(guest.counters().icache_bytes.value(), 4 * MiB);
}

TEST(GuestMemory, OnlyTheLeafThatBecomesExecutableIsInvalidated) {
    Guest guest{old_cpu(), 40, GiB};
    guest.add_ram();
    guest.machine.memory.with_table([](auto& table, Invalidation& owed) {
        ASSERT_TRUE(table.map({.ipa = ram,
                               .pa = memory_pa,
                               .length = 4 * MiB,
                               .attributes = {.permissions = Permissions::rw()}},
                              owed));
    });
    ASSERT_TRUE(guest.machine.access(ram + 2 * MiB, Kind::fetch).pa);
    EXPECT_EQ(guest.machine.port.cache_operations,
              (std::vector{CacheOperation{true, memory_pa + 2 * MiB, 2 * MiB}}));
}

TEST(GuestMemory, CachesThatNeedNothingAreLeftAlone) {
    CpuFeatures features = test::full_features(); // FWB
    features.dic = true;
    Guest guest{features};
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    EXPECT_TRUE(guest.machine.allows(ram, Kind::fetch)); // no reason to wait for the fetch
    EXPECT_TRUE(guest.machine.port.cache_operations.empty());

    Guest clean{old_cpu()};
    clean.add_ram();
    clean.backing.pattern.clean = true;
    ASSERT_TRUE(clean.machine.access(ram, Kind::load).pa);
    EXPECT_TRUE(clean.machine.port.cache_operations.empty());

    Guest device{old_cpu()};
    device.add_ram();
    device.backing.pattern.type = MemoryType::device_nGnRE;
    ASSERT_TRUE(device.machine.access(ram, Kind::load).pa);
    EXPECT_TRUE(device.machine.port.cache_operations.empty());
}

// ---- other CPUs

TEST(GuestMemory, WhoComesSecondOnlyResumes) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    unsigned asked = 0;
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) { ++asked; };
    EXPECT_EQ(guest.machine.memory.handle(data_abort(translation)), Resolution::nothing_to_do());

    // Its TLB may hold the entry as it was before the permission was added.
    unsigned local = 0;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        EXPECT_EQ(owed.scope(), InvalidationScope::local);
        EXPECT_TRUE(owed.overlaps(ram, 1));
        ++local;
    };
    EXPECT_EQ(guest.machine.memory.handle(data_abort(permission, wnr), ram),
              Resolution::nothing_to_do());
    EXPECT_EQ(local, 1U);
    EXPECT_EQ(asked, 0U);
    EXPECT_EQ(guest.counters().lost_races.value(), 2U);
}

TEST(GuestMemory, ACpuThatNeverSeesTheTableIsStopped) {
    Guest guest;
    guest.add_ram();
    ASSERT_TRUE(guest.machine.access(ram, Kind::store).pa);
    FaultHistory history;
    const Abort abort = data_abort(translation);
    for (unsigned i = 1; i < FaultHistory::limit; ++i) {
        ASSERT_EQ(guest.machine.memory.handle(abort, {}, &history), Resolution::nothing_to_do());
    }
    EXPECT_EQ(guest.machine.memory.handle(abort, {}, &history),
              Resolution::stop(StopReason::no_progress));

    // Another abort in between begins a new count.
    FaultHistory interrupted;
    for (unsigned i = 0; i < 2 * FaultHistory::limit; ++i) {
        ASSERT_EQ(guest.machine.memory.handle(abort, {}, &interrupted).outcome, Outcome::resume);
        if (i % 100 == 0) {
            ASSERT_EQ(guest.machine.memory
                          .handle(data_abort(translation, 0, ram + 0x1000), {}, &interrupted)
                          .outcome,
                      Outcome::resume);
        }
    }
}

TEST(GuestMemory, AnAnswerIsDroppedIfMemoryIsWithdrawnMeanwhile) {
    Guest guest;
    guest.add_ram();
    guest.backing.on_ask = [&](std::uint64_t, AccessKind) {
        guest.backing.on_ask = {};
        ASSERT_TRUE(guest.machine.memory.withdraw({.start = ram, .length = 2 * MiB}));
    };
    EXPECT_EQ(guest.machine.memory.handle(data_abort(translation)).outcome, Outcome::resume);
    EXPECT_FALSE(guest.mapping(ram));
    EXPECT_EQ(guest.machine.memory.handle(data_abort(translation)).outcome, Outcome::resume);
    EXPECT_TRUE(guest.mapping(ram));
}

TEST(GuestMemory, ASlotThatGoesTakesItsMappingsWithIt) {
    Guest guest;
    guest.add_ram();
    guest.add({.range = {.start = ram + GiB, .length = GiB}});
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    ASSERT_TRUE(guest.machine.access(ram + GiB, Kind::load).pa);
    unsigned invalidated = 0;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        invalidated += owed.overlaps(ram, GiB) ? 1 : 0;
    };
    ASSERT_TRUE(guest.machine.memory.remove_slot(ram));
    EXPECT_EQ(invalidated, 1U);
    EXPECT_FALSE(guest.machine.allows(ram, Kind::load));
    EXPECT_TRUE(guest.machine.allows(ram + GiB, Kind::load));
    EXPECT_EQ(guest.machine.access(ram, Kind::load).resolution->outcome, Outcome::mmio);
    EXPECT_EQ(guest.machine.memory.remove_slot(ram).error(), Error::slot_unknown);
    unsigned slots = 0;
    guest.machine.memory.for_each_slot([&](const Slot&) { ++slots; });
    EXPECT_EQ(slots, 1U);
}

TEST(Resolution, NamesAreDistinct) {
    for (std::size_t i = 0; i < stop_reason_count; ++i) {
        const auto reason = static_cast<StopReason>(i);
        EXPECT_NE(to_string(reason), "unknown");
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_NE(to_string(reason), to_string(static_cast<StopReason>(j)));
        }
    }
    for (std::size_t i = 0; i < outcome_count; ++i) {
        EXPECT_NE(to_string(static_cast<Outcome>(i)), "unknown");
    }
    EXPECT_EQ((Injection{.fault = InjectedFault::external_on_walk}.status(3).encode()), 0x17U);
    EXPECT_EQ((Injection{.fault = InjectedFault::alignment}.status().encode()), 0x21U);
    EXPECT_EQ((Injection{.fault = InjectedFault::unsupported_atomic}.status().encode()), 0x35U);
    EXPECT_EQ(Injection{}.status().encode(), 0x10U);
}

} // namespace
} // namespace twofold
