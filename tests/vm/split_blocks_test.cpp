// SPDX-License-Identifier: MIT
// Blocks of a slot divided by chunks, before any write has to.
#include "guest.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;

struct SplitGuest : Guest {
    SplitGuest(std::uint64_t length, std::uint64_t extent) : Guest{full_features(), 40, extent} {
        add_ram(length);
        for (std::uint64_t at = 0; at < length; at += extent) {
            EXPECT_TRUE(machine.access(ram + at, Kind::store).pa);
        }
    }
    std::uint64_t size_at(std::uint64_t at) { return mapping(ram + at)->size; }
    void expect_all_mapped(std::uint64_t length) {
        std::uint64_t bytes = 0;
        machine.memory.for_each_run([&](const Mapping& run) {
            bytes += run.size;
            EXPECT_EQ(run.pa - memory_pa, run.ipa - ram);
            EXPECT_TRUE(run.attributes.permissions.write);
        });
        EXPECT_EQ(bytes, length);
    }
};

TEST(SplitBlocks, EachChunkIsInPagesAndTheRestInTheLargestThatFit) {
    SplitGuest guest{2 * GiB, GiB};
    constexpr std::uint64_t chunk = 3 * MiB;
    Progress progress;
    for (std::uint64_t done = 0; done < 2 * GiB;) {
        ASSERT_TRUE(guest.machine.memory.split_blocks(ram, chunk, progress));
        done = std::min(done + chunk, 2 * GiB);
        ASSERT_EQ(progress.next, ram + done);
        ASSERT_EQ(guest.size_at(done - page), page);
        if (done % (2 * MiB) != 0) {
            // A part of a 2 MiB block is as good as all of it.
            ASSERT_EQ(guest.size_at(done), page);
        }
        const std::uint64_t rest = align_up(done, 2 * MiB);
        if (rest < 2 * GiB) {
            ASSERT_EQ(guest.size_at(rest), rest % GiB == 0 ? GiB : 2 * MiB);
        }
        if (done < GiB) {
            ASSERT_EQ(guest.size_at(GiB), GiB);
        }
        if (done % (63 * MiB) == 0 || done == 2 * GiB) {
            guest.expect_all_mapped(2 * GiB);
        }
    }
    EXPECT_EQ(guest.machine.memory.table_counters().tables, 2U + 1024U);
    // At the end there is nothing to do.
    ASSERT_TRUE(guest.machine.memory.split_blocks(ram, chunk, progress));
    EXPECT_EQ(progress.next, ram + 2 * GiB);
}

TEST(SplitBlocks, AChunkIsAtLeastAPageAndAtMostTheSlot) {
    SplitGuest guest{4 * MiB, 2 * MiB};
    Progress progress;
    ASSERT_TRUE(guest.machine.memory.split_blocks(ram, 0, progress));
    EXPECT_EQ(progress.next, ram + page);
    ASSERT_TRUE(guest.machine.memory.split_blocks(ram, page + 1, progress));
    EXPECT_EQ(progress.next, ram + 3 * page);
    EXPECT_EQ(guest.size_at(2 * MiB), 2 * MiB);
    ASSERT_TRUE(guest.machine.memory.split_blocks(ram, ~std::uint64_t{0}, progress));
    EXPECT_EQ(progress.next, ram + 4 * MiB);
    EXPECT_EQ(guest.size_at(2 * MiB), page);
    guest.expect_all_mapped(4 * MiB);
    EXPECT_EQ(guest.machine.memory.split_blocks(ram + page, page, progress).error(),
              SlotRefusal{Error::slot_unknown});
}

// Nothing is unmapped at any time: with FEAT_BBM level 2 not for a moment.
TEST(SplitBlocks, NothingIsUnmappedMeanwhile) {
    CpuFeatures features = full_features();
    features.bbm = 2;
    Guest guest{features, 40, GiB};
    guest.add_ram();
    EXPECT_TRUE(guest.machine.access(ram, Kind::store).pa);
    std::uint64_t changes = 0;
    guest.machine.port.on_change = [&] {
        ++changes;
        for (std::uint64_t at = 0; at < 8 * MiB; at += MiB + page) {
            ASSERT_TRUE(guest.machine.allows(ram + at, Kind::store));
        }
        ASSERT_TRUE(guest.machine.allows(ram + (GiB - 1), Kind::store));
    };
    Progress progress;
    while (progress.next < ram + 8 * MiB) {
        ASSERT_TRUE(guest.machine.memory.split_blocks(ram, MiB, progress));
    }
    EXPECT_GE(changes, 5U); // the block, and four below it
}

TEST(SplitBlocks, WithoutMemoryAllStaysMappedAndTheCallMayBeMadeAgain) {
    unsigned failures = 0;
    for (std::uint64_t failing = 0; failing < 10; ++failing) {
        SplitGuest guest{GiB, GiB};
        guest.machine.port.allocations_until_failure = failing;
        Progress progress;
        const auto result = guest.machine.memory.split_blocks(ram, 8 * MiB, progress);
        if (!result) {
            ++failures;
            EXPECT_EQ(result.error(), SlotRefusal{Error::out_of_memory});
            EXPECT_LT(progress.next, ram + 8 * MiB);
            guest.expect_all_mapped(GiB);
            ASSERT_TRUE(guest.machine.memory.split_blocks(ram, 8 * MiB, progress));
        }
        EXPECT_EQ(progress.next, ram + 8 * MiB);
        guest.expect_all_mapped(GiB);
        for (std::uint64_t at = 0; at < 8 * MiB; at += MiB) {
            EXPECT_EQ(guest.size_at(at), page);
        }
        EXPECT_EQ(guest.size_at(8 * MiB), 2 * MiB);
    }
    EXPECT_EQ(failures, 5U); // one table for the 1 GiB, four for the 2 MiB
}

} // namespace
} // namespace twofold::test
