// SPDX-License-Identifier: MIT
// The text form of events, one line each, so that a run can be written down and checked later.
// docs/trace-format.md describes it.
#pragma once

#include <twofold/model/checker_config.hpp>
#include <twofold/model/event.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace twofold::model {

// A line without its newline.
class TraceLine {
public:
    [[nodiscard]] std::string_view text() const { return {text_.data(), length_}; }

    void add(std::string_view word);
    void add_number(std::uint64_t value);
    void add_hex(std::uint64_t value);

private:
    void add(char c);

    std::array<char, 128> text_ = {};
    std::size_t length_ = 0;
};

[[nodiscard]] TraceLine to_line(const Event& event);
// Nothing for a line that is no event.
[[nodiscard]] std::optional<Event> event_of(std::string_view line);

// The first line of a trace says what the checker has to know beforehand.
[[nodiscard]] TraceLine header_line(const CheckerConfig& config);
[[nodiscard]] std::optional<CheckerConfig> config_of(std::string_view line);

} // namespace twofold::model
