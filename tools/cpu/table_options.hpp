// SPDX-License-Identifier: MIT
// TableOptions: the CPU and the shape of the table that a command is about, as options.
#pragma once

#include "tools/cpu/known_cpu.hpp"
#include "tools/result.hpp"

#include <twofold/arch/cpu_features.hpp>
#include <twofold/arch/geometry.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace twofold::tool {

struct TableOptions {
    std::optional<Granule> granule;
    std::optional<unsigned> ipa_bits;
    unsigned pa_bits = 0;
    bool lpa2 = false;
    Prefer prefer = Prefer::fewest_levels;
    std::optional<Level> initial_level;
    const KnownCpu* cpu = known_cpus().data();
    std::optional<std::uint64_t> mmfr0;
    std::optional<std::uint64_t> vtcr;

    CpuFeatures features() const;
    std::string cpu_name() const;
    // Something was said about the shape, not only about the CPU.
    bool shape_given() const;

    GeometryRequest request(unsigned default_ipa_bits) const;
    // By VTCR_EL2, if it was given, else by the other options.
    Result<Geometry> geometry(unsigned default_ipa_bits) const;
    // VTCR_EL2 as it was given, or as the library would set it.
    Vtcr vtcr_of(const Geometry& geometry) const;
};

// --cpu and --mmfr0
void add_cpu_options(CLI::App& command, TableOptions& options);
// --granule, --ipa, --pa, --lpa2, --prefer, --initial-level. `ipa_default` is said in the help.
void add_shape_options(CLI::App& command, TableOptions& options, const std::string& ipa_default);
// --vtcr, which excludes those of the shape.
void add_vtcr_option(CLI::App& command, TableOptions& options);

std::optional<Level> parse_level(const std::string& text);

} // namespace twofold::tool
