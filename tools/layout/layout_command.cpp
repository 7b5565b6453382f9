// SPDX-License-Identifier: MIT
// twofold layout
#include "tools/command.hpp"
#include "tools/cpu/table_options.hpp"
#include "tools/layout/comparison.hpp"
#include "tools/layout/layout_words.hpp"
#include "tools/text/number.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace twofold::tool {

namespace {

constexpr unsigned default_ipa_bits = 40;

struct LayoutOptions {
    TableOptions table;
    std::optional<std::uint64_t> memory;
    bool all = false;
    bool json = false;
};

int run_layout(const LayoutOptions& options) {
    const TableOptions& table = options.table;
    const CpuFeatures features = table.features();
    const auto say = [&options](const nlohmann::ordered_json& json, const std::string& text) {
        return print_result(options.json ? json.dump(2) + '\n' : text);
    };
    if (options.all) {
        const auto comparison =
            compare_layouts(table.cpu_name(), features, table.ipa_bits.value_or(default_ipa_bits),
                            table.pa_bits, table.granule);
        return comparison ? say(comparison_json(*comparison), comparison_text(*comparison))
                          : fail(exit_status::no, comparison.error());
    }
    const auto geometry = table.geometry(default_ipa_bits);
    if (!geometry) {
        return fail(exit_status::no, geometry.error());
    }
    const std::uint64_t memory =
        options.memory.value_or(std::min(default_guest_memory, geometry->ipa_limit()));
    if (memory > geometry->ipa_limit()) {
        return fail(exit_status::no, fmt::format("memory: {} do not fit a {}-bit IPA",
                                                 size_words(memory), geometry->ipa_bits()));
    }
    const Layout layout = make_layout(table.cpu_name(), features, *geometry, memory);
    return say(layout_json(layout), layout_text(layout));
}

} // namespace

void add_layout_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<LayoutOptions>();
    CLI::App& command =
        *app.add_subcommand("layout", "The shape of a stage-2 table: levels, sizes, VTCR_EL2");
    use_last(command);
    add_shape_options(command, options->table, "40");
    add_cpu_options(command, options->table);
    add_parsed(
        command, "--memory", options->memory,
        [](const std::string& text) {
            const auto bytes = parse_number(text);
            return bytes && *bytes != 0 ? bytes : std::nullopt;
        },
        "a size", "of the guest for which the tables are counted (4G)");
    command.add_flag(
        "--all", options->all,
        "compare every legal layout of the IPA size, of every granule or of the one given");
    command.add_flag("--json", options->json, "as JSON");
    command.footer("Example: twofold layout --ipa 34 --cpu cortex-a72\n"
                   "         twofold layout --ipa 40 --memory 64G\n"
                   "         twofold layout --ipa 40 --all");
    command.callback([options, &status] { status = run_layout(*options); });
}

} // namespace twofold::tool
