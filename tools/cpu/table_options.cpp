// SPDX-License-Identifier: MIT
// Options for a CPU and the shape of a table.
#include "tools/cpu/table_options.hpp"

#include "tools/command.hpp"
#include "tools/cpu/cpu_option.hpp"
#include "tools/text/number.hpp"

#include <twofold/arch/vtcr_geometry.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

std::optional<Prefer> parse_prefer(const std::string& text) {
    return text == "levels" ? std::optional{Prefer::fewest_levels}
           : text == "root" ? std::optional{Prefer::fewest_root_pages}
                            : std::nullopt;
}

} // namespace

std::optional<Level> parse_level(const std::string& text) {
    if (text.size() == 1 && text[0] >= '0' && text[0] <= '3') {
        return text[0] - '0';
    }
    return text == "-1" ? std::optional{-1} : std::nullopt;
}

CpuFeatures TableOptions::features() const {
    IdRegisters registers = cpu->registers;
    registers.mmfr0 = mmfr0.value_or(registers.mmfr0);
    return CpuFeatures::from(registers);
}

std::string TableOptions::cpu_name() const {
    std::string name{cpu->name};
    if (mmfr0) {
        name += fmt::format(" with ID_AA64MMFR0_EL1 = {:#x}", *mmfr0);
    }
    return name;
}

bool TableOptions::shape_given() const {
    return granule || ipa_bits || pa_bits != 0 || lpa2 || initial_level || vtcr;
}

GeometryRequest TableOptions::request(unsigned default_ipa_bits) const {
    return {.granule = granule.value_or(Granule::k4),
            .ipa_bits = ipa_bits.value_or(default_ipa_bits),
            .pa_bits = pa_bits,
            .lpa2 = lpa2,
            .prefer = prefer,
            .initial_level = initial_level};
}

Result<Geometry> TableOptions::geometry(unsigned default_ipa_bits) const {
    const auto geometry = vtcr ? geometry_of(features(), Vtcr{*vtcr})
                               : Geometry::make(features(), request(default_ipa_bits));
    if (!geometry) {
        return Failure{std::string{to_string(geometry.error())}};
    }
    return *geometry;
}

Vtcr TableOptions::vtcr_of(const Geometry& geometry) const {
    return vtcr ? Vtcr{*vtcr} : geometry.vtcr(VtcrOptions::of(features()));
}

void add_cpu_options(CLI::App& command, TableOptions& options) {
    add_parsed(
        command, "--mmfr0", options.mmfr0,
        [](const std::string& text) { return parse_number(text); }, "a number",
        "ID_AA64MMFR0_EL1, instead of the CPU's");
    add_cpu_option(command, options.cpu);
}

void add_shape_options(CLI::App& command, TableOptions& options, const std::string& ipa_default) {
    const auto bits = [](const std::string& text) { return parse_between(text, 1, 64); };
    add_parsed(command, "--granule", options.granule, parse_granule, "4K, 16K or 64K",
               "size of a page and of a table (4K)");
    add_parsed(command, "--ipa", options.ipa_bits, bits, "1 to 64",
               "bits of the guest's addresses (" + ipa_default + ")");
    add_parsed(command, "--pa", options.pa_bits, bits, "1 to 64",
               "bits of physical addresses (as many as there are)");
    command.add_flag("--lpa2", options.lpa2, "52-bit descriptors, for 4K and 16K");
    add_parsed(command, "--prefer", options.prefer, parse_prefer, "levels or root",
               "fewest levels, or the smallest root (levels)");
    add_parsed(command, "--initial-level", options.initial_level, parse_level, "-1 to 3",
               "where walks start, whatever is preferred");
}

void add_vtcr_option(CLI::App& command, TableOptions& options) {
    CLI::Option* const vtcr = add_parsed(
        command, "--vtcr", options.vtcr, [](const std::string& text) { return parse_number(text); },
        "a number", "VTCR_EL2, instead of the options above");
    for (const char* const name :
         {"--granule", "--ipa", "--pa", "--lpa2", "--prefer", "--initial-level"}) {
        vtcr->excludes(name);
    }
}

} // namespace twofold::tool
