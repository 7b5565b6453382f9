// SPDX-License-Identifier: MIT
// Lines of a trace.
#include "tools/check/trace_lines.hpp"

#include "tools/text/printable.hpp"

#include <utility>

namespace twofold::tool {

TraceLines::TraceLines(LineReader::Read read)
    : ends_with_newline_{std::make_shared<bool>(true)},
      lines_{[read = std::move(read), newline = ends_with_newline_](std::span<char> space) {
          const std::size_t count = read(space);
          if (count != 0) {
              *newline = space[count - 1] == '\n';
          }
          return count;
      }} {
    ahead_ = this->read();
}

std::optional<TraceText> TraceLines::read() {
    const auto line = lines_.next();
    return line ? std::optional{TraceText{std::string{line->text}, line->number, line->cut}}
                : std::nullopt;
}

std::optional<TraceText> TraceLines::next() {
    std::optional<TraceText> line = std::move(ahead_);
    ahead_ = line ? read() : std::nullopt;
    if (line && !ahead_) {
        line->complete = *ends_with_newline_;
    }
    return line;
}

std::string quoted_line(const std::string& text) {
    constexpr std::size_t most = 60;
    const std::string clean = printable(text.substr(0, most));
    return '"' + clean + (text.size() > most ? "...\"" : "\"");
}

} // namespace twofold::tool
