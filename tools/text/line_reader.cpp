// SPDX-License-Identifier: MIT
// Reading of lines.
#include "tools/text/line_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace twofold::tool {

LineReader LineReader::of(std::string_view text) {
    return LineReader{[text](std::span<char> space) mutable {
        const std::size_t count = std::min(space.size(), text.size());
        std::copy_n(text.begin(), count, space.begin());
        text.remove_prefix(count);
        return count;
    }};
}

LineReader LineReader::of_file(int descriptor) {
    return LineReader{[descriptor](std::span<char> space) -> std::size_t {
        for (;;) {
            const ssize_t count = ::read(descriptor, space.data(), space.size());
            if (count >= 0) {
                return static_cast<std::size_t>(count);
            }
            if (errno != EINTR) {
                return 0;
            }
        }
    }};
}

bool LineReader::fill() {
    start_ = 0;
    end_ = read_(buffer_);
    return end_ != 0;
}

std::optional<TextLine> LineReader::next() {
    line_.clear();
    bool any = false;
    bool cut = false;
    for (bool ended = false; !ended && (start_ != end_ || fill());) {
        any = true;
        const std::string_view rest = std::string_view{buffer_}.substr(start_, end_ - start_);
        const std::size_t newline = rest.find('\n');
        ended = newline != std::string_view::npos;
        const std::string_view part = rest.substr(0, newline);
        const std::size_t room = longest_line - line_.size();
        line_ += part.substr(0, room);
        cut = cut || part.size() > room;
        start_ += part.size() + (ended ? 1 : 0);
    }
    if (!any) {
        return std::nullopt;
    }
    if (line_.ends_with('\r')) {
        line_.pop_back();
    }
    return TextLine{line_, ++number_, cut};
}

} // namespace twofold::tool
