// SPDX-License-Identifier: MIT
// twofold manual, twofold completion: what is installed beside the program, written by itself, so
// that it cannot say anything else than --help.
#include "tools/command.hpp"
#include "tools/manual/manual_words.hpp"

#include <memory>
#include <string>

namespace twofold::tool {

void add_manual_commands(CLI::App& app, int& status) {
    CLI::App& manual = *app.add_subcommand("manual", "The man page, for man(1)");
    manual.footer("Example: twofold manual | man -l -");
    manual.callback([&app, &status] { status = print_result(man_page(CommandTree::of(app))); });

    const auto shell = std::make_shared<std::string>();
    CLI::App& completion =
        *app.add_subcommand("completion", "What a shell needs to complete this command's words");
    completion.add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
    completion.footer("Example: source <(twofold completion bash)");
    completion.callback([&app, &status, shell] {
        const CommandTree tree = CommandTree::of(app);
        if (*shell == "bash") {
            status = print_result(bash_completion(tree));
        } else if (*shell == "zsh") {
            status = print_result(zsh_completion(tree));
        } else if (*shell == "fish") {
            status = print_result(fish_completion(tree));
        } else {
            status = fail(exit_status::bad_input,
                          "shell: expected bash, zsh or fish, not \"" + *shell + "\"");
        }
    });
}

} // namespace twofold::tool
