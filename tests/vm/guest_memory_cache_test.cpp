// SPDX-License-Identifier: MIT
// The caches of a guest: which memory GuestMemory cleans and invalidates, and when.
#include "guest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace twofold::test {
namespace {

TEST(GuestMemory, DeviceMemoryIsNeverExecutable) {
    CpuFeatures features = full_features();
    features.dic = true;
    Guest guest{features};
    guest.add_ram();
    guest.backing.pattern.type = MemoryType::device_nGnRE;
    EXPECT_EQ(guest.machine.handle(fetch_abort(translation)),
              Resolution::inject({.fault = InjectedFault::external, .instruction = true}));
    EXPECT_TRUE(guest.machine.access(ram, Kind::store).pa);
    EXPECT_FALSE(guest.mapping(ram)->attributes.permissions.execute());
    EXPECT_EQ(guest.machine.handle(fetch_abort(permission), ram).outcome, Outcome::inject);
    // With HCR_EL2.PTW a stage-1 walk there is denied, whatever the entry says.
    EXPECT_EQ(guest.machine.handle(data_abort(permission, s1ptw)).injection.fault,
              InjectedFault::external_on_walk);
}

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
    CpuFeatures features = full_features(); // FWB
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

} // namespace
} // namespace twofold::test
