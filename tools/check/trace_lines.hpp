// SPDX-License-Identifier: MIT
// TraceLines: the lines of a trace, with an eye on a last one that was cut off.
#pragma once

#include "tools/text/line_reader.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace twofold::tool {

struct TraceText {
    std::string text;
    std::size_t number = 1;
    bool too_long = false;
    bool complete = true; // false: the file ends before the line does
};

class TraceLines {
public:
    explicit TraceLines(LineReader::Read read);
    std::optional<TraceText> next();

private:
    std::optional<TraceText> read();

    std::shared_ptr<bool> ends_with_newline_; // what was read so far
    LineReader lines_;
    std::optional<TraceText> ahead_;
};

// A line for an error message: printable, short, in quotes.
std::string quoted_line(const std::string& text);

} // namespace twofold::tool
