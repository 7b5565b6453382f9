// SPDX-License-Identifier: MIT
// LineReader: the lines of a text of any length, none of which is kept longer than a line can make
// sense.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace twofold::tool {

struct TextLine {
    std::string_view text; // without its end, valid until the next one is read
    std::size_t number = 1;
    bool cut = false; // it is longer, and the rest of it was passed over
};

class LineReader {
public:
    // Fills the span and says how much; 0 at the end.
    using Read = std::function<std::size_t(std::span<char>)>;

    static constexpr std::size_t longest_line = 4096;

    explicit LineReader(Read read) : read_{std::move(read)} {}
    static LineReader of(std::string_view text);
    // The descriptor stays the caller's.
    static LineReader of_file(int descriptor);

    std::optional<TextLine> next();

private:
    bool fill();

    Read read_;
    std::string buffer_ = std::string(1U << 16, '\0');
    std::size_t start_ = 0;
    std::size_t end_ = 0;
    std::size_t number_ = 0;
    std::string line_;
};

} // namespace twofold::tool
