// SPDX-License-Identifier: MIT
// MemAttr and SH against the manual's tables (S2DecodeMemAttrs, AArch64.S2ApplyFWBMemAttrs).
#include <twofold/arch.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using namespace twofold;
using enum MemoryType;

TEST(MemoryType, EveryMemAttrWithoutFwb) {
    // 00xx is Device; else outer [3:2] and inner [1:0] of 01 NC, 10 WT, 11 WB, the weaker of which
    // counts. 00 as inner is reserved: what denies most.
    const MemoryType expected[16] = {
        device_nGnRnE, device_nGnRE, device_nGRE, device_GRE, // 00xx
        device_nGnRnE, normal_nc,    normal_nc,   normal_nc,  // 01xx
        device_nGnRnE, normal_nc,    normal_wt,   normal_wt,  // 10xx
        device_nGnRnE, normal_nc,    normal_wt,   normal_wb,  // 11xx
    };
    for (unsigned attr = 0; attr < 16; ++attr) {
        EXPECT_EQ(decode_memory_type(attr, false), expected[attr]) << attr;
    }
}

TEST(MemoryType, EveryMemAttrWithFwb) {
    // Bit 2 clear is Device; 111 stage 1, 110 WB, 101 and 100 NC. Bit 3 does not change the type.
    const MemoryType expected[16] = {
        device_nGnRnE, device_nGnRE, device_nGRE, device_GRE,     // 00xx
        normal_nc,     normal_nc,    normal_wb,   stage1_decides, // 01xx
        device_nGnRnE, device_nGnRE, device_nGRE, device_GRE,     // 10xx
        normal_nc,     normal_nc,    normal_wb,   stage1_decides, // 11xx
    };
    for (unsigned attr = 0; attr < 16; ++attr) {
        EXPECT_EQ(decode_memory_type(attr, true), expected[attr]) << attr;
    }
}

TEST(MemoryType, ValuesThatAreReserved) {
    const std::set<unsigned> without = {0b0100, 0b1000, 0b1100};
    const std::set<unsigned> with = {0b0100, 0b1000, 0b1001, 0b1010, 0b1011,
                                     0b1100, 0b1101, 0b1110, 0b1111};
    for (unsigned attr = 0; attr < 16; ++attr) {
        EXPECT_EQ(is_reserved_memory_type(attr, false), without.contains(attr)) << attr;
        EXPECT_EQ(is_reserved_memory_type(attr, true), with.contains(attr)) << attr;
    }
}

TEST(MemoryType, EncodingsBothWays) {
    struct Row {
        MemoryType type;
        int without, with; // -1: cannot be expressed
    };
    const Row rows[] = {
        {device_nGnRnE, 0b0000, 0b0000}, {device_nGnRE, 0b0001, 0b0001},
        {device_nGRE, 0b0010, 0b0010},   {device_GRE, 0b0011, 0b0011},
        {normal_nc, 0b0101, 0b0101},     {normal_wt, 0b1010, -1},
        {normal_wb, 0b1111, 0b0110},     {stage1_decides, -1, 0b0111},
    };
    for (const auto& row : rows) {
        const auto without = encode_memory_type(row.type, false);
        const auto with = encode_memory_type(row.type, true);
        EXPECT_EQ(without ? static_cast<int>(*without) : -1, row.without) << to_string(row.type);
        EXPECT_EQ(with ? static_cast<int>(*with) : -1, row.with) << to_string(row.type);
    }
    EXPECT_EQ(encode_memory_type(normal_wt, true).error(), Error::memory_type_not_with_fwb);
    EXPECT_EQ(encode_memory_type(stage1_decides, false).error(), Error::memory_type_needs_fwb);
}

TEST(MemoryType, Classes) {
    for (const MemoryType type : {device_nGnRnE, device_nGnRE, device_nGRE, device_GRE}) {
        EXPECT_TRUE(is_device(type));
        EXPECT_FALSE(is_cacheable(type));
    }
    for (const MemoryType type : {normal_nc, normal_wt, normal_wb, stage1_decides}) {
        EXPECT_FALSE(is_device(type));
        EXPECT_EQ(is_cacheable(type), type != normal_nc);
    }
}

TEST(Shareability, Encodings) {
    EXPECT_EQ(static_cast<unsigned>(Shareability::none), 0b00U);
    EXPECT_EQ(static_cast<unsigned>(Shareability::outer), 0b10U);
    EXPECT_EQ(static_cast<unsigned>(Shareability::inner), 0b11U);
}

TEST(MemoryType, NamesDiffer) {
    std::set<std::string_view> names;
    for (const MemoryType type : {device_nGnRnE, device_nGnRE, device_nGRE, device_GRE, normal_nc,
                                  normal_wt, normal_wb, stage1_decides}) {
        names.insert(to_string(type));
    }
    EXPECT_EQ(names.size(), 8U);
    EXPECT_FALSE(names.contains("unknown"));
}

} // namespace
