// SPDX-License-Identifier: MIT
// The man page, in the macros of man(7).
#include "tools/manual/manual_words.hpp"

#include <fmt/format.h>

#include <string_view>

namespace twofold::tool {

namespace {

// Text for roff: no character of it is a request.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool line_start = out.empty() || out.back() == '\n';
        if (line_start && (c == '.' || c == '\'')) {
            out += "\\&";
        }
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    return out;
}

std::string names_of(const OptionWords& option) {
    std::string out;
    for (const std::string& name : option.names) {
        out += (out.empty() ? "\\fB" : ", \\fB") + escaped(name) + "\\fR";
    }
    if (!option.value.empty()) {
        out += (out.empty() ? "\\fI" : " \\fI") + escaped(option.value) + "\\fR";
    }
    return out;
}

void add_options(std::string& out, const std::vector<OptionWords>& options) {
    for (const OptionWords& option : options) {
        out += fmt::format(".TP\n{}\n{}\n", names_of(option), escaped(option.description));
    }
}

// "Example: one" and further lines are commands; what follows them in another form is text.
void add_footer(std::string& out, std::string_view footer) {
    constexpr std::string_view example = "Example: ";
    bool literal = false;
    const auto set_literal = [&](bool wanted) {
        if (literal != wanted) {
            out += wanted ? ".PP\n.nf\n" : ".fi\n";
            literal = wanted;
        }
    };
    while (!footer.empty()) {
        const std::size_t end = footer.find('\n');
        std::string_view line = footer.substr(0, end);
        footer.remove_prefix(end == std::string_view::npos ? footer.size() : end + 1);
        const bool first = line.starts_with(example);
        if (first) {
            line.remove_prefix(example.size());
        }
        const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
        const bool command = first || blanks == example.size();
        line.remove_prefix(blanks);
        set_literal(command);
        out += command ? "    " : ".PP\n";
        out += escaped(line) + '\n';
    }
    set_literal(false);
}

void add_command(std::string& out, const CommandTree& tree, const std::string& words) {
    std::string usage = "\\fB" + escaped(words) + "\\fR";
    if (!tree.options.empty()) {
        usage += " [\\fIoptions\\fR]";
    }
    for (const OptionWords& positional : tree.positionals) {
        usage += " \\fI" + escaped(positional.value) + "\\fR";
    }
    std::string kinds;
    for (const CommandTree& subcommand : tree.subcommands) {
        kinds += (kinds.empty() ? " \\fB" : "|\\fB") + escaped(subcommand.name) + "\\fR";
    }
    out += fmt::format(".SS {}\n{}{}\n.PP\n{}\n", escaped(words), usage, kinds,
                       escaped(tree.description));
    add_options(out, tree.positionals);
    add_options(out, tree.options);
    add_footer(out, tree.footer);
    for (const CommandTree& subcommand : tree.subcommands) {
        add_command(out, subcommand, words + " " + subcommand.name);
    }
}

} // namespace

std::string man_page(const CommandTree& tree) {
    std::string out = fmt::format(".TH {} 1\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n", tree.name,
                                  escaped(tree.name), escaped(tree.description));
    for (const CommandTree& command : tree.subcommands) {
        out +=
            fmt::format(".B {} {}\n{}.br\n", escaped(tree.name), escaped(command.name),
                        command.subcommands.empty() ? "[options] ...\n" : "KIND [options] ...\n");
    }
    out += ".SH DESCRIPTION\n"
           "Stage 2 is the second stage of address translation on Arm, by which a hypervisor gives "
           "memory to its guests.\n"
           "This command says what a set of tables, a register or a trace means, and why a mapping "
           "has the size that it has.\n"
           ".PP\n"
           "Numbers are taken as people write them: 0x40000000, 1G, 40.\n"
           "With \\fB\\-\\-json\\fR the same answer has a form that does not change.\n"
           ".SH COMMANDS\n";
    for (const CommandTree& command : tree.subcommands) {
        add_command(out, command, tree.name + " " + command.name);
    }
    out += ".SH EXIT STATUS\n"
           ".TP\n0\nThe answer is yes, or there is nothing wrong.\n"
           ".TP\n1\nThe answer is no, something is wrong, or a part of the answer is missing.\n"
           ".TP\n2\nWhat was asked makes no sense: one line on standard error says what was "
           "expected.\n";
    return out;
}

} // namespace twofold::tool
