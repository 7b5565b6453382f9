// SPDX-License-Identifier: MIT
// Output addresses of leaves and tables: sizes per level, the upper bits of LPA2 and of 64K, the
// contiguous hint, and what lies out of range.
#include <twofold/model/walk_parameters.hpp>

#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

namespace twofold::model::testing {
namespace {

constexpr std::uint64_t root = 0x8000'0000;
constexpr std::uint64_t contiguous_bit = std::uint64_t{1} << 52;

struct Regime {
    Vtcr vtcr{};
    unsigned granule_bits = 0;
    int start = 0;
};

constexpr Regime r4k{{.t0sz = 16, .sl0 = 2}, 12, 0};
constexpr Regime r4k_ds{{.t0sz = 16, .sl0 = 2, .ps = ps_52, .ds = true}, 12, 0};
constexpr Regime r16k{{.t0sz = 17, .sl0 = 2, .tg0 = tg_16k}, 14, 1};
constexpr Regime r16k_ds{{.t0sz = 17, .sl0 = 2, .tg0 = tg_16k, .ps = ps_52, .ds = true}, 14, 1};
constexpr Regime r64k{{.t0sz = 16, .sl0 = 2, .tg0 = tg_64k, .ps = ps_52}, 16, 1};

WalkResult walk_one(const Regime& regime, int level, std::uint64_t ipa, std::uint64_t descriptor) {
    SparseMemory memory;
    const auto ipa_bits = static_cast<unsigned>(64 - regime.vtcr.t0sz);
    Chain{memory, root, regime.granule_bits, regime.start, ipa_bits}.put(ipa, level, descriptor);
    return walk(full_cpu(regime.vtcr, root), memory, Ipa{ipa}, load_el1);
}

struct LeafCase {
    const char* name = "";
    Regime regime{};
    int level = 0;
    std::uint64_t descriptor = 0;
    std::uint64_t ipa = 0;
    std::uint64_t pa = 0;
    std::uint64_t size = 0;
};

constexpr LeafCase leaves[] = {
    {"4K page", r4k, 3, 0x1234'5678'9000 | page_rw, 0x4567'89ab'cdef, 0x1234'5678'9def, 4 * KiB},
    {"2M block", r4k, 2, 0x1234'5660'0000 | block_rw, 0x4567'89ab'cdef, 0x1234'566b'cdef, 2 * MiB},
    {"1G block", r4k, 1, 0x1234'4000'0000 | block_rw, 0x4567'89ab'cdef, 0x1234'49ab'cdef, GiB},
    {"512G block with DS", r4k_ds, 0, 0x1200'0000'0000 | (block_rw & ~0x300ULL), 0x4567'89ab'cdef,
     0x1267'89ab'cdef, 512 * GiB},
    {"16K page", r16k, 3, 0x1234'5678'8000 | page_rw, 0x4567'89ab'cdef, 0x1234'5678'8def, 16 * KiB},
    {"32M block", r16k, 2, 0x1234'5600'0000 | block_rw, 0x4567'89ab'cdef, 0x1234'57ab'cdef,
     32 * MiB},
    {"64G block with DS", r16k_ds, 1, 0x1230'0000'0000 | (block_rw & ~0x300ULL), 0x4567'89ab'cdef,
     0x1237'89ab'cdef, 64 * GiB},
    {"64K page", r64k, 3, 0x1234'5678'0000 | page_rw, 0x4567'89ab'cdef, 0x1234'5678'cdef, 64 * KiB},
    {"512M block", r64k, 2, 0x1234'4000'0000 | block_rw, 0x4567'89ab'cdef, 0x1234'49ab'cdef,
     512 * MiB},
    {"4T block", r64k, 1, 0x1000'0000'0000 | block_rw, 0x4567'89ab'cdef, 0x1167'89ab'cdef, 4 * TiB},
    // With DS, [49:48] stay in place and [9:8] are OA[51:50].
    {"4K page above 48 bits", r4k_ds, 3, 0x3'1234'5678'9000 | page_rw, 0x1000, 0xf'1234'5678'9000,
     4 * KiB},
    {"16K page, OA[50] only", r16k_ds, 3, 0x1234'5678'8000 | (page_rw & ~0x200ULL), 0x4000,
     0x4'1234'5678'8000, 16 * KiB},
    {"16K page, OA[49] only", r16k_ds, 3, 0x2'1234'5678'8000 | (page_rw & ~0x300ULL), 0x4000,
     0x2'1234'5678'8000, 16 * KiB},
    // With 64K, [15:12] are OA[51:48].
    {"64K page above 48 bits", r64k, 3, 0x5678'9abc'a000 | page_rw, 0x1'0000, 0xa'5678'9abc'0000,
     64 * KiB},
    {"512M block above 48 bits", r64k, 2, 0x5678'8000'5000 | block_rw, 0x1'2345, 0x5'5678'8001'2345,
     512 * MiB},
    // Without DS nothing above bit 47 is an address.
    {"4K page, [51:48] ignored", r4k, 3, 0x7'1234'5678'9000 | page_rw, 0x1000, 0x1234'5678'9000,
     4 * KiB},
    {"Low bits of a block's address are ignored", r4k, 1, 0x1234'7fe0'0000 | block_rw, 0x0,
     0x1234'4000'0000, GiB},
};

TEST(OutputAddress, Leaves) {
    for (const LeafCase& c : leaves) {
        SCOPED_TRACE(c.name);
        const WalkResult result = walk_one(c.regime, c.level, c.ipa, c.descriptor);
        ASSERT_TRUE(result.translated());
        EXPECT_EQ(result.translation.pa.value, c.pa);
        EXPECT_EQ(result.translation.level, c.level);
        EXPECT_EQ(result.translation.size, c.size);
        EXPECT_FALSE(result.translation.contiguous);
        EXPECT_EQ(result.translation.descriptor, c.descriptor);
    }
}

TEST(OutputAddress, BlocksThatDoNotExist) {
    EXPECT_TRUE(walk_one(r4k, 0, 0, block_rw).faulted(FaultKind::translation, 0));
    EXPECT_TRUE(walk_one(r16k, 1, 0, block_rw).faulted(FaultKind::translation, 1));
    for (const Regime& regime : {r4k, r4k_ds, r16k, r16k_ds, r64k}) {
        // [1:0] = 01 at level 3 is reserved.
        EXPECT_TRUE(walk_one(regime, 3, 0, block_rw).faulted(FaultKind::translation, 3));
    }
    const Regime level_m1{{.t0sz = 12, .sl0 = 0, .ds = true, .sl2 = true}, 12, -1};
    EXPECT_TRUE(walk_one(level_m1, -1, 0, block_rw).faulted(FaultKind::translation, -1));

    // 4T blocks need 52 bits of PA.
    SparseMemory memory;
    memory.set(root, block_rw);
    WalkConfig config = full_cpu(r64k.vtcr, root);
    config.pa_max = 48;
    config.lpa = false;
    EXPECT_TRUE(walk(config, memory, Ipa{0}, load_el1).faulted(FaultKind::translation, 1));
}

struct Group {
    const char* name = "";
    Regime regime{};
    int level = 0;
    std::uint64_t size = 0; // of the contiguous group
    std::uint64_t pa = 0;   // 0x7fff'fffe'0000 above the group, 0x1234'5678'9abc within it
};

constexpr Group groups[] = {
    {"4K level 3", r4k, 3, 64 * KiB, 0x7fff'fffe'9abc},
    {"4K level 2", r4k, 2, 32 * MiB, 0x7fff'fe78'9abc},
    {"4K level 1", r4k, 1, 16 * GiB, 0x7ffc'5678'9abc},
    {"16K level 3", r16k, 3, 2 * MiB, 0x7fff'fff8'9abc},
    {"16K level 2", r16k, 2, GiB, 0x7fff'd678'9abc},
    {"64K level 3", r64k, 3, 2 * MiB, 0x7fff'fff8'9abc},
    {"64K level 2", r64k, 2, 16 * GiB, 0x7ffc'5678'9abc},
};

TEST(Contiguous, LowBitsComeFromTheIpaOverTheWholeGroup) {
    for (const Group& group : groups) {
        SCOPED_TRACE(group.name);
        // Address bits below the group are set, bit 16 aside: in a block that is nT.
        const std::uint64_t address = 0x7fff'fffe'0000;
        const std::uint64_t ipa = 0x1234'5678'9abc;
        const std::uint64_t leaf = group.level == 3 ? page_rw : block_rw;
        const WalkResult result =
            walk_one(group.regime, group.level, ipa, contiguous_bit | address | leaf);
        ASSERT_TRUE(result.translated());
        EXPECT_TRUE(result.translation.contiguous);
        EXPECT_EQ(result.translation.size, group.size);
        EXPECT_EQ(result.translation.pa.value, group.pa);
    }
}

TEST(Contiguous, IsIgnoredWhereThereIsNoGroup) {
    const WalkResult l0 = walk_one(r4k_ds, 0, 0, contiguous_bit | (block_rw & ~0x300ULL));
    const WalkResult l1_16k = walk_one(r16k_ds, 1, 0, contiguous_bit | (block_rw & ~0x300ULL));
    const WalkResult l1_64k = walk_one(r64k, 1, 0, contiguous_bit | block_rw);
    EXPECT_EQ(l0.translation.size, 512 * GiB);
    EXPECT_EQ(l1_16k.translation.size, 64 * GiB);
    EXPECT_EQ(l1_64k.translation.size, 4 * TiB);
    EXPECT_FALSE(l0.translation.contiguous || l1_16k.translation.contiguous ||
                 l1_64k.translation.contiguous);
}

TEST(Contiguous, GroupLargerThanTheIpaSpaceMayFault) {
    // 32 bits of IPA hold four 1G blocks, a group is sixteen.
    SparseMemory memory;
    memory.set(root, contiguous_bit | 0x4000'0000 | block_rw);
    WalkConfig config = plain_cpu({.t0sz = 32, .sl0 = 1}, root);
    EXPECT_TRUE(walk(config, memory, Ipa{0}, load_el1).faulted(FaultKind::translation, 1));
    config.choices.contiguous_faults = false;
    EXPECT_TRUE(walk(config, memory, Ipa{0}, load_el1).translated());
    // 34 bits hold exactly one group.
    config = plain_cpu({.t0sz = 30, .sl0 = 1}, root);
    EXPECT_TRUE(walk(config, memory, Ipa{0}, load_el1).translated());
}

TEST(AddressSize, LeafAndTableFaultAtTheirDescriptor) {
    Regime r40 = r4k;
    r40.vtcr.ps = ps_40;
    EXPECT_TRUE(walk_one(r40, 3, 0, 0x100'0000'0000 | page_rw).faulted(FaultKind::address_size, 3));
    EXPECT_TRUE(
        walk_one(r40, 2, 0, 0x100'0000'0000 | block_rw).faulted(FaultKind::address_size, 2));
    EXPECT_TRUE(walk_one(r40, 1, 0, 0x100'0000'0000 | table).faulted(FaultKind::address_size, 1));
    EXPECT_TRUE(walk_one(r40, 3, 0, 0xff'ffff'f000 | page_rw).translated());
}

TEST(AddressSize, UpperBitsOf64KCountWhateverPsIs) {
    Regime r48 = r64k;
    r48.vtcr.ps = ps_48;
    EXPECT_TRUE(walk_one(r48, 3, 0, 0x1000 | page_rw).faulted(FaultKind::address_size, 3));
}

TEST(AddressSize, PsAbove48NeedsLpa2ForSmallGranules) {
    // PS 52 without DS: 48 bits are all that a descriptor can hold.
    Regime r52 = r4k;
    r52.vtcr.ps = ps_52;
    const WalkResult result = walk_one(r52, 3, 0, 0x7'ffff'ffff'f000 | page_rw);
    ASSERT_TRUE(result.translated());
    EXPECT_EQ(result.translation.pa.value, 0xffff'ffff'f000U);
}

TEST(AddressSize, SmallestOfPsFormatAndCpu) {
    struct Case {
        std::uint64_t tg0;
        std::uint64_t ps;
        bool lpa;
        bool lpa2;
        unsigned pa_max;
        unsigned bits;
    };
    constexpr Case cases[] = {
        {tg_4k, ps_52, true, true, 52, 52},    {tg_4k, ps_52, true, false, 52, 48},
        {tg_16k, ps_52, true, false, 52, 48},  {tg_64k, ps_52, true, false, 52, 52},
        {tg_64k, ps_52, false, false, 48, 48}, {tg_4k, ps_32, true, true, 52, 32},
        {tg_4k, ps_44, true, true, 52, 44},    {tg_4k, ps_48, false, false, 40, 40},
        {tg_64k, 7, true, true, 52, 52},
    };
    for (const Case& c : cases) {
        WalkConfig config = plain_cpu({.tg0 = c.tg0, .ps = c.ps}, root);
        config.lpa = c.lpa;
        config.lpa2 = c.lpa2;
        config.pa_max = c.pa_max;
        EXPECT_EQ(output_bits(config, decode_parameters(config)), c.bits);
    }
}

TEST(BlocknT, FaultsAtBbmLevels1And2OnBlocksOnly) {
    constexpr std::uint64_t nt = 1 << 16;
    for (const unsigned bbm : {0U, 1U, 2U}) {
        for (const bool choice : {false, true}) {
            SparseMemory memory;
            const Chain chain{memory, root, 12, 1, 39};
            chain.put(0x4000'0000, 1, 0x4000'0000 | nt | block_rw);
            chain.put(0x8000'0000, 3, 0x4001'0000 | page_rw);
            WalkConfig config = plain_cpu({.t0sz = 25, .sl0 = 1}, root);
            config.bbm = bbm;
            config.choices.nt_faults = choice;
            const WalkResult block = walk(config, memory, Ipa{0x4000'0000}, load_el1);
            EXPECT_EQ(block.faulted(FaultKind::translation, 1), bbm != 0 && choice);
            EXPECT_EQ(block.translated(), bbm == 0 || !choice);
            EXPECT_TRUE(walk(config, memory, Ipa{0x8000'0000}, load_el1).translated());
        }
    }
}

} // namespace
} // namespace twofold::model::testing
