// SPDX-License-Identifier: MIT
// twofold layout
#include "tools/command.hpp"
#include "tools/cpu/cpu_option.hpp"
#include "tools/layout/comparison.hpp"
#include "tools/layout/layout_words.hpp"
#include "tools/text/number.hpp"

#include <fmt/format.h>

#include <memory>

namespace twofold::tool {

namespace {

struct LayoutOptions {
    std::optional<Granule> granule;
    unsigned ipa_bits = 40;
    unsigned pa_bits = 0;
    bool lpa2 = false;
    Prefer prefer = Prefer::fewest_levels;
    std::optional<Level> initial_level;
    const KnownCpu* cpu = known_cpus().data();
    std::optional<std::uint64_t> mmfr0;
    bool all = false;
    bool json = false;
};

std::optional<Prefer> parse_prefer(const std::string& text) {
    return text == "levels" ? std::optional{Prefer::fewest_levels}
           : text == "root" ? std::optional{Prefer::fewest_root_pages}
                            : std::nullopt;
}

std::optional<Level> parse_level(const std::string& text) {
    if (text.size() == 1 && text[0] >= '0' && text[0] <= '3') {
        return text[0] - '0';
    }
    return text == "-1" ? std::optional{-1} : std::nullopt;
}

int run_layout(const LayoutOptions& options) {
    IdRegisters registers = options.cpu->registers;
    std::string cpu{options.cpu->name};
    if (options.mmfr0) {
        registers.mmfr0 = *options.mmfr0;
        cpu += fmt::format(" with ID_AA64MMFR0_EL1 = {:#x}", *options.mmfr0);
    }
    const CpuFeatures features = CpuFeatures::from(registers);
    const auto say = [&options](const nlohmann::ordered_json& json, const std::string& text) {
        return print_result(options.json ? json.dump(2) + '\n' : text);
    };
    if (options.all) {
        const auto comparison =
            compare_layouts(cpu, features, options.ipa_bits, options.pa_bits, options.granule);
        return comparison ? say(comparison_json(*comparison), comparison_text(*comparison))
                          : fail(exit_status::no, comparison.error());
    }
    const auto geometry =
        Geometry::make(features, {
                                     .granule = options.granule.value_or(Granule::k4),
                                     .ipa_bits = options.ipa_bits,
                                     .pa_bits = options.pa_bits,
                                     .lpa2 = options.lpa2,
                                     .prefer = options.prefer,
                                     .initial_level = options.initial_level,
                                 });
    if (!geometry) {
        return fail(exit_status::no, to_string(geometry.error()));
    }
    const Layout layout = make_layout(cpu, features, *geometry);
    return say(layout_json(layout), layout_text(layout));
}

} // namespace

void add_layout_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<LayoutOptions>();
    CLI::App& command =
        *app.add_subcommand("layout", "The shape of a stage-2 table: levels, sizes, VTCR_EL2");
    use_last(command);
    const auto bits = [](const std::string& text) { return parse_between(text, 1, 64); };
    add_parsed(command, "--granule", options->granule, parse_granule, "4K, 16K or 64K",
               "size of a page and of a table (4K)");
    add_parsed(command, "--ipa", options->ipa_bits, bits, "1 to 64",
               "bits of the guest's addresses (40)");
    add_parsed(command, "--pa", options->pa_bits, bits, "1 to 64",
               "bits of physical addresses (as many as there are)");
    command.add_flag("--lpa2", options->lpa2, "52-bit descriptors, for 4K and 16K");
    add_parsed(command, "--prefer", options->prefer, parse_prefer, "levels or root",
               "fewest levels, or the smallest root (levels)");
    add_parsed(command, "--initial-level", options->initial_level, parse_level, "-1 to 3",
               "where walks start, whatever is preferred");
    add_parsed(
        command, "--mmfr0", options->mmfr0,
        [](const std::string& text) { return parse_number(text); }, "a number",
        "ID_AA64MMFR0_EL1, instead of the CPU's");
    add_cpu_option(command, options->cpu);
    command.add_flag(
        "--all", options->all,
        "compare every legal layout of the IPA size, of every granule or of the one given");
    command.add_flag("--json", options->json, "as JSON");
    command.footer("Example: twofold layout --ipa 34 --cpu cortex-a72\n"
                   "         twofold layout --ipa 40 --all");
    command.callback([options, &status] { status = run_layout(*options); });
}

} // namespace twofold::tool
