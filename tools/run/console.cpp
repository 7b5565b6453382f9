// SPDX-License-Identifier: MIT
// Lines of the machine's console.
#include "tools/run/console.hpp"

namespace twofold::tool {

void Console::take(std::string_view bytes) {
    for (const char c : bytes) {
        if (c == '\n') {
            end_line();
        } else if (c != '\r' && line_.size() < longest_line) {
            line_ += c;
        }
    }
}

void Console::end_line() {
    constexpr std::string_view panic = "twofold: stopped: ";
    constexpr std::string_view speaker = "[twofold] ";
    if (line_.starts_with(panic)) {
        stopped_ = line_.substr(panic.size());
    } else if (line_.starts_with(speaker)) {
        said_ = line_.substr(speaker.size());
    }
    std::erase_if(expected_, [this](const std::string& text) { return line_.contains(text); });
    if (!line_.empty()) {
        lines_.push_back(line_);
        if (lines_.size() > kept_lines) {
            lines_.pop_front();
        }
    }
    line_.clear();
}

} // namespace twofold::tool
