// SPDX-License-Identifier: MIT
// S2AP and XN against the manual's tables (AArch64.S2DirectBasePermissions).
#include <twofold/arch.hpp>

#include <gtest/gtest.h>

namespace {

using namespace twofold;

TEST(Permissions, S2apTable) {
    struct Row {
        unsigned s2ap;
        bool read, write;
    };
    for (const auto& row : {Row{0b00, false, false}, Row{0b01, true, false}, Row{0b10, false, true},
                            Row{0b11, true, true}}) {
        const Permissions p{.read = row.read, .write = row.write};
        EXPECT_EQ(p.s2ap(), row.s2ap);
        const auto back = Permissions::decode(row.s2ap, 0b10, true);
        EXPECT_EQ(back, p);
    }
}

TEST(Permissions, XnTableWithXnx) {
    struct Row {
        unsigned xn;
        bool el1, el0;
    };
    for (const auto& row : {Row{0b00, true, true}, Row{0b01, false, true}, Row{0b10, false, false},
                            Row{0b11, true, false}}) {
        const Permissions p{.execute_el1 = row.el1, .execute_el0 = row.el0};
        EXPECT_EQ(p.xn(true), row.xn);
        EXPECT_EQ(Permissions::decode(0b00, row.xn, true), p);
    }
}

TEST(Permissions, WithoutXnxOnlyBit54Counts) {
    struct Row {
        unsigned xn;
        bool execute;
    };
    for (const auto& row : {Row{0b00, true}, Row{0b01, true}, Row{0b10, false}, Row{0b11, false}}) {
        const auto p = Permissions::decode(0b01, row.xn, false);
        EXPECT_EQ(p.execute_el1, row.execute) << row.xn;
        EXPECT_EQ(p.execute_el0, row.execute) << row.xn;
    }
    EXPECT_EQ((Permissions{.execute_el1 = true, .execute_el0 = true}.xn(false)), 0b00U);
    EXPECT_EQ(Permissions{}.xn(false), 0b10U);
    const auto only_el1 = Permissions{.execute_el1 = true}.xn(false);
    const auto only_el0 = Permissions{.execute_el0 = true}.xn(false);
    ASSERT_FALSE(only_el1);
    ASSERT_FALSE(only_el0);
    EXPECT_EQ(only_el1.error(), Error::execute_needs_xnx);
    EXPECT_EQ(only_el0.error(), Error::execute_needs_xnx);
}

Permissions from_bits(unsigned bits) {
    return {.read = (bits & 1) != 0,
            .write = (bits & 2) != 0,
            .execute_el1 = (bits & 4) != 0,
            .execute_el0 = (bits & 8) != 0};
}

TEST(Permissions, SetOperationsAreThoseOfBitSets) {
    for (unsigned a = 0; a < 16; ++a) {
        for (unsigned b = 0; b < 16; ++b) {
            EXPECT_EQ(from_bits(a) | from_bits(b), from_bits(a | b));
            EXPECT_EQ(from_bits(a) & from_bits(b), from_bits(a & b));
            EXPECT_EQ(from_bits(a).include(from_bits(b)), (b & ~a) == 0) << a << ' ' << b;
        }
        EXPECT_EQ(from_bits(a).execute(), a >= 4);
    }
}

TEST(Permissions, ShortNames) {
    EXPECT_EQ(Permissions::r(), from_bits(0b0001));
    EXPECT_EQ(Permissions::rw(), from_bits(0b0011));
    EXPECT_EQ(Permissions::rx(), from_bits(0b1101));
    EXPECT_EQ(Permissions::rwx(), from_bits(0b1111));
}

} // namespace
