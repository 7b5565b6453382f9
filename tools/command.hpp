// SPDX-License-Identifier: MIT
// What every subcommand shares: exit statuses, errors, and options with their own ways of writing.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

namespace exit_status {
inline constexpr int yes = 0;
inline constexpr int no = 1;        // the answer is no, or what was started failed
inline constexpr int bad_input = 2; // what was asked makes no sense
} // namespace exit_status

// One line on stderr; returns the status, so that a command can end with it.
int fail(int status, std::string_view message);

// One line on stderr, beside a result that stands.
void warn(std::string_view message);

// Results are what a command is run for: a full disk or a closed pipe is a failure.
int print_result(std::string_view text);

// With a newline at the end. Names out of files may be anything; what is no UTF-8 is replaced.
std::string json_text(const nlohmann::ordered_json& json);

// Of an option that is given again the last one counts. Call it before the options are added.
void use_last(CLI::App& command);

// An option that may be given several times.
void add_texts(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
               const std::string& description);

// An option whose text `parse` turns into a value; empty means "not of that form", and the error
// says what was expected.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, Value& value, Parse parse,
                        const std::string& expected, const std::string& description) {
    return app
        .add_option_function<std::string>(
            name,
            [&value, parse, name, expected](const std::string& text) {
                const auto parsed = parse(text);
                if (!parsed) {
                    throw CLI::ValidationError(name,
                                               "expected " + expected + ", not \"" + text + "\"");
                }
                value = static_cast<typename std::decay_t<decltype(*parsed)>>(*parsed);
            },
            expected + ": " + description)
        ->type_name("X");
}

// A number between two bounds, both included.
std::optional<unsigned> parse_between(std::string_view text, unsigned least, unsigned most);

// Each adds one subcommand; running it sets the status.
void add_attach_command(CLI::App& app, int& status);
void add_check_command(CLI::App& app, int& status);
void add_decode_command(CLI::App& app, int& status);
void add_explain_command(CLI::App& app, int& status);
void add_kvm_command(CLI::App& app, int& status);
void add_layout_command(CLI::App& app, int& status);
void add_manual_commands(CLI::App& app, int& status);
void add_map_command(CLI::App& app, int& status);
void add_report_command(CLI::App& app, int& status);
void add_run_command(CLI::App& app, int& status);
void add_walk_command(CLI::App& app, int& status);

} // namespace twofold::tool
