// SPDX-License-Identifier: MIT
// Console: looks through what the machine prints for the hypervisor's own words, and keeps the last
// lines for a failure.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twofold::tool {

class Console {
public:
    static constexpr std::size_t kept_lines = 15;
    static constexpr std::size_t longest_line = 1000;

    void take(std::string_view bytes);

    // Watches for lines that contain each of these texts, from here on.
    void expect(std::vector<std::string> texts) { expected_ = std::move(texts); }
    // Those that have not come.
    const std::vector<std::string>& missing() const { return expected_; }

    // Why the hypervisor stopped, or the last thing that it said; empty if it said nothing.
    std::string reason() const { return stopped_.empty() ? said_ : stopped_; }
    // The last line with something on it, by whom it may be.
    std::string last_line() const { return lines_.empty() ? "" : lines_.back(); }
    const std::deque<std::string>& last_lines() const { return lines_; }

    // Whether the cursor stands behind something.
    bool is_mid_line() const { return !line_.empty(); }
    // What has no newline yet counts as a line from here on.
    void finish() { end_line(); }

private:
    void end_line();

    std::vector<std::string> expected_; // until they come
    std::string line_;
    std::deque<std::string> lines_;
    std::string stopped_;
    std::string said_;
};

} // namespace twofold::tool
