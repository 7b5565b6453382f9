// SPDX-License-Identifier: MIT
// Statements of a script, one after the other.
#include "monitor/script.hpp"

#include "runtime/number.hpp"

#include <algorithm>

namespace twofold::hyp {

namespace {

enum class Kind : std::uint8_t { empty, command, wait, repeat, end, mistake };

struct Parsed {
    Kind kind = Kind::empty;
    Command command;
    std::uint64_t number = 0; // microseconds, or times; 0: for ever
};

// The statement at `at`, which becomes where the next one begins.
std::string_view take_statement(std::string_view text, std::size_t& at) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const std::string_view statement = text.substr(at, end - at);
    at = std::min(end + 1, text.size());
    return statement;
}

Parsed parse_wait(std::string_view rest) {
    const auto time = parse_duration(take_word(rest));
    return {.kind = time && take_word(rest).empty() ? Kind::wait : Kind::mistake,
            .command = {},
            .number = time.value_or(0)};
}

Parsed parse_repeat(std::string_view rest) {
    const std::string_view times = take_word(rest);
    if (times.empty())
        return {.kind = Kind::repeat, .command = {}, .number = 0};
    const auto number = parse_number(times);
    const bool good = number && *number != 0 && take_word(rest).empty();
    return {
        .kind = good ? Kind::repeat : Kind::mistake, .command = {}, .number = number.value_or(0)};
}

Parsed parse(std::string_view statement) {
    std::string_view rest = statement;
    const std::string_view first = take_word(rest);
    if (first.empty())
        return {};
    if (first == "wait")
        return parse_wait(rest);
    if (first == "repeat")
        return parse_repeat(rest);
    if (first == "end")
        return {.kind = take_word(rest).empty() ? Kind::end : Kind::mistake,
                .command = {},
                .number = 0};
    const auto command = Command::parse(statement);
    const bool good = command && command->verb != Verb::guest;
    return {.kind = good ? Kind::command : Kind::mistake,
            .command = command.value_or(Command{}),
            .number = 0};
}

} // namespace

std::string_view Script::first_mistake(std::string_view text) {
    std::array<std::string_view, deepest> open{};
    std::array<bool, deepest + 1> does_something{};
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view statement = take_statement(text, at);
        switch (parse(statement).kind) {
        case Kind::empty:
            break;
        case Kind::mistake:
            return statement;
        case Kind::command:
        case Kind::wait:
            does_something[depth] = true;
            break;
        case Kind::repeat:
            if (depth == deepest)
                return statement;
            open[depth++] = statement;
            does_something[depth] = false;
            break;
        case Kind::end:
            // Nothing, again and again, would never end.
            if (depth == 0 || !does_something[depth])
                return statement;
            does_something[--depth] = true;
            break;
        }
    }
    return depth != 0 ? open[depth - 1] : std::string_view{};
}

std::optional<Script::Statement> Script::next() {
    while (at_ < text_.size()) {
        const Parsed parsed = parse(take_statement(text_, at_));
        switch (parsed.kind) {
        case Kind::command:
            return Statement{.command = parsed.command, .microseconds = 0};
        case Kind::wait:
            return Statement{.command = {}, .microseconds = parsed.number};
        case Kind::repeat:
            loops_[depth_++] = {.body = at_, .left = parsed.number, .endless = parsed.number == 0};
            break;
        case Kind::end: {
            Loop& loop = loops_[depth_ - 1];
            if (loop.endless || --loop.left != 0)
                at_ = loop.body;
            else
                --depth_;
            break;
        }
        case Kind::empty:
        case Kind::mistake:
            break;
        }
    }
    return std::nullopt;
}

} // namespace twofold::hyp
