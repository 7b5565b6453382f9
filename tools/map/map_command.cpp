// SPDX-License-Identifier: MIT
// twofold map
#include "tools/command.hpp"
#include "tools/map/map_words.hpp"
#include "tools/text/number.hpp"
#include "tools/walk/regime_options.hpp"

#include <fmt/format.h>

#include <memory>

namespace twofold::tool {

namespace {

struct MapOptions {
    RegimeOptions regime;
    MapFormat format = MapFormat::text;
    MapLimits limits;
    bool json = false;
};

std::optional<MapFormat> parse_format(const std::string& text) {
    return text == "text"       ? std::optional{MapFormat::text}
           : text == "json"     ? std::optional{MapFormat::json}
           : text == "kvm-6.12" ? std::optional{MapFormat::kvm_6_12}
           : text == "kvm-7.2"  ? std::optional{MapFormat::kvm_7_2}
                                : std::nullopt;
}

int run_map(const MapOptions& options) {
    auto memory = open_memory(options.regime.memory);
    if (!memory) {
        return fail(exit_status::bad_input, memory.error());
    }
    for (const std::string& note : memory->notes()) {
        warn(note);
    }
    const Regime regime{*options.regime.cpu, options.regime.registers};
    if (!regime.geometry()) {
        return fail(exit_status::bad_input,
                    fmt::format("VTCR_EL2: {}", to_string(regime.geometry().error())));
    }
    if (Vtcr::d128::is_set(regime.config().vtcr) && regime.config().d128) {
        return fail(exit_status::bad_input,
                    "VTCR_EL2.D128: 128-bit descriptors are not known here");
    }
    if (!(*memory).load(regime.root())) {
        return fail(exit_status::no,
                    fmt::format("the root at PA {:#x} is not in the image, which has {}",
                                regime.root().value,
                                memory->empty() ? "nothing" : memory->extent_words()));
    }
    ResultStream out;
    const MapOutcome outcome = write_map(
        regime, *memory, options.json ? MapFormat::json : options.format, options.limits, out);
    const int written = out.finish();
    for (const std::string& note : outcome.notes) {
        warn(note);
    }
    return written == exit_status::yes && !outcome.complete ? exit_status::no : written;
}

} // namespace

void add_map_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<MapOptions>();
    CLI::App& command =
        *app.add_subcommand("map", "Everything that stage-2 tables in memory map, as merged runs");
    use_last(command);
    add_regime_options(command, options->regime);
    add_parsed(command, "--format", options->format, parse_format,
               "text, json, kvm-6.12 or kvm-7.2",
               "kvm-: as that Linux has it in stage2_page_tables (text)");
    command.add_flag("--json", options->json, "as JSON");
    const auto number = [](const std::string& text) { return parse_number(text); };
    add_parsed(command, "--most-tables", options->limits.tables, number, "a number",
               "tables that are looked at (1M)");
    add_parsed(command, "--most-runs", options->limits.runs, number, "a number",
               "runs that are told (4M)");
    command.footer(
        "Exit status 1: the map has gaps, because tables are not in the image or are too "
        "many.\n"
        "Example: twofold map --vtcr 0x802d3558 --vttbr 0x1000040dc0001 "
        "--memory guest.core --format kvm-6.12");
    command.callback([options, &status] { status = run_map(*options); });
}

} // namespace twofold::tool
