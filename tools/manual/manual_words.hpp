// SPDX-License-Identifier: MIT
// What is written from a CommandTree.
#pragma once

#include "tools/manual/command_tree.hpp"

#include <string>

namespace twofold::tool {

// For man(1), section 1.
std::string man_page(const CommandTree& tree);

// Scripts that a shell reads: subcommands, options, and the values of those that take one of a few
// words; files elsewhere.
std::string bash_completion(const CommandTree& tree);
std::string zsh_completion(const CommandTree& tree);
std::string fish_completion(const CommandTree& tree);

} // namespace twofold::tool
