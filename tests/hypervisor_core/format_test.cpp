// SPDX-License-Identifier: MIT
// The hypervisor's text formatting.
#include "runtime/format.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>

namespace twofold::hyp {
namespace {

template <typename... Arguments>
std::string formatted(std::string_view pattern, const Arguments&... arguments) {
    std::array<char, 128> buffer;
    BufferSink sink{buffer};
    format_to(sink, pattern, arguments...);
    return std::string{sink.text()};
}

TEST(Format, TakesArgumentsInOrder) {
    EXPECT_EQ(formatted("plain"), "plain");
    EXPECT_EQ(formatted("{} and {}", 1, "two"), "1 and two");
    EXPECT_EQ(formatted("{}{}", 'c', true), "ctrue");
    EXPECT_EQ(formatted("{}", std::string_view{"view"}), "view");
}

TEST(Format, WritesNumbersOfEverySign) {
    EXPECT_EQ(formatted("{}", -5), "-5");
    EXPECT_EQ(formatted("{}", std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(formatted("{}", std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(formatted("{}", std::int8_t{-1}), "-1");
    EXPECT_EQ(formatted("{}", 0), "0");
}

TEST(Format, WritesHexadecimal) {
    EXPECT_EQ(formatted("{:x}", 0xbeefU), "beef");
    EXPECT_EQ(formatted("{:#x}", 0xbeefU), "0xbeef");
    EXPECT_EQ(formatted("{:08x}", 0xbeefU), "0000beef");
    EXPECT_EQ(formatted("{:#010x}", 0xbeefU), "0x0000beef");
    EXPECT_EQ(formatted("{:#018x}", ~std::uint64_t{0}), "0xffffffffffffffff");
}

TEST(Format, AlignsToWidth) {
    EXPECT_EQ(formatted("[{:5}]", 42), "[   42]");
    EXPECT_EQ(formatted("[{:<5}]", 42), "[42   ]");
    EXPECT_EQ(formatted("[{:5}]", "ab"), "[ab   ]");
    EXPECT_EQ(formatted("[{:>5}]", "ab"), "[   ab]");
    EXPECT_EQ(formatted("[{:1}]", "abc"), "[abc]");
}

TEST(Format, KeepsDoubledBraces) { EXPECT_EQ(formatted("{{{}}}", 7), "{7}"); }

TEST(Format, NamesAMissingArgument) {
    EXPECT_EQ(formatted("{} {}", 1), "1 {?}");
    EXPECT_EQ(formatted("open {", 1), "open ");
}

TEST(Format, CutsWhatDoesNotFit) {
    std::array<char, 4> buffer;
    BufferSink sink{buffer};
    format_to(sink, "{}", "longer than four");
    EXPECT_EQ(sink.text(), "long");
}

} // namespace
} // namespace twofold::hyp
