// SPDX-License-Identifier: MIT
// What GuestMemory makes of each kind of abort.
#include "guest.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

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
    auto& machine = guest.machine;
    EXPECT_EQ(machine.handle(data_abort(translation, wnr)),
              Resolution::inject({.fault = InjectedFault::external, .write = true}));
    EXPECT_EQ(machine.handle(fetch_abort(translation)),
              Resolution::inject({.fault = InjectedFault::external, .instruction = true}));
    EXPECT_EQ(machine.handle(data_abort(translation, s1ptw)),
              Resolution::inject({.fault = InjectedFault::external_on_walk}));
    EXPECT_EQ(machine.handle(fetch_abort(translation, s1ptw)),
              Resolution::inject({.fault = InjectedFault::external_on_walk, .instruction = true}));
    // A valid syndrome is no excuse for a table walk.
    EXPECT_EQ(machine.handle(data_abort(translation, s1ptw | isv_word_x1)).outcome,
              Outcome::inject);
    // DC and IC find nothing to maintain.
    EXPECT_EQ(machine.handle(data_abort(translation, cm | wnr)), Resolution::skip());
    EXPECT_EQ(machine.handle(data_abort(permission, cm | wnr), ram), Resolution::skip());
}

TEST(GuestMemory, BeyondTheTableIsAnAddressSizeFault) {
    Guest guest{old_cpu(), 34};
    const Ipa beyond{std::uint64_t{1} << 34};
    const auto result =
        guest.machine.handle(data_abort(0x04, isv_word_x1, beyond)); // translation, level 0
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
        EXPECT_EQ(guest.machine.handle(data_abort(c.status)), c.resolution) << std::hex << c.status;
        EXPECT_EQ(guest.count(c.resolution.outcome), 1U);
    }
    // FEAT_NV2: nobody offers it to a guest.
    Guest guest;
    EXPECT_EQ(guest.machine.handle(data_abort(translation, 1ULL << 13)), unexpected);
}

TEST(GuestMemory, ATlbConflictEmptiesTheTlbsOfTheVmid) {
    Guest guest;
    unsigned whole = 0;
    guest.machine.port.on_invalidate = [&](const Invalidation& owed) {
        whole += owed.whole_vmid() ? 1 : 0;
    };
    EXPECT_EQ(guest.machine.handle(data_abort(0x30)), Resolution::resume());
    EXPECT_EQ(whole, 1U);
}

TEST(GuestMemory, APermissionFaultNeedsTheTranslatedAddress) {
    Guest guest;
    guest.add({.range = {.start = ram, .length = GiB}, .dirty_logging = true});
    ASSERT_TRUE(guest.machine.access(ram, Kind::load).pa);
    const Abort abort = data_abort(permission, wnr);
    ASSERT_FALSE(abort.ipa);
    EXPECT_EQ(guest.machine.handle(abort), Resolution::stop(StopReason::ipa_unknown));
    EXPECT_EQ(guest.machine.handle(abort, ram), Resolution::resume());
    EXPECT_TRUE(guest.machine.allows(ram, Kind::store));
}

TEST(GuestMemory, AnAccessFlagFaultMakesTheLeafYoung) {
    Guest guest;
    guest.add_ram();
    guest.map_old();
    const auto result = guest.machine.access(ram + 0x3000, Kind::load);
    EXPECT_TRUE(result.faulted);
    ASSERT_TRUE(result.pa);
    EXPECT_EQ(result.translation.size, GiB);
    EXPECT_EQ(guest.counters().made_young.value(), 1U);
    EXPECT_EQ(guest.counters().of(FaultKind::access_flag).value(), 1U);

    // Another CPU was faster, or has unmapped it.
    EXPECT_EQ(guest.machine.handle(data_abort(0x09)), Resolution::nothing_to_do());
    EXPECT_EQ(guest.machine.handle(data_abort(0x09, 0, ram + GiB)), Resolution::nothing_to_do());
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
} // namespace twofold::test
