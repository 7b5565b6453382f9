// SPDX-License-Identifier: MIT
// Guest: a GuestMachine whose memory comes in extents, with what tests ask about it, and aborts
// made by hand.
#pragma once

#include "guest_machine.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace twofold::test {

using Kind = model::AccessKind;

inline constexpr Ipa ram{0x4000'0000};
inline constexpr Pa memory_pa{0x10'0000'0000};

// cortex-a72: neither FWB, nor DIC, nor XNX, nor range TLBIs.
inline CpuFeatures old_cpu() {
    CpuFeatures features;
    features.pa_bits = 44;
    features.granule_4k = features.granule_64k = true;
    features.vmid16 = true;
    return features;
}

inline Geometry geometry_4k(const CpuFeatures& features, unsigned ipa_bits) {
    return Geometry::make(features, {.granule = Granule::k4, .ipa_bits = ipa_bits}).value();
}

struct Guest {
    explicit Guest(const CpuFeatures& features = full_features(), unsigned ipa_bits = 40,
                   std::uint64_t extent = GiB, const GuestMemoryPolicy& policy = {},
                   bool hardware_dirty_state = false)
        : backing{memory_pa, extent},
          machine{geometry_4k(features, ipa_bits), features, policy, hardware_dirty_state} {}

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
    FaultCounters counters() const { return machine.memory.counters(); }
    // The first GiB, in a block whose access flag is clear.
    void map_old() {
        machine.memory.with_table([](auto& table, Invalidation& owed) {
            ASSERT_TRUE(
                table.map({.ipa = ram,
                           .pa = memory_pa,
                           .length = GiB,
                           .attributes = {.permissions = Permissions::rw(), .access_flag = false}},
                          owed));
        });
    }
    std::optional<Mapping> mapping(Ipa ipa) {
        std::optional<Mapping> result;
        machine.memory.with_table(
            [&](auto& table, Invalidation&) { result = table.lookup(ipa)->mapping; });
        return result;
    }

    ExtentBacking backing;
    GuestMachine machine;
};

inline Abort data_abort(std::uint64_t dfsc, std::uint64_t iss = 0, Ipa ipa = ram) {
    return *Abort::decode(0x24ULL << 26 | 1ULL << 25 | iss | dfsc, ipa.value >> 8 & ~0xfULL,
                          ipa.value & 0xfff);
}
inline Abort fetch_abort(std::uint64_t ifsc, std::uint64_t iss = 0, Ipa ipa = ram) {
    return *Abort::decode(0x20ULL << 26 | 1ULL << 25 | iss | ifsc, ipa.value >> 8 & ~0xfULL,
                          ipa.value & 0xfff);
}
inline constexpr std::uint64_t translation = 0x05; // level 1
inline constexpr std::uint64_t permission = 0x0d;
inline constexpr std::uint64_t isv_word_x1 = 1ULL << 24 | 2ULL << 22 | 1ULL << 16;
inline constexpr std::uint64_t wnr = 1ULL << 6;
inline constexpr std::uint64_t s1ptw = 1ULL << 7;
inline constexpr std::uint64_t cm = 1ULL << 8;

} // namespace twofold::test
