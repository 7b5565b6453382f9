// SPDX-License-Identifier: MIT
// Script: commands that the monitor carries out by itself while the guest runs.
//
//   log on; repeat 10; wait 50ms; harvest; end; log off; collapse
//
// Statements are separated by semicolons: commands, "wait TIME" (us, ms, s), and "repeat N" or
// "repeat" (for ever) up to its "end". None is "guest", as nothing is typed. As in a command, a
// comma counts as a blank.
#pragma once

#include "monitor/command.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold::hyp {

class Script {
public:
    static constexpr std::size_t deepest = 4; // repeats in each other

    // What comes next: a command, or a time to wait first.
    struct Statement {
        std::optional<Command> command;
        std::uint64_t microseconds = 0;
    };

    constexpr Script() = default;
    // `text` outlives this.
    constexpr explicit Script(std::string_view text) : text_{text} {}

    // The first statement that is wrong, empty if none is; with a repeat without end the repeat.
    static std::string_view first_mistake(std::string_view text);

    // Empty at the end. The script has no mistake.
    std::optional<Statement> next();

private:
    struct Loop {
        std::size_t body = 0;   // where it begins
        std::uint64_t left = 0; // times, with this one
        bool endless = false;
    };

    std::string_view text_;
    std::size_t at_ = 0;
    std::array<Loop, deepest> loops_{};
    std::size_t depth_ = 0;
};

} // namespace twofold::hyp
