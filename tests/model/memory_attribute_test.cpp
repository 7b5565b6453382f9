// SPDX-License-Identifier: MIT
// Memory types: stage 2 over stage 1 without FWB, and stage 2 forcing stage 1 with it.
#include <gtest/gtest.h>
#include <tests/model/regime.hpp>

namespace twofold::model::testing {
namespace {

constexpr std::uint64_t root = 0x8000'0000;
constexpr std::uint64_t hcr_vm = 1;
constexpr std::uint64_t hcr_fwb = std::uint64_t{1} << 46;
constexpr std::uint64_t hcr_cd = std::uint64_t{1} << 32;
constexpr std::uint64_t hcr_id = std::uint64_t{1} << 33;

MemoryAttributes normal(Cacheability outer, Cacheability inner) {
    return {.inner = inner,
            .outer = outer,
            .shareability = Shareability::inner,
            .xs = inner != Cacheability::write_back || outer != Cacheability::write_back};
}

constexpr Cacheability nc = Cacheability::non_cacheable;
constexpr Cacheability wt = Cacheability::write_through;
constexpr Cacheability wb = Cacheability::write_back;

// One page with this MemAttr and SH.
MemoryAttributes combined(std::uint64_t hcr, std::uint64_t mem_attr, std::uint64_t sh,
                          const MemoryAttributes& stage1, AccessKind kind = AccessKind::load) {
    SparseMemory memory;
    Chain{memory, root, 12, 1, 39}.put(0, 3, 0x4c3 | mem_attr << 2 | sh << 8);
    WalkConfig config = plain_cpu({.t0sz = 25, .sl0 = 1}, root);
    config.hcr = hcr;
    config.fwb = true;
    config.choices.fetch_from_device_faults = false;
    const WalkResult result = walk(config, memory, Ipa{0}, {.kind = kind, .stage1 = stage1});
    EXPECT_TRUE(result.translated());
    return result.translation.attributes;
}

TEST(MemoryAttribute, WithoutFwbTheWeakerOfTheTwo) {
    struct Case {
        std::uint64_t mem_attr;
        Cacheability outer;
        Cacheability inner;
    };
    constexpr Case cases[] = {{0x5, nc, nc}, {0x6, nc, wt}, {0x7, nc, wb},
                              {0x9, wt, nc}, {0xa, wt, wt}, {0xb, wt, wb},
                              {0xd, wb, nc}, {0xe, wb, wt}, {0xf, wb, wb}};
    for (const Case& c : cases) {
        const MemoryAttributes over_wb = combined(hcr_vm, c.mem_attr, 3, normal(wb, wb));
        EXPECT_EQ(over_wb.outer, c.outer);
        EXPECT_EQ(over_wb.inner, c.inner);
        const MemoryAttributes over_nc = combined(hcr_vm, c.mem_attr, 3, normal_non_cacheable);
        EXPECT_EQ(over_nc.outer, nc);
        EXPECT_EQ(over_nc.inner, nc);
        EXPECT_EQ(combined(hcr_vm, c.mem_attr, 3, device_memory(DeviceType::nGRE)).device,
                  DeviceType::nGRE);
    }
    const MemoryAttributes wt_wt = combined(hcr_vm, 0xf, 3, normal(wt, wt));
    EXPECT_EQ(wt_wt.outer, wt);
    EXPECT_EQ(wt_wt.inner, wt);
}

TEST(MemoryAttribute, DeviceWinsAndTheStrongerDevice) {
    for (std::uint64_t mem_attr = 0; mem_attr < 4; ++mem_attr) {
        const auto stage2 = static_cast<DeviceType>(mem_attr);
        const MemoryAttributes over_normal = combined(hcr_vm, mem_attr, 0, normal(wb, wb));
        EXPECT_EQ(over_normal.type, MemoryType::device);
        EXPECT_EQ(over_normal.device, stage2);
        EXPECT_EQ(over_normal.shareability, Shareability::outer);
        EXPECT_EQ(combined(hcr_vm, mem_attr, 0, device_memory(DeviceType::nGnRnE)).device,
                  DeviceType::nGnRnE);
        EXPECT_EQ(combined(hcr_vm, mem_attr, 0, device_memory(DeviceType::GRE)).device, stage2);
    }
}

TEST(MemoryAttribute, ReservedTypeIsTheCpusChoice) {
    for (const Cacheability choice : {nc, wt, wb}) {
        SparseMemory memory;
        Chain{memory, root, 12, 1, 39}.put(0, 3, 0x4c3 | 0x8 << 2 | 0x300);
        WalkConfig config = plain_cpu({.t0sz = 25, .sl0 = 1}, root);
        config.choices.reserved_memory_type = choice;
        const WalkResult result = walk(config, memory, Ipa{0}, load_el1);
        ASSERT_TRUE(result.translated());
        EXPECT_EQ(result.translation.attributes.outer, wt);
        EXPECT_EQ(result.translation.attributes.inner, choice);
    }
}

TEST(MemoryAttribute, Shareability) {
    struct Case {
        std::uint64_t sh;
        Shareability stage1;
        Shareability both;
    };
    using enum Shareability;
    constexpr Case cases[] = {
        {0, non_shareable, non_shareable}, {0, inner, inner}, {0, outer, outer},
        {2, non_shareable, outer},         {2, inner, outer}, {2, outer, outer},
        {3, non_shareable, inner},         {3, inner, inner}, {3, outer, outer},
    };
    for (const Case& c : cases) {
        MemoryAttributes stage1 = normal(wb, wb);
        stage1.shareability = c.stage1;
        EXPECT_EQ(combined(hcr_vm, 0xf, c.sh, stage1).shareability, c.both);
        EXPECT_EQ(combined(hcr_vm | hcr_fwb, 0x7, c.sh, stage1).shareability, c.both);
        // Nothing cached: outer, whatever is said.
        EXPECT_EQ(combined(hcr_vm, 0x5, c.sh, stage1).shareability, outer);
    }
}

TEST(MemoryAttribute, WithDsShareabilityIsInVtcr) {
    for (const std::uint64_t sh0 : {0U, 2U, 3U}) {
        SparseMemory memory;
        Chain{memory, root, 12, 1, 39}.put(0, 3, 0x4ff);
        const WalkConfig config =
            full_cpu({.t0sz = 25, .sl0 = 1, .ps = ps_52, .ds = true, .sh0 = sh0}, root);
        MemoryAttributes stage1 = normal_write_back;
        stage1.shareability = Shareability::non_shareable;
        const WalkResult result = walk(config, memory, Ipa{0}, {.stage1 = stage1});
        ASSERT_TRUE(result.translated());
        EXPECT_EQ(result.translation.attributes.shareability, static_cast<Shareability>(sh0));
    }
}

TEST(MemoryAttribute, XsIsSetWhereBothStagesSetIt) {
    const MemoryAttributes write_through = normal(wt, wt);
    const auto xs = [](std::uint64_t hcr, std::uint64_t fnxs, const MemoryAttributes& stage1) {
        SparseMemory memory;
        Chain{memory, root, 12, 1, 39}.put(0, 3, 0x4ff | fnxs << 11);
        WalkConfig config = plain_cpu({.t0sz = 25, .sl0 = 1}, root);
        config.hcr = hcr;
        config.fwb = true;
        return walk(config, memory, Ipa{0}, {.stage1 = stage1}).translation.attributes.xs;
    };
    for (const std::uint64_t hcr : {hcr_vm, hcr_vm | hcr_fwb}) {
        EXPECT_TRUE(xs(hcr, 0, write_through));
        EXPECT_FALSE(xs(hcr, 1, write_through));
        EXPECT_FALSE(xs(hcr, 0, normal_write_back));
    }
}

TEST(MemoryAttribute, ForcedByFwb) {
    const std::uint64_t hcr = hcr_vm | hcr_fwb;
    const MemoryAttributes device = device_memory(DeviceType::nGRE);
    const MemoryAttributes write_through = normal(wt, wt);
    for (const std::uint64_t high : {0x0U, 0x8U}) { // MemAttr[3] does not matter without MTE_PERM
        // 000..011: Device; a stronger Device of stage 1 stays.
        for (std::uint64_t type = 0; type < 4; ++type) {
            EXPECT_EQ(combined(hcr, high | type, 3, write_through).type, MemoryType::device);
            EXPECT_EQ(combined(hcr, high | type, 3, write_through).device,
                      static_cast<DeviceType>(type));
        }
        EXPECT_EQ(combined(hcr, high | 3, 3, device).device, DeviceType::nGRE);
        EXPECT_EQ(combined(hcr, high | 1, 3, device).device, DeviceType::nGnRE);
        // 101: non-cacheable, but Device of stage 1 stays.
        EXPECT_EQ(combined(hcr, high | 5, 3, write_through).inner, nc);
        EXPECT_EQ(combined(hcr, high | 5, 3, write_through).outer, nc);
        EXPECT_EQ(combined(hcr, high | 5, 3, device).type, MemoryType::device);
        EXPECT_EQ(combined(hcr, high | 5, 3, device).device, DeviceType::nGRE);
        // 110: write-back, even over Device.
        for (const MemoryAttributes& stage1 : {device, write_through, normal_non_cacheable}) {
            const MemoryAttributes forced = combined(hcr, high | 6, 3, stage1);
            EXPECT_EQ(forced.type, MemoryType::normal);
            EXPECT_EQ(forced.inner, wb);
            EXPECT_EQ(forced.outer, wb);
        }
        // 111: stage 1 decides.
        EXPECT_EQ(combined(hcr, high | 7, 3, device).device, DeviceType::nGRE);
        EXPECT_EQ(combined(hcr, high | 7, 3, write_through).inner, wt);
        EXPECT_EQ(combined(hcr, high | 7, 3, normal_write_back).outer, wb);
    }
}

TEST(MemoryAttribute, CacheDisables) {
    const MemoryAttributes stage1 = normal(wb, wb);
    EXPECT_EQ(combined(hcr_vm | hcr_cd, 0xf, 3, stage1).inner, nc);
    EXPECT_EQ(combined(hcr_vm | hcr_cd, 0xf, 3, stage1, AccessKind::fetch).inner, wb);
    EXPECT_EQ(combined(hcr_vm | hcr_id, 0xf, 3, stage1).inner, wb);
    EXPECT_EQ(combined(hcr_vm | hcr_id, 0xf, 3, stage1, AccessKind::fetch).inner, nc);
    // A fetch and a table walk see Device memory as Normal non-cacheable.
    EXPECT_EQ(combined(hcr_vm, 0x1, 3, stage1, AccessKind::fetch).type, MemoryType::normal);
    EXPECT_EQ(combined(hcr_vm, 0x1, 3, stage1, AccessKind::stage1_walk).inner, nc);
    EXPECT_EQ(combined(hcr_vm, 0x1, 3, stage1, AccessKind::stage1_walk).type, MemoryType::normal);
}

} // namespace
} // namespace twofold::model::testing
