// SPDX-License-Identifier: MIT
// What the hardware writes into descriptors during a walk: AF, dirty state, AF of tables.
#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

namespace twofold::model::testing {
namespace {

constexpr std::uint64_t root = 0x8000'0000;
constexpr std::uint64_t dbm = std::uint64_t{1} << 51;
constexpr std::uint64_t old_page = 0x4000'03ff;   // AF clear, read-write
constexpr std::uint64_t clean_page = 0x4000'077f; // AF set, read-only

class HardwareUpdate : public ::testing::Test {
protected:
    void use(const Vtcr& vtcr) { config = full_cpu(vtcr, root); }
    WalkResult run(std::uint64_t page, const Access& access) {
        page_at = chain.lead(0x5000, 3);
        words.set(page_at, page);
        return walk(config, words, Ipa{0x5000}, access);
    }
    [[nodiscard]] std::uint64_t page() const { return words.at(page_at); }

    WalkConfig config{};
    SparseMemory words{};
    Chain chain{words, root, 12, 1, 39};
    std::uint64_t page_at = 0;
};

constexpr Vtcr with_ha{.t0sz = 25, .sl0 = 1, .ha = true};
constexpr Vtcr with_hd{.t0sz = 25, .sl0 = 1, .ha = true, .hd = true};
constexpr Vtcr with_haft{.t0sz = 25, .sl0 = 1, .ha = true, .haft = true};

TEST_F(HardwareUpdate, AccessFlagIsSetOnce) {
    use(with_ha);
    const WalkResult first = run(old_page, load_el1);
    ASSERT_TRUE(first.translated());
    EXPECT_EQ(page(), 0x4000'07ffU);
    ASSERT_EQ(first.updates.size(), 1U);
    EXPECT_EQ(first.updates[0].address.value, page_at);
    EXPECT_EQ(first.updates[0].before, 0x4000'03ffU);
    EXPECT_EQ(first.updates[0].after, 0x4000'07ffU);
    EXPECT_EQ(first.visits.back().descriptor, 0x4000'03ffU);
    EXPECT_EQ(first.translation.descriptor, 0x4000'07ffU);
    EXPECT_TRUE(walk(config, words, Ipa{0x5000}, load_el1).updates.empty());
}

TEST_F(HardwareUpdate, DirtyStateOnWritesOnly) {
    use(with_hd);
    EXPECT_TRUE(run(dbm | clean_page, load_el1).updates.empty());
    EXPECT_TRUE(run(dbm | clean_page, {.kind = AccessKind::at_write}).translated());
    EXPECT_EQ(page(), dbm | clean_page);
    EXPECT_TRUE(run(dbm | clean_page, store_el1).translated());
    EXPECT_EQ(page(), dbm | 0x4000'07ff);
    EXPECT_TRUE(run(dbm | clean_page, {.kind = AccessKind::stage1_update}).translated());
    EXPECT_EQ(page(), dbm | 0x4000'07ff);
}

TEST_F(HardwareUpdate, BothAtOnce) {
    use(with_hd);
    const WalkResult result = run(dbm | 0x4000'037f, store_el1);
    EXPECT_EQ(page(), dbm | 0x4000'07ff);
    EXPECT_EQ(result.updates.size(), 1U);
}

TEST_F(HardwareUpdate, AddressTranslationSetsTheAccessFlag) {
    use(with_hd);
    EXPECT_TRUE(run(old_page, {.kind = AccessKind::at_read}).translated());
    EXPECT_EQ(page(), 0x4000'07ffU);
}

TEST_F(HardwareUpdate, NothingWithoutTheFeature) {
    use(with_hd);
    config.hafdbs = false;
    EXPECT_TRUE(run(old_page, load_el1).faulted(FaultKind::access_flag, 3));
    EXPECT_EQ(page(), old_page);
}

TEST_F(HardwareUpdate, AfterAFaultOnlyByChoice) {
    use(with_ha);
    const std::uint64_t read_only = 0x4000'037f;
    EXPECT_TRUE(run(read_only, store_el1).faulted(FaultKind::permission, 3));
    EXPECT_EQ(page(), read_only);
    config.choices.access_flag_despite_fault = true;
    EXPECT_TRUE(run(read_only, store_el1).faulted(FaultKind::permission, 3));
    EXPECT_EQ(page(), read_only | 0x400);
}

TEST_F(HardwareUpdate, DirtyAfterAnAlignmentFaultOnlyByChoice) {
    use(with_hd);
    const std::uint64_t device = dbm | 0x4000'0443;
    const Access unaligned{.kind = AccessKind::store, .aligned = false};
    EXPECT_TRUE(run(device, unaligned).faulted(FaultKind::alignment, 3));
    EXPECT_EQ(page(), device);
    config.choices.dirty_despite_fault = true;
    EXPECT_TRUE(run(device, unaligned).faulted(FaultKind::alignment, 3));
    EXPECT_EQ(page(), device | 0x80);
}

TEST_F(HardwareUpdate, TablesEvenWhenTheWalkThenFaults) {
    use(with_haft);
    const WalkResult result = run(0, load_el1);
    EXPECT_TRUE(result.faulted(FaultKind::translation, 3));
    ASSERT_EQ(result.updates.size(), 2U);
    EXPECT_EQ(result.updates[0].address.value, root);
    EXPECT_EQ(result.updates[0].after, result.updates[0].before | 0x400);
    EXPECT_EQ(words.at(root), result.updates[0].after);
    use(with_ha); // without HAFT the tables are left alone
    EXPECT_TRUE(run(0, load_el1).updates.empty());
}

TEST_F(HardwareUpdate, BigEndianTables) {
    use(with_ha);
    config.big_endian = true;
    // 0x1000'0003: a table; 0x4000'03ff: an old page; bytes reversed. All at level 1 and below.
    words.set(root, 0x0300'0010'0000'0000);
    words.set(0x1000'0000, 0x0300'0110'0000'0000);
    words.set(0x1001'0028, 0xff03'0040'0000'0000);
    const WalkResult result = walk(config, words, Ipa{0x5000}, load_el1);
    ASSERT_TRUE(result.translated());
    EXPECT_EQ(result.translation.pa.value, 0x4000'0000U);
    EXPECT_EQ(words.at(0x1001'0028), 0xff07'0040'0000'0000U);
    EXPECT_EQ(result.updates[0].after, 0x4000'07ffU);
}

TEST_F(HardwareUpdate, StartsAgainWhenTheDescriptorChanged) {
    use(with_ha);
    chain.put(0x5000, 3, old_page);
    const std::uint64_t at = chain.lead(0x5000, 3);
    bool changed = false;
    words.before_exchange = [&](SparseMemory& memory) {
        if (!changed) { // another CPU moves the page under the walk
            memory.set(at, 0x7000'03ff);
            changed = true;
        }
    };
    const WalkResult result = walk(config, words, Ipa{0x5000}, load_el1);
    ASSERT_TRUE(result.translated());
    EXPECT_EQ(result.translation.pa.value, 0x7000'0000U);
    EXPECT_EQ(result.visits.size(), 3U);
    EXPECT_EQ(result.updates.size(), 1U);
    EXPECT_EQ(words.at(at), 0x7000'07ffU);
}

TEST_F(HardwareUpdate, GivesUpOnADescriptorThatNeverRests) {
    use(with_ha);
    chain.put(0x5000, 3, old_page);
    const std::uint64_t at = chain.lead(0x5000, 3);
    words.before_exchange = [&](SparseMemory& memory) { memory.set(at, memory.at(at) + 0x1000); };
    const WalkResult result = walk(config, words, Ipa{0x5000}, load_el1);
    EXPECT_EQ(result.outcome, WalkOutcome::refused);
    EXPECT_EQ(result.refusal, WalkRefusal::contended);
}

} // namespace
} // namespace twofold::model::testing
