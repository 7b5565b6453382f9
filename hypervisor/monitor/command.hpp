// SPDX-License-Identifier: MIT
// Command: what the monitor can be asked to do, and how it is written.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace twofold::hyp {

enum class Verb : std::uint8_t {
    help,
    slots,
    map,
    sizes,
    reasons,
    faults,
    commands,
    log_on,
    log_off,
    harvest,
    split,
    collapse,
    age,
    balloon,
    migrate,
    migrate_at,
    drop,
    echo,
    guest,
};

struct Command {
    Verb verb = Verb::help;
    std::optional<std::uint64_t> number; // as the verb's form says
    std::string_view text;               // of echo and guest; part of the line

    // Words are separated by blanks or commas, so that a command can be a part of a word. The error
    // is a line for a person.
    static std::expected<Command, std::string_view> parse(std::string_view line);

    bool operator==(const Command&) const = default;
};

// How a verb is written, for help.
struct CommandForm {
    enum class Argument : std::uint8_t { none, optional, number, text };

    std::string_view first;
    std::string_view second; // empty: the verb has one word
    std::string_view argument_name;
    Argument argument;
    Verb verb;
    std::string_view meaning;
};

std::span<const CommandForm> command_forms();

// Takes the first word of a line away; empty at the end of the line.
std::string_view take_word(std::string_view& line);

} // namespace twofold::hyp
