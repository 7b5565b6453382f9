// SPDX-License-Identifier: MIT
// One page of a block that changes alone: unmap() and protect() of it, step by step.
#include "places.hpp"
#include "requests.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace twofold::test {
namespace {

constexpr std::uint64_t page = 4 * KiB;
constexpr std::uint64_t block = 2 * MiB;
constexpr std::uint64_t changed = 7 * page; // in the block, and in its first run of 16 pages

struct Change {
    const char* name = {};
    std::expected<void, Error> (*apply)(Machine&, std::uint64_t ipa) = {};
    std::uint64_t raw = 0; // of the page afterwards, without its address
};
const Change changes[] = {
    {"unmap", [](Machine& m, std::uint64_t ipa) { return m.table.unmap(Ipa{ipa}, page, m.owed); },
     0},
    {"protect",
     [](Machine& m, std::uint64_t ipa) {
         return m.table.protect(Ipa{ipa}, page, Permissions::r(), m.owed);
     },
     raw_r | raw_page},
};

std::vector<RawLeaf> expected(const Change& change, std::uint64_t ipa, std::uint64_t attributes) {
    std::vector<RawLeaf> all;
    for (std::uint64_t offset = 0; offset < block; offset += page) {
        if (offset != changed) {
            all.push_back({ipa + offset, page, (first_pa + offset) | attributes | raw_page});
        } else if (change.raw != 0) {
            all.push_back({ipa + offset, page, (first_pa + offset) | change.raw});
        }
    }
    return all;
}

TEST(BlockPage, TheBlockIsInUseUntilItsTableIsReady) {
    for (const Change& change : changes) {
        SCOPED_TRACE(change.name);
        Machine m{full_features(), two_levels()};
        map(m, first_ipa, first_pa, block);
        unsigned stores = 0;
        m.port.on_plain_store = [&](Pa) {
            ++stores;
            EXPECT_EQ(m.translate(first_ipa + changed), first_pa + changed);
        };
        unsigned broken = 0;
        m.port.on_invalidate = [&, note = m.port.on_invalidate](const Invalidation& owed) {
            ++broken;
            EXPECT_EQ(m.translate(first_ipa), std::nullopt);
            ASSERT_EQ(ranges_of(owed).size(), 1U);
            EXPECT_EQ(ranges_of(owed)[0].start, Ipa{first_ipa});
            EXPECT_EQ(ranges_of(owed)[0].length, block);
            note(owed);
        };
        ASSERT_TRUE(change.apply(m, first_ipa + changed));
        EXPECT_GE(stores, 511U);
        EXPECT_EQ(broken, 1U);
        EXPECT_EQ(m.leaves(), expected(change, first_ipa, raw_rwx));
        // Of an unmapped page only its own run is none; where permissions begin to differ all are.
        std::uint64_t marked = 0;
        for (const RawLeaf& leaf : m.marked_leaves()) {
            marked += leaf.raw >> 52 & 1;
        }
        EXPECT_EQ(marked, change.raw == 0 ? 31U * 16 : 0U);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.table.counters().blocks_split, 1U);
        EXPECT_EQ(m.table.counters().breaks, 1U);
        EXPECT_EQ(m.table.counters().tables, 1U);
    }
}

// Hardware and faults may do something to the block until it is broken, and it must not be lost.
TEST(BlockPage, WhatTheBlockGetsMeanwhileIsKept) {
    for (const Change& change : changes) {
        for (const std::uint64_t noted : {raw_af, raw_write, raw_af | raw_write}) {
            SCOPED_TRACE(testing::Message() << change.name << std::hex << " 0x" << noted);
            Machine m{full_features(), two_levels()};
            map(m, first_ipa, first_pa, block,
                {.permissions = Permissions::rx(), .access_flag = false, .dbm = true});
            bool done = false;
            m.port.on_plain_store = [&](Pa) {
                if (!std::exchange(done, true)) {
                    std::uint64_t word = m.raw({512});
                    ASSERT_TRUE(
                        m.port.table(m.table.root()).compare_exchange(512, word, word | noted));
                }
            };
            ASSERT_TRUE(change.apply(m, first_ipa + changed));
            m.port.on_plain_store = nullptr;
            // Without AF in what was protected, if none was noted.
            Change after = change;
            if (change.raw != 0) {
                after.raw = (change.raw & ~raw_af) | (noted & raw_af);
            }
            const std::uint64_t attributes = (raw_rx & ~raw_af) | raw_dbm | noted;
            EXPECT_EQ(m.leaves(), expected(after, first_ipa, attributes));
            EXPECT_EQ(m.table.counters().tables, 1U);
            EXPECT_EQ(m.port.live(), 2U); // the root, and the table
        }
    }
}

TEST(BlockPage, WithoutMemoryNothingChanges) {
    for (const Change& change : changes) {
        SCOPED_TRACE(change.name);
        Machine m{full_features(), two_levels()};
        map(m, first_ipa, first_pa, block);
        const auto before = m.memory();
        m.port.allocations_until_failure = 0;
        EXPECT_EQ(change.apply(m, first_ipa + changed).error(), Error::out_of_memory);
        EXPECT_EQ(m.memory(), before);
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.port.invalidations, 0U);
        ASSERT_TRUE(change.apply(m, first_ipa + changed));
    }
}

// What is owed before goes with the block.
TEST(BlockPage, DischargesWhatWasOwedBefore) {
    for (const Change& change : changes) {
        SCOPED_TRACE(change.name);
        Machine m{full_features(), two_levels()};
        map(m, first_ipa, first_pa, block);
        map(m, first_ipa + block, first_pa + block, page);
        ASSERT_TRUE(m.table.unmap(Ipa{first_ipa + block}, page, m.owed));
        ASSERT_FALSE(m.owed.empty());
        ASSERT_TRUE(change.apply(m, first_ipa + changed));
        EXPECT_TRUE(m.owed.empty());
        EXPECT_EQ(m.leaves(), expected(change, first_ipa, raw_rwx));
    }
}

TEST(BlockPage, OfAContiguousRunOfBlocksToo) {
    for (const Change& change : changes) {
        SCOPED_TRACE(change.name);
        Machine m{full_features(), two_levels()};
        map(m, first_ipa, first_pa, 16 * block);
        ASSERT_EQ(m.raw({512}) >> 52 & 1, 1U);
        ASSERT_TRUE(change.apply(m, first_ipa + changed));
        EXPECT_EQ(m.leaves(), join({expected(change, first_ipa, raw_rwx),
                                    run_of(first_ipa + block, block,
                                           (first_pa + block) | raw_rwx | raw_block, 15)}));
    }
}

} // namespace
} // namespace twofold::test
