// SPDX-License-Identifier: MIT
// GuestMemory on a run of memory whose type and permissions are not the same everywhere.
#include "guest.hpp"

#include <gtest/gtest.h>

namespace twofold::test {
namespace {

// 1 GiB in one piece: RAM but for a firmware image in 1 MiB that may not be written, a window of
// 2 MiB onto a device, and a page that may not be executed.
//
//   0        2M   3M      6M       8M    8M+4K    8M+8K          1G
//   | RAM    | ROM | RAM  | device | RAM | no exec | RAM ......... |
class MixedBacking : public Backing {
public:
    BackingAnswer extent(std::uint64_t offset, AccessKind) override {
        Extent answer{.offset = 0, .pa = memory_pa, .length = GiB};
        std::uint64_t from = 0;
        for (const std::uint64_t to :
             {2 * MiB, 3 * MiB, 6 * MiB, 8 * MiB, 8 * MiB + 4 * KiB, 8 * MiB + 8 * KiB, GiB}) {
            if (offset < to) {
                answer.writable = to != 3 * MiB;
                answer.executable = to != 8 * MiB + 8 * KiB;
                answer.type = to == 8 * MiB ? MemoryType::device_nGnRE : MemoryType::normal_wb;
                answer.uniform = {.offset = from, .length = to - from};
                break;
            }
            from = to;
        }
        return answer;
    }
};

struct MixedGuest {
    MixedGuest() {
        EXPECT_TRUE(
            machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
    }
    std::uint64_t limited(Level level) const {
        return machine.memory.counters()
            .chosen[static_cast<std::size_t>(level)]
                   [static_cast<std::size_t>(LimitedBy::attributes)]
            .value();
    }

    MixedBacking backing;
    GuestMachine machine{geometry_4k(full_features(), 40), full_features()};
};

TEST(MixedAttributes, EachMappingIsAsLargeAsItsPartAllows) {
    MixedGuest guest;
    struct Row {
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
        Kind kind = Kind::load;
    };
    const Row rows[] = {
        {0, 2 * MiB},
        {2 * MiB - 1, 2 * MiB},
        {2 * MiB, 4 * KiB}, // its block is half firmware and half RAM
        {3 * MiB, 4 * KiB, Kind::store},
        {4 * MiB, 2 * MiB, Kind::store},
        {6 * MiB, 2 * MiB},
        {8 * MiB, 4 * KiB, Kind::fetch},
        {8 * MiB + 4 * KiB, 4 * KiB},
        {10 * MiB - 1, 4 * KiB, Kind::store},
        {10 * MiB, 2 * MiB, Kind::store},
        {GiB - 1, 2 * MiB},
    };
    for (const Row& row : rows) {
        const auto result = guest.machine.access(ram + row.offset, row.kind);
        ASSERT_TRUE(result.pa) << row.offset;
        EXPECT_EQ(*result.pa, memory_pa + row.offset);
        EXPECT_EQ(result.translation.size, row.size) << row.offset;
    }
    // Blocks of 2 MiB (level 2) that are not 1 GiB, and pages that are not 2 MiB. The second byte
    // of a block that is there does not fault.
    EXPECT_EQ(guest.limited(2), 5U);
    EXPECT_EQ(guest.limited(3), 5U);
}

TEST(MixedAttributes, NoPartGetsTheAttributesOfAnother) {
    MixedGuest guest;
    auto& machine = guest.machine;
    for (std::uint64_t offset = 0; offset < 12 * MiB; offset += 256 * KiB) {
        ASSERT_TRUE(machine.access(ram + offset, Kind::load).pa);
    }
    // The last byte of a part and the first of the next.
    EXPECT_TRUE(machine.access(ram + (2 * MiB - 1), Kind::store).pa);
    EXPECT_EQ(machine.access(ram + 2 * MiB, Kind::store).resolution->outcome, Outcome::inject);
    EXPECT_EQ(machine.access(ram + (3 * MiB - 4 * KiB), Kind::store).resolution->outcome,
              Outcome::inject);
    EXPECT_TRUE(machine.access(ram + 3 * MiB, Kind::store).pa);
    EXPECT_TRUE(machine.access(ram + (6 * MiB - 1), Kind::fetch).pa);
    EXPECT_EQ(machine.access(ram + 6 * MiB, Kind::fetch).resolution->outcome, Outcome::inject);
    EXPECT_TRUE(machine.access(ram + 6 * MiB, Kind::store).pa);
    EXPECT_TRUE(machine.access(ram + 8 * MiB, Kind::fetch).pa);
    EXPECT_EQ(machine.access(ram + (8 * MiB + 4 * KiB), Kind::fetch).resolution->outcome,
              Outcome::inject);
    EXPECT_TRUE(machine.access(ram + (8 * MiB + 8 * KiB), Kind::fetch).pa);
}

// A part that does not hold the byte that was asked for says nothing about it.
class WrongPart : public Backing {
public:
    BackingAnswer extent(std::uint64_t, AccessKind) override {
        return Extent{.offset = 0,
                      .pa = memory_pa,
                      .length = GiB,
                      .uniform = {.offset = 0, .length = 4 * KiB}};
    }
};

TEST(MixedAttributes, APartElsewhereIsNoAnswer) {
    WrongPart backing;
    GuestMachine machine{geometry_4k(full_features(), 40), full_features()};
    ASSERT_TRUE(
        machine.memory.add_slot({.range = {.start = ram, .length = GiB}, .backing = &backing}));
    EXPECT_TRUE(machine.access(ram + 0xfff, Kind::store).pa);
    EXPECT_EQ(machine.access(ram + 0x1000, Kind::store).resolution,
              Resolution::stop(StopReason::extent_outside_offset));
}

} // namespace
} // namespace twofold::test
