// SPDX-License-Identifier: MIT
// Completions for bash, zsh and fish.
#include "tools/manual/manual_words.hpp"

#include <fmt/format.h>

#include <string_view>

namespace twofold::tool {

namespace {

// visit(tree, words): each command, with the words that lead to it behind the program's name.
template <class Visit>
void for_each_command(const CommandTree& tree, const std::string& words, Visit&& visit) {
    visit(tree, words);
    for (const CommandTree& subcommand : tree.subcommands) {
        for_each_command(subcommand,
                         words.empty() ? subcommand.name : words + " " + subcommand.name, visit);
    }
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string out;
    for (const std::string& word : words) {
        out += (out.empty() ? "" : std::string{between}) + word;
    }
    return out;
}

// All that may stand where a word begins.
std::string next_words(const CommandTree& tree) {
    std::vector<std::string> words;
    for (const CommandTree& subcommand : tree.subcommands) {
        words.push_back(subcommand.name);
    }
    for (const OptionWords& option : tree.options) {
        words.insert(words.end(), option.names.begin(), option.names.end());
    }
    return joined(words, " ");
}

// In single quotes.
std::string quoted(std::string_view text, std::string_view quote) {
    std::string out = "'";
    for (const char c : text) {
        c == '\'' ? out += quote : out += c;
    }
    return out + "'";
}
std::string quoted_for_sh(std::string_view text) { return quoted(text, "'\\''"); }
std::string quoted_for_fish(std::string_view text) { return quoted(text, "\\'"); }

// The part of a description that says what an option does.
std::string_view meaning(const OptionWords& option) {
    const std::string_view text = option.description;
    const std::size_t colon = text.find(": ");
    return option.choices.empty() || colon == std::string_view::npos ? text
                                                                     : text.substr(colon + 2);
}

std::string function_of(const CommandTree& tree) { return "_" + tree.name; }

} // namespace

std::string bash_completion(const CommandTree& tree) {
    std::string words;
    std::string values;
    std::string paths;
    for_each_command(tree, "", [&](const CommandTree& command, const std::string& path) {
        words += fmt::format("    {}) words={} ;;\n", quoted_for_sh(path),
                             quoted_for_sh(next_words(command)));
        for (const CommandTree& subcommand : command.subcommands) {
            const std::string whole = path.empty() ? subcommand.name : path + " " + subcommand.name;
            paths += fmt::format("        {}) path={} ;;\n",
                                 quoted_for_sh(fmt::format("{}|{}", path, subcommand.name)),
                                 quoted_for_sh(whole));
        }
        for (const OptionWords& option : command.options) {
            for (const std::string& name : option.names) {
                if (!option.value.empty()) {
                    values += fmt::format("    {}) values={} takes=1 ;;\n",
                                          quoted_for_sh(fmt::format("{}|{}", path, name)),
                                          quoted_for_sh(joined(option.choices, " ")));
                }
            }
        }
    });
    return fmt::format(R"(# bash completion for {0}
{1}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous= path= words= values= takes= i
    [ "$COMP_CWORD" -eq 0 ] || previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case "$path|${{COMP_WORDS[i]}}" in
{2}        esac
    done
    case "$path|$previous" in
{3}    esac
    if [ -n "$takes" ]; then
        if [ -n "$values" ]; then
            COMPREPLY=($(compgen -W "$values" -- "$current"))
        else
            COMPREPLY=($(compgen -f -- "$current"))
        fi
        return
    fi
    case "$path" in
{4}    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F {1} {0}
)",
                       tree.name, function_of(tree), paths, values, words);
}

// zsh runs bash's functions, and files are found by the same rules.
std::string zsh_completion(const CommandTree& tree) {
    return fmt::format("#compdef {0}\nautoload -U +X bashcompinit && bashcompinit\n{1}", tree.name,
                       bash_completion(tree));
}

std::string fish_completion(const CommandTree& tree) {
    std::string out = fmt::format("# fish completion for {0}\n", tree.name);
    for_each_command(tree, "", [&](const CommandTree& command, const std::string& path) {
        std::string seen;
        for (std::string_view rest = path; !rest.empty();) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            seen += fmt::format("{}__fish_seen_subcommand_from {}", seen.empty() ? "" : "; and ",
                                rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        std::vector<std::string> names;
        for (const CommandTree& subcommand : command.subcommands) {
            names.push_back(subcommand.name);
        }
        const std::string others =
            names.empty() ? "" : "not __fish_seen_subcommand_from " + joined(names, " ");
        const std::string here =
            seen.empty() || others.empty() ? seen + others : seen + "; and " + others;
        const std::string condition = here.empty() ? "" : " -n " + quoted_for_fish(here);
        for (const CommandTree& subcommand : command.subcommands) {
            out += fmt::format("complete -c {}{} -f -a {} -d {}\n", tree.name, condition,
                               subcommand.name, quoted_for_fish(subcommand.description));
        }
        for (const OptionWords& option : command.options) {
            std::string line = fmt::format("complete -c {}{}", tree.name, condition);
            for (const std::string& name : option.names) {
                line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            if (!option.value.empty()) {
                line += option.file ? " -r" : " -x";
                if (!option.choices.empty()) {
                    line += " -a " + quoted_for_fish(joined(option.choices, " "));
                }
            }
            out += line + " -d " + quoted_for_fish(meaning(option)) + '\n';
        }
    });
    return out;
}

} // namespace twofold::tool
