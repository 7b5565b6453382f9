// SPDX-License-Identifier: MIT
// Numbers and sizes, both ways.
#include "tools/text/number.hpp"
#include "tools/text/size.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twofold::tool {
namespace {

struct Written {
    std::string_view text;
    std::uint64_t value;
};

TEST(Number, IsReadAsPeopleWriteIt) {
    constexpr Written rows[] = {
        {"0", 0},
        {"40", 40},
        {"0x1F", 31},
        {"0XffFFffFFffFFffFF", 0xffff'ffff'ffff'ffff},
        {"18446744073709551615", 0xffff'ffff'ffff'ffff},
        {"1K", 1024},
        {"64k", 65536},
        {"512M", 536870912},
        {"1g", 1073741824},
        {"2T", 2199023255552},
        {"1GiB", 1073741824},
        {"1gb", 1073741824},
        {"1 GiB", 1073741824},
        {"100B", 100},
        {"0x10K", 16384},
    };
    for (const Written& row : rows) {
        EXPECT_EQ(parse_number(row.text), row.value) << row.text;
    }
}

TEST(Number, IsRefusedOtherwise) {
    for (const char* const text :
         {"", " ", "x", "0x", "-1", "+1", "1.5G", "1X", "1Gi", "1GG", "1 ", " 1", "1  G", "0x1G1",
          "18446744073709551616", "16777216T", "0x10000000000000000", "99999999999999999999K"}) {
        EXPECT_FALSE(parse_number(text)) << '"' << text << '"';
    }
}

TEST(Number, TextMayHaveZeroBytes) {
    EXPECT_FALSE(parse_number(std::string_view{"1\0", 2}));
    EXPECT_FALSE(parse_number(std::string_view{"\0", 1}));
}

TEST(Number, GranulesHaveSeveralNames) {
    for (const char* const text : {"4K", "4k", "4096", "0x1000", "4", "4KiB"}) {
        EXPECT_EQ(parse_granule(text), Granule::k4) << text;
    }
    for (const char* const text : {"16K", "16384", "16"}) {
        EXPECT_EQ(parse_granule(text), Granule::k16) << text;
    }
    for (const char* const text : {"64K", "65536", "64"}) {
        EXPECT_EQ(parse_granule(text), Granule::k64) << text;
    }
    for (const char* const text : {"", "8K", "4M", "k4", "1"}) {
        EXPECT_FALSE(parse_granule(text)) << text;
    }
}

TEST(Size, IsExactWhereItIsShort) {
    EXPECT_EQ(size_words(0), "0 B");
    EXPECT_EQ(size_words(1023), "1023 B");
    EXPECT_EQ(size_words(4096), "4 KiB");
    EXPECT_EQ(size_words(1073741824), "1 GiB");
    EXPECT_EQ(size_words(std::uint64_t{1022} << 20), "1022 MiB");
    EXPECT_EQ(size_words(std::uint64_t{1} << 63), "8 EiB");
    // 3 GiB + 4 KiB is 786433 pages of 4 KiB.
    EXPECT_EQ(size_words((std::uint64_t{3} << 30) + 4096), "3.0 GiB");
    EXPECT_EQ(size_words(10001), "9.8 KiB");
    // Rounded to one decimal, and the unit with it.
    EXPECT_EQ(size_words((std::uint64_t{1} << 40) - (std::uint64_t{6} << 20)), "1.0 TiB");
    EXPECT_EQ(size_words((std::uint64_t{1} << 40) - (std::uint64_t{60} << 20)), "1023.9 GiB");
    EXPECT_EQ(size_words(~std::uint64_t{0}), "16.0 EiB");
}

TEST(Size, ArgumentsAreExact) {
    EXPECT_EQ(size_argument(1073741824), "1G");
    EXPECT_EQ(size_argument(std::uint64_t{1} << 50), "1024T");
    EXPECT_EQ(size_argument((std::uint64_t{3} << 30) + 4096), "3145732K");
    EXPECT_EQ(size_argument(10001), "10001");
}

TEST(Size, OneIsNotMany) {
    EXPECT_EQ(counted(0, "table"), "0 tables");
    EXPECT_EQ(counted(1, "table"), "1 table");
    EXPECT_EQ(counted(16, "table"), "16 tables");
}

} // namespace
} // namespace twofold::tool
