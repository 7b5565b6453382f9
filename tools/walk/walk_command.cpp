// SPDX-License-Identifier: MIT
// twofold walk
#include "tools/command.hpp"
#include "tools/text/number.hpp"
#include "tools/walk/regime_options.hpp"
#include "tools/walk/walk_answer.hpp"

#include <fmt/format.h>

#include <memory>

namespace twofold::tool {

namespace {

struct WalkOptions {
    RegimeOptions regime;
    std::uint64_t ipa = 0;
    AccessKind access = AccessKind::read;
    bool el0 = false;
    bool json = false;
};

std::optional<AccessKind> parse_access(const std::string& text) {
    return text == "read"    ? std::optional{AccessKind::read}
           : text == "write" ? std::optional{AccessKind::write}
           : text == "fetch" ? std::optional{AccessKind::fetch}
                             : std::nullopt;
}

int run_walk(const WalkOptions& options) {
    auto memory = open_memory(options.regime.memory);
    if (!memory) {
        return fail(exit_status::bad_input, memory.error());
    }
    for (const std::string& note : memory->notes()) {
        warn(note);
    }
    const Regime regime{*options.regime.cpu, options.regime.registers};
    const auto answer =
        answer_walk(regime, *memory,
                    {.ipa = Ipa{options.ipa},
                     .access = options.access,
                     .level = options.el0 ? model::AccessLevel::el0 : model::AccessLevel::el1});
    if (!answer) {
        return fail(exit_status::bad_input, answer.error());
    }
    const int printed = print_result(options.json ? json_text(walk_json(regime, *answer))
                                                  : walk_text(regime, *answer));
    return printed == exit_status::yes && !answer->translated() ? exit_status::no : printed;
}

} // namespace

void add_walk_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<WalkOptions>();
    CLI::App& command =
        *app.add_subcommand("walk", "One access through stage-2 tables in memory, step by step");
    use_last(command);
    add_regime_options(command, options->regime);
    add_parsed(
        command, "ipa", options->ipa, [](const std::string& text) { return parse_number(text); },
        "a number", "the guest's physical address")
        ->required();
    add_parsed(command, "--access", options->access, parse_access, "read, write or fetch",
               "what the guest does (read)");
    command.add_flag("--el0", options->el0, "the access is EL0's, else EL1's");
    command.add_flag("--json", options->json, "as JSON");
    command.footer("Exit status 1: the access faults, or the image does not have what it needs.\n"
                   "Example: twofold walk --vtcr 0x802d3558 --vttbr 0x1000040dc0001 "
                   "--memory ram.bin@0x40000000 0x100008000 --access fetch");
    command.callback([options, &status] { status = run_walk(*options); });
}

} // namespace twofold::tool
