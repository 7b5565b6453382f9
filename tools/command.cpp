// SPDX-License-Identifier: MIT
// What every subcommand shares.
#include "tools/command.hpp"

#include "tools/text/number.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace twofold::tool {

int fail(int status, std::string_view message) {
    fmt::print(stderr, "twofold: {}\n", message);
    return status;
}

void warn(std::string_view message) { fmt::print(stderr, "twofold: {}\n", message); }

int print_result(std::string_view text) {
    const std::size_t written = std::fwrite(text.data(), 1, text.size(), stdout);
    if (written != text.size() || std::fflush(stdout) != 0) {
        return fail(exit_status::no, "the result could not be written");
    }
    return exit_status::yes;
}

std::string json_text(const nlohmann::ordered_json& json) {
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

void use_last(CLI::App& command) {
    command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void add_texts(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
               const std::string& description) {
    command.add_option(name, texts, description)
        ->type_name("X")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::optional<unsigned> parse_between(std::string_view text, unsigned least, unsigned most) {
    const auto number = parse_number(text);
    if (!number || *number < least || *number > most) {
        return std::nullopt;
    }
    return static_cast<unsigned>(*number);
}

} // namespace twofold::tool
