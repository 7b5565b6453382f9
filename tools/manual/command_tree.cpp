// SPDX-License-Identifier: MIT
// What CLI11 knows of a command.
#include "tools/manual/command_tree.hpp"

#include <algorithm>
#include <cctype>

namespace twofold::tool {

namespace {

bool is_word(const std::string& text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
    });
}

// add_parsed() puts what is expected before the description: "4K, 16K or 64K: ...". These are
// choices if they are single words, and more than one.
std::vector<std::string> choices_in(const std::string& description) {
    constexpr std::string_view one_of = "one of ";
    std::string expected = description.substr(0, description.find(": "));
    if (expected.size() == description.size()) {
        return {};
    }
    if (expected.starts_with(one_of)) {
        expected.erase(0, one_of.size());
    }
    std::vector<std::string> choices;
    while (!expected.empty()) {
        const std::size_t comma = std::min(expected.find(", "), expected.size());
        const std::size_t other = std::min(expected.find(" or "), expected.size());
        const std::size_t end = std::min(comma, other);
        choices.push_back(expected.substr(0, end));
        expected.erase(0, end + (end == other ? 4 : 2));
    }
    return choices.size() > 1 && std::ranges::all_of(choices, is_word) ? choices
                                                                       : std::vector<std::string>{};
}

OptionWords words_of(const CLI::Option& option) {
    OptionWords words{.description = option.get_description()};
    for (const std::string& name : option.get_snames()) {
        words.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
        words.names.push_back("--" + name);
    }
    if (option.get_items_expected_max() == 0) {
        return words;
    }
    words.value = option.get_type_name();
    words.choices = choices_in(words.description);
    words.file = words.value.find("FILE") != std::string::npos ||
                 words.value.find("DIR") != std::string::npos ||
                 words.value.find("TRACE") != std::string::npos;
    return words;
}

} // namespace

CommandTree CommandTree::of(const CLI::App& app) {
    CommandTree tree{
        .name = app.get_name(), .description = app.get_description(), .footer = app.get_footer()};
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) {
            continue;
        }
        OptionWords words = words_of(*option);
        if (option->get_positional()) {
            words.names = {};
            words.value = option->get_name(true) + (words.value.empty() ? "" : " " + words.value);
            tree.positionals.push_back(std::move(words));
        } else {
            tree.options.push_back(std::move(words));
        }
    }
    for (const CLI::App* subcommand : app.get_subcommands({})) {
        if (!subcommand->get_group().empty()) {
            tree.subcommands.push_back(of(*subcommand));
        }
    }
    return tree;
}

} // namespace twofold::tool
