// SPDX-License-Identifier: MIT
// DescribedLeaf: everything that a leaf can say beside its address, in words and in the bits of a
// block, by hand: [5:2] MemAttr, [7:6] S2AP, [9:8] SH, [10] AF, [11] FnXS, [16] nT, [51] DBM,
// [54:53] XN, [58:55] software.
#pragma once

#include "machine.hpp"

#include <cstdint>

namespace twofold::test {

struct DescribedLeaf {
    const char* name = {};
    bool fwb = {};
    Attributes attributes = {};
    std::uint64_t block = {};

    // Bit 16 of a page is part of its address.
    std::uint64_t page() const { return (block & ~raw_nt) | raw_page; }
    // A CPU that has all that a leaf can ask for.
    CpuFeatures features() const {
        CpuFeatures all = full_features();
        all.fwb = fwb;
        all.xs = true;
        return all;
    }
};

inline const DescribedLeaf described_leaves[] = {
    {"WB, FWB", true, {.permissions = Permissions::rwx()}, 0x7d9},
    {"WB", false, {.permissions = Permissions::rwx()}, 0x7fd},
    {"WT",
     false,
     {.permissions = Permissions::rw(), .type = MemoryType::normal_wt},
     0x0040'0000'0000'07e9},
    {"NC, FWB",
     true,
     {.permissions = Permissions::rw(), .type = MemoryType::normal_nc},
     0x0040'0000'0000'07d5},
    {"NC",
     false,
     {.permissions = Permissions::rw(), .type = MemoryType::normal_nc},
     0x0040'0000'0000'07d5},
    {"as stage 1, outer",
     true,
     {.permissions = Permissions::r(),
      .type = MemoryType::stage1_decides,
      .shareability = Shareability::outer},
     0x0040'0000'0000'065d},
    {"non-shareable",
     true,
     {.permissions = Permissions::rw(), .shareability = Shareability::none},
     0x0040'0000'0000'04d9},
    {"Device nGnRE, FWB, software 0110",
     true,
     {.permissions = Permissions::rw(), .type = MemoryType::device_nGnRE, .software = 6},
     0x0340'0000'0000'07c5},
    {"Device nGnRE, software 0110",
     false,
     {.permissions = Permissions::rw(), .type = MemoryType::device_nGnRE, .software = 6},
     0x0340'0000'0000'07c5},
    {"Device GRE, FWB",
     true,
     {.permissions = Permissions::rw(), .type = MemoryType::device_GRE},
     0x0040'0000'0000'07cd},
    {"Device GRE",
     false,
     {.permissions = Permissions::rw(), .type = MemoryType::device_GRE},
     0x0040'0000'0000'07cd},
    {"old, all software bits",
     true,
     {.permissions = Permissions::rw(), .access_flag = false, .software = 15},
     0x07c0'0000'0000'03d9},
    {"clean", true, {.permissions = Permissions::r(), .dbm = true}, 0x0048'0000'0000'0759},
    {"dirty", true, {.permissions = Permissions::rw(), .dbm = true}, 0x0048'0000'0000'07d9},
    {"EL1 alone executes",
     true,
     {.permissions = {.read = true, .execute_el1 = true}},
     0x0060'0000'0000'0759},
    {"EL0 alone executes, outer",
     false,
     {.permissions = {.read = true, .execute_el0 = true}, .shareability = Shareability::outer},
     0x0020'0000'0000'067d},
    {"nothing allowed", true, {.permissions = {}}, 0x0040'0000'0000'0719},
    {"FnXS", true, {.permissions = Permissions::rw(), .fnxs = true}, 0x0040'0000'0000'0fd9},
    {"nT", true, {.permissions = Permissions::rw(), .nt = true}, 0x0040'0000'0001'07d9},
    {"old, clean, software 1010, FnXS, nT",
     true,
     {.permissions = Permissions::r(),
      .access_flag = false,
      .dbm = true,
      .fnxs = true,
      .nt = true,
      .software = 10},
     0x0548'0000'0001'0b59},
};

} // namespace twofold::test
