// SPDX-License-Identifier: MIT
// The forms of the commands, and their parser.
#include "monitor/command.hpp"

#include "runtime/number.hpp"

namespace twofold::hyp {

namespace {

using Argument = CommandForm::Argument;

// Two words come before one: "migrate at" before "migrate".
constexpr CommandForm forms[] = {
    {"help", "", "", Argument::none, Verb::help, "this list"},
    {"slots", "", "", Argument::none, Verb::slots, "the guest's memory slots"},
    {"map", "", "IPA", Argument::optional, Verb::map, "what is mapped, from IPA on"},
    {"sizes", "", "", Argument::none, Verb::sizes, "how much is mapped at each size"},
    {"reasons", "", "IPA", Argument::number, Verb::reasons,
     "why the mapping there has its size, and no larger one"},
    {"faults", "", "", Argument::none, Verb::faults, "how many faults were resolved"},
    {"commands", "", "", Argument::none, Verb::commands, "how many commands were carried out"},
    {"log", "on", "", Argument::none, Verb::log_on, "notice the first write to each page"},
    {"log", "off", "", Argument::none, Verb::log_off, "writes are not noticed any more"},
    {"harvest", "", "", Argument::none, Verb::harvest,
     "pages written since the last harvest; the next write is noticed again"},
    {"split", "", "", Argument::none, Verb::split, "divide all blocks into pages"},
    {"collapse", "", "", Argument::none, Verb::collapse,
     "let blocks come back where memory and rules allow"},
    {"age", "", "", Argument::none, Verb::age, "how long memory has been idle, in calls of this"},
    {"balloon", "", "N", Argument::number, Verb::balloon, "take N pages of zeroes back"},
    {"migrate", "at", "IPA", Argument::number, Verb::migrate_at, "move this page elsewhere"},
    {"migrate", "", "N", Argument::number, Verb::migrate, "move N pages at random"},
    {"drop", "", "", Argument::none, Verb::drop, "unmap all; the content stays"},
    {"echo", "", "TEXT", Argument::text, Verb::echo, "say it"},
    {"guest", "", "NAME", Argument::text, Verb::guest,
     "whom commands and typed text are for, from the console only; no NAME: who there is"},
};

constexpr bool is_blank(char c) { return c == ' ' || c == ',' || c == '\t'; }

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::expected<Command, std::string_view> parse_argument(const CommandForm& form,
                                                        std::string_view rest) {
    Command command{.verb = form.verb, .number = {}, .text = {}};
    if (form.argument == Argument::text) {
        command.text = without_blanks(rest);
        return command;
    }
    const std::string_view word = take_word(rest);
    if (!take_word(rest).empty() || (form.argument == Argument::none && !word.empty()))
        return std::unexpected("there are too many words");
    if (word.empty())
        return form.argument == Argument::number
                   ? std::expected<Command, std::string_view>{std::unexpected(
                         "a number is missing")}
                   : command;
    command.number = parse_number(word);
    if (!command.number)
        return std::unexpected("that is no number: 16, 0x10, 2M");
    return command;
}

} // namespace

std::span<const CommandForm> command_forms() { return forms; }

std::string_view take_word(std::string_view& line) {
    while (!line.empty() && is_blank(line.front()))
        line.remove_prefix(1);
    std::size_t size = 0;
    while (size < line.size() && !is_blank(line[size]))
        ++size;
    const std::string_view word = line.substr(0, size);
    line.remove_prefix(size);
    return word;
}

std::expected<Command, std::string_view> Command::parse(std::string_view line) {
    const std::string_view first = take_word(line);
    bool half = false;
    for (const CommandForm& form : forms) {
        if (form.first != first)
            continue;
        std::string_view rest = line;
        if (!form.second.empty() && take_word(rest) != form.second) {
            half = true;
            continue;
        }
        return parse_argument(form, rest);
    }
    return std::unexpected(half ? "log on, or log off?" : "unknown command; help lists them");
}

} // namespace twofold::hyp
