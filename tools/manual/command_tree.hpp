// SPDX-License-Identifier: MIT
// CommandTree: what a command and its subcommands accept, as CLI11 knows it, for what is written
// from it: the man page and the completions of shells.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace twofold::tool {

struct OptionWords {
    std::vector<std::string> names = {};   // "-o", "--output"; none of a positional argument
    std::string value = {};                // what stands for its value, or nothing of a flag
    std::string description = {};          // as --help has it
    std::vector<std::string> choices = {}; // where the value is one of a few words
    bool file = false;                     // the value is a file or a folder
};

struct CommandTree {
    std::string name = {}; // the last word of it
    std::string description = {};
    std::string footer = {};
    std::vector<OptionWords> options = {};
    std::vector<OptionWords> positionals = {};
    std::vector<CommandTree> subcommands = {};

    // Without what is hidden from --help.
    static CommandTree of(const CLI::App& app);
};

} // namespace twofold::tool
