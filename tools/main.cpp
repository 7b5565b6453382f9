// SPDX-License-Identifier: MIT
// twofold: what a stage 2 does, and why.
#include "tools/command.hpp"

#include <exception>
#include <string>

int main(int argc, char** argv) {
    using namespace twofold::tool;
    try {
        CLI::App app{"What a second stage of translation does, and why.", "twofold"};
        int status = exit_status::yes;
        app.require_subcommand(1);
        app.footer("twofold COMMAND --help tells more. Exit status: 0, 1 if the answer is no or "
                   "something failed, 2 for bad input.");
        add_layout_command(app, status);
        add_explain_command(app, status);
        add_decode_command(app, status);
        add_check_command(app, status);
        add_walk_command(app, status);
        add_map_command(app, status);
        add_kvm_command(app, status);
        add_attach_command(app, status);
        add_report_command(app, status);
        add_run_command(app, status);
        add_manual_commands(app, status);
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            if (error.get_exit_code() == 0) {
                return app.exit(error);
            }
            return fail(exit_status::bad_input, error.what());
        }
        return status;
    } catch (const std::exception& error) {
        return fail(exit_status::no, error.what());
    }
}
