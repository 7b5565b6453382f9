// SPDX-License-Identifier: MIT
// What is computed of KVM's dumps, against counts of the same dumps page by page, and by hand.
#include "sample_files.hpp"
#include "tools/kvm/kvm_change.hpp"
#include "tools/kvm/kvm_figures.hpp"
#include "tools/kvm/kvm_granule.hpp"
#include "tools/kvm/kvm_source.hpp"

#include <gtest/gtest.h>

namespace twofold::tool {
namespace {

KvmDump dump_of(const std::string& text) {
    return read_kvm_text("text", text, {}).tables.at(0).dump;
}

KvmFigures figures_of(const std::string& text) { return kvm_figures(dump_of(text), {}); }

// A script that expands each page of the dump into a set counted these.
TEST(KvmFigures, AGuestOfSmallPages) {
    const KvmFigures figures = figures_of(sample("kvm/4k__01_S2-4k.txt.gz"));
    EXPECT_EQ(figures.granule, Granule::k4);
    EXPECT_TRUE(figures.granule_certain);
    EXPECT_EQ(figures.mapped_bytes, 19007U * 4096);
    EXPECT_EQ(figures.mapped.at(3), 19007U * 4096);
    EXPECT_EQ(figures.writable_executable.bytes, (19007U - 17221) * 4096);
    EXPECT_EQ(figures.permissions.at("rw-").bytes, 17221U * 4096);
    EXPECT_EQ(figures.holes.runs, 171U);
    EXPECT_EQ(figures.holes.bytes, 3126464512U);
    EXPECT_EQ(figures.largest_hole.bytes, 2130571264U);
    ASSERT_EQ(figures.larger.size(), 2U);
    EXPECT_EQ(figures.larger[0].size, 2 * MiB);
    EXPECT_EQ(figures.larger[0].uniform, 21U);
    EXPECT_EQ(figures.larger[0].mixed, 1U);
    EXPECT_EQ(figures.larger[0].partial, 22U);
    EXPECT_EQ(figures.larger[0].partial_mapped_bytes, 31715328U);
    EXPECT_EQ(figures.larger[1].size, GiB);
    EXPECT_EQ(figures.larger[1].uniform + figures.larger[1].mixed, 0U);
    EXPECT_EQ(figures.larger[1].partial, 2U);
    EXPECT_EQ(figures.larger[1].partial_mapped_bytes, 19007U * 4096);
    EXPECT_EQ(figures.unknown_from, 0xc0000000U);
}

// Dirty logging has split a 1 GiB block; its first 2 MiB are complete again, in pages.
TEST(KvmFigures, ACompletePieceAfterDirtyLogging) {
    const KvmFigures figures = figures_of(sample("kvm/h1g_2_1__08_dirty-log-after-4K-writes.txt"));
    EXPECT_EQ(figures.larger[0].uniform, 1U);
    EXPECT_EQ(figures.larger[0].mixed, 0U);
    EXPECT_EQ(figures.larger[0].partial, 2U); // the payload's and the other block's first page
    EXPECT_EQ(figures.larger[0].partial_mapped_bytes, 3U * 4096);
}

// With two levels nothing larger than 2 MiB can be mapped.
TEST(KvmFigures, TheTopLevelBoundsWhatCouldBeLarger) {
    const KvmFigures figures = figures_of(sample("kvm/h2m_4_1_34__02_after-cold-touch.txt"));
    ASSERT_EQ(figures.larger.size(), 1U);
    EXPECT_EQ(figures.larger[0].size, 2 * MiB);
    EXPECT_EQ(figures.mapped.at(2), 8 * MiB);
}

constexpr std::string_view head = "40\n3\n---[ Guest IPA ]---\n";

TEST(KvmFigures, PiecesByHand) {
    // 2 MiB with two permissions; 2 MiB that two stretches fill in part; 1 MiB up to a block, and
    // a block of 2 MiB, which is none of the smaller leaves.
    const KvmFigures figures =
        figures_of(std::string{head} +
                   R"(0x0000000000000000-0x0000000000100000           1M 3   R W X AF    
0x0000000000100000-0x0000000000200000           1M 3   R   X AF    
0x0000000000200000-0x0000000000280000         512K 3   R W X AF    
0x0000000000280000-0x0000000000300000         512K 3
0x0000000000300000-0x0000000000400000           1M 3   R W X AF    
0x0000000000400000-0x0000000000600000           2M 2   R W X AF BLK
0x0000000000600000-0x0000000000700000           1M 3   R W X       
0x0000000000700000-0x0000000000800000           1M 3 F     X       
)");
    const KvmLarger& larger = figures.larger[0];
    EXPECT_EQ(larger.uniform, 0U);
    EXPECT_EQ(larger.mixed, 1U);
    EXPECT_EQ(larger.partial, 2U);
    EXPECT_EQ(larger.partial_mapped_bytes, 2560 * KiB);
    EXPECT_EQ(figures.not_accessed.bytes, MiB);
    EXPECT_EQ(figures.invalid.bytes, MiB);
    EXPECT_EQ(figures.holes.runs, 1U);
    EXPECT_EQ(figures.writable_executable.bytes, 0U);
    // Of 1 GiB, the pages and the block.
    EXPECT_EQ(figures.larger[1].partial, 1U);
    EXPECT_EQ(figures.larger[1].partial_mapped_bytes, 6656 * KiB);
}

TEST(KvmFigures, StatesToLookAt) {
    const KvmFigures figures =
        figures_of(std::string{head} +
                   R"(0x0000000000000000-0x0000000040000000           1G 1   R W px UXN AF BLK
0x0000000040000000-0x0000000080000000           1G 1     W PXNUXN AF BLK
0x0000000080000000-0x00000000c0000000           1G 1       PXNUXN AF BLK
0x00000000c0000000-0x00000000c0200000           2M 2   R W PXNUXN AF    
0x00000000c0200000-0x00000000c0300000           1M 2   R W PXNUXN AF BLK
)");
    EXPECT_EQ(figures.writable_executable.bytes, GiB);
    EXPECT_EQ(figures.write_only.bytes, GiB);
    EXPECT_EQ(figures.inaccessible.bytes, GiB);
    EXPECT_EQ(figures.impossible.bytes, 2 * MiB); // a page at level 2
    EXPECT_EQ(figures.misaligned_runs, 1U);
    EXPECT_EQ(figures.permissions.at("rwx(EL1)").bytes, GiB);
}

TEST(KvmFigures, Granules) {
    const auto guess = [](const char* text) { return guess_granule(dump_of(text)); };
    // 48 bits have four levels with 4K pages and three with 16K.
    EXPECT_EQ(guess("48\n4\n---[ Guest IPA ]---\n").granule, Granule::k4);
    EXPECT_EQ(guess("48\n3\n---[ Guest IPA ]---\n"
                    "0x0000000000000000-0x0000000002000000          32M 2\n")
                  .granule,
              Granule::k16);
    // Three levels with 16K and with 64K; 32 MiB is no multiple of 512 MiB.
    EXPECT_FALSE(guess("40\n2\n---[ Guest IPA ]---\n").certain);
    EXPECT_EQ(guess("40\n2\n---[ Guest IPA ]---\n"
                    "0x0000000000000000-0x0000000000010000          64K 3   R W X AF    \n")
                  .granule,
              Granule::k16);
}

const KvmChange::Part& part(const KvmChange& change, KvmChangeKind kind) {
    return change.sum.at(kind);
}

// Dirty logging takes 8 MiB of blocks away but for a page of each.
TEST(KvmChange, DirtyLogging) {
    const KvmChange change =
        kvm_change(dump_of(sample("kvm/h2m_4_1__02_after-cold-touch.txt")),
                   dump_of(sample("kvm/h2m_4_1__07_dirty-log-after-1-write-per-block.txt")));
    EXPECT_EQ(change.sum.size(), 2U);
    EXPECT_EQ(part(change, KvmChangeKind::split).bytes, 4U * 4096);
    EXPECT_EQ(part(change, KvmChangeKind::split).runs, 4U);
    EXPECT_EQ(part(change, KvmChangeKind::unmapped).bytes, 8 * MiB - 4 * 4096);
    ASSERT_EQ(change.runs.size(), 8U);
    EXPECT_EQ(change.runs[0].start, Ipa{4 * GiB});
    EXPECT_EQ(change.runs[0].kind, KvmChangeKind::split);
}

TEST(KvmChange, LoggingOffBringsABlockBack) {
    const KvmChange change =
        kvm_change(dump_of(sample("kvm/h1g_2_1__08_dirty-log-after-4K-writes.txt")),
                   dump_of(sample("kvm/h1g_2_1__09_after-logging-off.txt")));
    EXPECT_EQ(part(change, KvmChangeKind::collapsed).bytes, 4096U);
    EXPECT_EQ(part(change, KvmChangeKind::mapped).bytes, GiB - 4096);
}

TEST(KvmChange, MemoryThatIsTakenBack) {
    const KvmChange change =
        kvm_change(dump_of(sample("kvm/h2m_4_1__02_after-cold-touch.txt")),
                   dump_of(sample("kvm/h2m_4_1__11_after-madvise-DONTNEED.txt")));
    EXPECT_EQ(part(change, KvmChangeKind::unmapped).bytes, 8 * MiB);
    EXPECT_EQ(change.runs.at(0).start, Ipa{4 * GiB});
    EXPECT_EQ(change.known_to, 0x80000000U); // the newer one ends there
    EXPECT_TRUE(change.beyond_known);
}

TEST(KvmChange, NoneAndPermissions) {
    const KvmDump before =
        dump_of(std::string{head} +
                "0x0000000000000000-0x0000000000002000           8K 3   R W X AF    \n"
                "0x0000000000002000-0x0000000000003000           4K 3   R W X AF    \n");
    EXPECT_FALSE(kvm_change(before, before).any());
    const KvmChange change = kvm_change(
        before, dump_of(std::string{head} +
                        "0x0000000000000000-0x0000000000001000           4K 3   R   X AF    \n"
                        "0x0000000000001000-0x0000000000002000           4K 3   R W   AF    \n"
                        "0x0000000000002000-0x0000000000003000           4K 3   R W X       \n"));
    EXPECT_EQ(part(change, KvmChangeKind::permissions).bytes, 8192U);
    EXPECT_EQ(part(change, KvmChangeKind::permissions).runs, 2U);
    EXPECT_EQ(part(change, KvmChangeKind::aged).bytes, 4096U);
    EXPECT_EQ(change.write_lost, 4096U);
    EXPECT_EQ(change.execute_gained, 4096U);
    EXPECT_EQ(change.write_gained + change.execute_lost, 0U);
}

} // namespace
} // namespace twofold::tool
