// SPDX-License-Identifier: MIT
// Lines of texts of any form, and names that are safe to print.
#include "tools/text/line_reader.hpp"
#include "tools/text/printable.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace twofold::tool {
namespace {

std::vector<std::string> lines_of(LineReader reader) {
    std::vector<std::string> lines;
    while (const auto line = reader.next()) {
        EXPECT_EQ(line->number, lines.size() + 1);
        lines.emplace_back(line->text);
    }
    return lines;
}

TEST(LineReader, EndsOfLines) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(lines_of(LineReader::of("")), Lines{});
    EXPECT_EQ(lines_of(LineReader::of("a")), Lines{"a"});
    EXPECT_EQ(lines_of(LineReader::of("a\n")), Lines{"a"});
    EXPECT_EQ(lines_of(LineReader::of("a\r\n\nb")), (Lines{"a", "", "b"}));
    EXPECT_EQ(lines_of(LineReader::of("\n\n")), (Lines{"", ""}));
}

TEST(LineReader, PiecesOfAnySize) {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += std::string(static_cast<std::size_t>(i) % 97, 'x') + '\n';
    }
    const auto whole = lines_of(LineReader::of(text));
    for (const std::size_t most : {1U, 2U, 7U, 64U}) {
        std::string_view rest = text;
        EXPECT_EQ(lines_of(LineReader{[&rest, most](std::span<char> space) {
                      const std::size_t count = std::min({most, space.size(), rest.size()});
                      std::copy_n(rest.begin(), count, space.begin());
                      rest.remove_prefix(count);
                      return count;
                  }}),
                  whole);
    }
}

TEST(LineReader, LongLinesAreCut) {
    const std::string text = std::string(1 << 20, 'x') + "\nnext\n";
    LineReader reader = LineReader::of(text);
    const auto first = reader.next();
    EXPECT_EQ(first->text.size(), LineReader::longest_line);
    EXPECT_TRUE(first->cut);
    const auto second = reader.next();
    EXPECT_EQ(second->text, "next");
    EXPECT_FALSE(second->cut);
    const std::string longest(LineReader::longest_line, 'x');
    LineReader fits = LineReader::of(longest);
    EXPECT_FALSE(fits.next()->cut);
}

TEST(Printable, WhatIsReplaced) {
    EXPECT_EQ(printable("vmm-66"), "vmm-66");
    EXPECT_EQ(printable("Gr\xc3\xb6\xc3\x9f"
                        "e \xe2\x82\xac \xf0\x9f\x98\x80"),
              "Gr\xc3\xb6\xc3\x9f"
              "e \xe2\x82\xac \xf0\x9f\x98\x80");
    EXPECT_EQ(printable("a\x1b[0m\n\x7f"), "a?[0m??");
    EXPECT_EQ(printable("\xc3"), "?");           // ends early
    EXPECT_EQ(printable("\xc0\xaf"), "??");      // too long a form
    EXPECT_EQ(printable("\xed\xa0\x80"), "???"); // a surrogate
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");
    EXPECT_EQ(printable("\xc2\x9b"), "??"); // a control character of C1
    EXPECT_EQ(printable(std::string_view{"\0", 1}), "?");
}

} // namespace
} // namespace twofold::tool
