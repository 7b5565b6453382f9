// SPDX-License-Identifier: MIT
// twofold decode
#include "tools/command.hpp"
#include "tools/cpu/table_options.hpp"
#include "tools/decode/decode.hpp"
#include "tools/text/number.hpp"

#include <twofold/arch/geometry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace twofold::tool {

namespace {

struct DecodeOptions {
    TableOptions table;
    std::optional<std::uint64_t> value;
    std::optional<Level> level;
    std::optional<std::uint64_t> hpfar;
    std::optional<std::uint64_t> far;
    TlbiOperandKind operand = TlbiOperandKind::ipas2;
    bool fwb = false;
    bool no_fwb = false;
    bool json = false;
};

int say(const DecodeOptions& options, const Decoded& decoded) {
    const int written =
        print_result(options.json ? decoded_json(decoded).dump(2) + '\n' : decoded_text(decoded));
    return written != exit_status::yes || decoded.problems.empty() ? written : exit_status::no;
}

// Where nothing is said about the shape, the largest table of the CPU: it has all levels.
unsigned largest_ipa_bits(const TableOptions& options) {
    return geometry_rules::max_ipa_bits(options.features(), options.granule.value_or(Granule::k4),
                                        options.lpa2);
}

Result<TableInUse> table_of(const DecodeOptions& options) {
    const auto geometry = options.table.geometry(largest_ipa_bits(options.table));
    if (!geometry) {
        return Failure{geometry.error()};
    }
    return TableInUse{.features = options.table.features(),
                      .geometry = *geometry,
                      .vtcr = options.table.vtcr_of(*geometry),
                      .fwb = options.fwb      ? std::optional{true}
                             : options.no_fwb ? std::optional{false}
                                              : std::nullopt};
}

// Every level at which it could stand.
int say_readings(const DecodeOptions& options, const TableInUse& table) {
    std::string text;
    auto json = nlohmann::ordered_json::array();
    bool any = false;
    for (Level level = table.geometry.initial_level(); level <= page_level; ++level) {
        const Decoded decoded = decode_descriptor(*options.value, table, level);
        any = any || decoded.problems.empty();
        text += (text.empty() ? "" : "\n") + decoded_text(decoded);
        json.push_back(decoded_json(decoded));
    }
    const int written = print_result(
        options.json ? nlohmann::ordered_json{{"readings", json}}.dump(2) + '\n' : text);
    return written != exit_status::yes || any ? written : exit_status::no;
}

int decode_desc(const DecodeOptions& options) {
    const auto table = table_of(options);
    if (!table) {
        return fail(exit_status::bad_input, table.error());
    }
    if (!options.level) {
        return say_readings(options, *table);
    }
    if (*options.level < table->geometry.initial_level()) {
        return fail(exit_status::bad_input,
                    fmt::format("--level: expected {} to 3, where this table has levels, not {}",
                                table->geometry.initial_level(), *options.level));
    }
    return say(options, decode_descriptor(*options.value, *table, *options.level));
}

int decode_vttbr_of(const DecodeOptions& options) {
    const CpuFeatures features = options.table.features();
    if (!options.table.shape_given()) {
        return say(options, decode_vttbr(*options.value, features, {}));
    }
    const auto table = table_of(options);
    return table ? say(options, decode_vttbr(*options.value, features, *table))
                 : fail(exit_status::bad_input, table.error());
}

int decode_tlbi(const DecodeOptions& options) {
    const auto table = table_of(options);
    return table ? say(options, decode_tlbi_operand(*options.value, options.operand,
                                                    table->features, table->geometry))
                 : fail(exit_status::bad_input, table.error());
}

using Run = int (*)(const DecodeOptions&);

CLI::App& add_kind(CLI::App& parent, const std::string& name, const std::string& description,
                   const std::shared_ptr<DecodeOptions>& options, int& status, Run run) {
    CLI::App& command = *parent.add_subcommand(name, description);
    use_last(command);
    add_parsed(
        command, "value", options->value,
        [](const std::string& text) { return parse_number(text); }, "a number", "the value")
        ->required()
        ->type_name("VALUE");
    command.add_flag("--json", options->json, "as JSON");
    command.callback([options, &status, run] { status = run(*options); });
    return command;
}

void add_number(CLI::App& command, const std::string& name, std::optional<std::uint64_t>& value,
                const std::string& description) {
    add_parsed(
        command, name, value, [](const std::string& text) { return parse_number(text); },
        "a number", description);
}

void add_table_options(CLI::App& command, TableOptions& table) {
    add_shape_options(command, table, "as many as there are");
    add_vtcr_option(command, table);
    add_cpu_options(command, table);
}

void add_descriptor(CLI::App& parent, const std::shared_ptr<DecodeOptions>& options, int& status) {
    CLI::App& desc = add_kind(parent, "desc", "A stage-2 descriptor", options, status, decode_desc);
    add_parsed(desc, "--level", options->level, parse_level, "-1 to 3",
               "of the table that it is in (all are shown)");
    CLI::Option* const fwb = desc.add_flag("--fwb", options->fwb, "HCR_EL2.FWB is set");
    desc.add_flag("--no-fwb", options->no_fwb, "HCR_EL2.FWB is clear")->excludes(fwb);
    add_table_options(desc, options->table);
    desc.footer("Example: twofold decode desc 0x800007fd --level 2 --ipa 40");
}

void add_tlbi(CLI::App& parent, const std::shared_ptr<DecodeOptions>& options, int& status) {
    CLI::App& tlbi = add_kind(parent, "tlbi", "The operand of TLBI IPAS2(L)E1 or RIPAS2(L)E1",
                              options, status, decode_tlbi);
    add_parsed(
        tlbi, "--op", options->operand,
        [](const std::string& text) {
            return text == "ipas2"    ? std::optional{TlbiOperandKind::ipas2}
                   : text == "ripas2" ? std::optional{TlbiOperandKind::ripas2}
                                      : std::nullopt;
        },
        "ipas2 or ripas2", "which instruction it is for (ipas2)");
    add_table_options(tlbi, options->table);
    tlbi.footer("Example: twofold decode tlbi 0x700000000005\n"
                "         twofold decode tlbi 0x47e000080000 --op ripas2");
}

} // namespace

