// SPDX-License-Identifier: MIT
// Numbers and times of a command line.
#include "runtime/number.hpp"

#include <gtest/gtest.h>

namespace twofold::hyp {
namespace {

TEST(Number, TakesDecimalAndHexadecimalWithUnits) {
    EXPECT_EQ(parse_number("0"), 0U);
    EXPECT_EQ(parse_number("4096"), 4096U);
    EXPECT_EQ(parse_number("0x40000000"), 0x4000'0000U);
    EXPECT_EQ(parse_number("0xfFaB"), 0xffabU);
    EXPECT_EQ(parse_number("4K"), 4096U);
    EXPECT_EQ(parse_number("3M"), 3U * 1024 * 1024);
    EXPECT_EQ(parse_number("2G"), 2ULL << 30);
    EXPECT_EQ(parse_number("1T"), 1ULL << 40);
    EXPECT_EQ(parse_number("0x10K"), 0x4000U);
    EXPECT_EQ(parse_number("18446744073709551615"), ~0ULL);
    EXPECT_EQ(parse_number("0xffffffffffffffff"), ~0ULL);
}

TEST(Number, RefusesWhatIsNone) {
    for (const char* text : {"", "K", "0x", "-1", "1k", "1KK", "1 ", "12a", "0xg", "x10",
                             "18446744073709551616", "0x10000000000000000", "16777216T"})
        EXPECT_FALSE(parse_number(text)) << text;
}

TEST(Duration, NeedsAUnit) {
    EXPECT_EQ(parse_duration("5us"), 5U);
    EXPECT_EQ(parse_duration("20ms"), 20'000U);
    EXPECT_EQ(parse_duration("3s"), 3'000'000U);
    EXPECT_EQ(parse_duration("1000000s"), 1'000'000'000'000U);
    for (const char* text : {"", "5", "ms", "5m", "5 ms", "1000001s", "-1s"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

} // namespace
} // namespace twofold::hyp
