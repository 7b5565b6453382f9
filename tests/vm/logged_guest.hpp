// SPDX-License-Identifier: MIT
// LoggedGuest: a guest with one slot, whose writes are logged and harvested.
#pragma once

#include "guest.hpp"

#include <twofold/vm/dirty_bitmap.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace twofold::test {

inline constexpr std::uint64_t page = 4 * KiB;

struct LoggedGuest : Guest {
    explicit LoggedGuest(std::uint64_t slot_length, std::uint64_t extent = GiB,
                         const CpuFeatures& features = full_features(),
                         DirtyTracking tracking = DirtyTracking::write_protection)
        : Guest{features, 40, extent, {}, tracking == DirtyTracking::hardware},
          length{slot_length},
          storage(DirtyBitmap::words(length / page)),
          bitmap{storage, length / page} {
        add({.range = {.start = ram, .length = length}, .dirty = &bitmap, .tracking = tracking});
    }
    void log(bool on) { ASSERT_TRUE(machine.memory.set_slot_flags(ram, true, on)); }
    void write(std::uint64_t offset) {
        ASSERT_TRUE(machine.access(ram + offset, Kind::store).pa) << offset;
    }
    using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>; // offset, length
    Runs harvest(std::uint64_t budget = Progress::unlimited) {
        Runs runs;
        Progress progress{.budget = budget};
        const auto pages = machine.memory.harvest_dirty(
            ram,
            [&](Ipa ipa, std::uint64_t bytes) {
                if (!runs.empty() && ram + runs.back().first + runs.back().second == ipa) {
                    runs.back().second += bytes; // a long run comes in pieces
                } else {
                    runs.emplace_back(ipa - ram, bytes);
                }
            },
            progress);
        EXPECT_TRUE(pages);
        next = progress.next;
        return runs;
    }
    std::uint64_t length;
    std::vector<std::uint64_t> storage;
    DirtyBitmap bitmap;
    Ipa next = {};
};

} // namespace twofold::test