void add_decode_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<DecodeOptions>();
    CLI::App& command = *app.add_subcommand(
        "decode", "Registers, descriptors and TLBI operands in words, and what is wrong with them");
    command.require_subcommand(1);
    command.footer(
        "Example: twofold decode vtcr 0x80023558\n"
        "         twofold decode esr 0x93820046 --hpfar 0x90000 --far 0xffff800009000010\n"
        "Exit status: 0, 1 if something is reserved or inconsistent, 2 for bad input.");
    CLI::App& vtcr =
        add_kind(command, "vtcr", "VTCR_EL2", options, status, [](const DecodeOptions& o) {
            return say(o, decode_vtcr(*o.value, o.table.features()));
        });
    add_cpu_options(vtcr, options->table);
    vtcr.footer("Example: twofold decode vtcr 0x8004351e --cpu cortex-a72");
    CLI::App& vttbr = add_kind(command, "vttbr", "VTTBR_EL2", options, status, decode_vttbr_of);
    add_table_options(vttbr, options->table);
    vttbr.footer("Example: twofold decode vttbr 0x1000040002000 --vtcr 0x80023558");
    add_descriptor(command, options, status);
    CLI::App& esr = add_kind(
        command, "esr", "ESR_EL2 of an abort, with HPFAR_EL2 and FAR_EL2", options, status,
        [](const DecodeOptions& o) { return say(o, decode_esr(*o.value, o.hpfar, o.far)); });
    add_number(esr, "--hpfar", options->hpfar, "HPFAR_EL2");
    add_number(esr, "--far", options->far, "FAR_EL2");
    esr.footer("Example: twofold decode esr 0x93800045 --hpfar 0x90000 --far 0xffff800009000010");
    add_kind(command, "hpfar", "HPFAR_EL2", options, status, [](const DecodeOptions& o) {
        return say(o, decode_hpfar(*o.value));
    }).footer("Example: twofold decode hpfar 0x90000");
    add_kind(command, "mmfr0", "ID_AA64MMFR0_EL1", options, status, [](const DecodeOptions& o) {
        return say(o, decode_mmfr0(*o.value));
    }).footer("Example: twofold decode mmfr0 0x101125");
    add_kind(command, "mmfr1", "ID_AA64MMFR1_EL1", options, status, [](const DecodeOptions& o) {
        return say(o, decode_mmfr1(*o.value));
    }).footer("Example: twofold decode mmfr1 0x10212122");
    add_kind(command, "mmfr2", "ID_AA64MMFR2_EL1", options, status, [](const DecodeOptions& o) {
        return say(o, decode_mmfr2(*o.value));
    }).footer("Example: twofold decode mmfr2 0x1011");
    add_tlbi(command, options, status);
}

} // namespace twofold::tool
