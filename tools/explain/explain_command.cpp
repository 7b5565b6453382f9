// SPDX-License-Identifier: MIT
// twofold explain
#include "tools/command.hpp"
#include "tools/cpu/table_options.hpp"
#include "tools/explain/explain.hpp"
#include "tools/text/key_values.hpp"
#include "tools/text/number.hpp"

#include <fmt/format.h>

#include <memory>
#include <vector>

namespace twofold::tool {

namespace {

constexpr unsigned default_ipa_bits = 40;
constexpr std::string_view slot_form = "ipa=ADDRESS,size=SIZE[,pa=ADDRESS][,ro][,device][,log]";
constexpr std::string_view extent_form =
    "a size, or pa=ADDRESS,size=SIZE and ipa=ADDRESS or offset=SIZE[,slot=NUMBER], and [,device]";

constexpr std::string_view part_form = "size=SIZE and ipa=ADDRESS or offset=SIZE[,slot=NUMBER]";

struct ExplainOptions {
    TableOptions table;
    std::vector<std::string> slots;
    std::vector<std::string> extents;
    std::vector<std::string> parts;
    std::optional<std::uint64_t> fault;
    MappingPolicy policy;
    std::uint64_t device_cap = MappingPolicy::unlimited;
    bool json = false;
};

Failure expected(std::string_view option, std::string_view form, const std::string& text) {
    return {fmt::format("{}: expected {}, not \"{}\"", option, form, text)};
}

Result<GuestSlot> slot_of(const std::string& text, bool dirty_logging) {
    KeyValues values{text};
    const auto ipa = values.number("ipa");
    const auto size = values.number("size");
    const auto pa = values.number("pa");
    GuestSlot slot{.read_only = values.flag("ro"), .device = values.flag("device"), .extents = {}};
    // Nothing is written to a read-only slot, so that there is nothing to log.
    slot.dirty_logging = values.flag("log") || (dirty_logging && !slot.read_only);
    if (!values.is_done() || !ipa || !size) {
        return expected("--slot", slot_form, text);
    }
    slot.range = {Ipa{*ipa}, *size};
    if (pa) {
        slot.pa = Pa{*pa};
    }
    return slot;
}

// Where the extent or part lies: by an address of the guest, or by a slot and an offset.
GuestSlot* slot_for(Scenario& scenario, KeyValues& values, std::optional<std::uint64_t>& offset) {
    const auto ipa = values.number("ipa");
    offset = values.number("offset");
    const std::uint64_t number = values.number("slot").value_or(1);
    if (ipa.has_value() == offset.has_value() || number == 0 || number > scenario.slots.size()) {
        return nullptr;
    }
    if (!ipa) {
        return &scenario.slots[number - 1];
    }
    for (GuestSlot& slot : scenario.slots) {
        if (slot.range.contains(Ipa{*ipa})) {
            offset = Ipa{*ipa} - slot.range.start;
            return &slot;
        }
    }
    return nullptr;
}

std::optional<std::string> add_extent(Scenario& scenario, const std::string& text) {
    if (const auto piece = parse_number(text)) {
        if (*piece == 0) {
            return expected("--extent", extent_form, text).reason;
        }
        for (GuestSlot& slot : scenario.slots) {
            slot.piece = slot.pa ? *piece : 0;
        }
        return std::nullopt;
    }
    KeyValues values{text};
    const auto pa = values.number("pa");
    const auto size = values.number("size");
    const bool device = values.flag("device");
    std::optional<std::uint64_t> offset;
    GuestSlot* const slot = slot_for(scenario, values, offset);
    if (!values.is_done() || !pa || !size || slot == nullptr) {
        return expected("--extent", extent_form, text).reason;
    }
    if (slot->pa) {
        return "--extent: the slot says with pa= already where its memory is";
    }
    slot->extents.push_back({*offset, Pa{*pa}, *size, device});
    return std::nullopt;
}

std::optional<std::string> add_part(Scenario& scenario, const std::string& text) {
    KeyValues values{text};
    const auto size = values.number("size");
    std::optional<std::uint64_t> offset;
    GuestSlot* const slot = slot_for(scenario, values, offset);
    if (!values.is_done() || !size || slot == nullptr) {
        return expected("--part", part_form, text).reason;
    }
    slot->parts.push_back({.offset = *offset, .length = *size});
    return std::nullopt;
}

Result<Scenario> scenario_of(const ExplainOptions& options) {
    const auto geometry = options.table.geometry(default_ipa_bits);
    if (!geometry) {
        return Failure{geometry.error()};
    }
    Scenario scenario{.features = options.table.features(),
                      .shape = options.table.request(default_ipa_bits),
                      .geometry = *geometry,
                      .slots = {},
                      .policy = options.policy,
                      .device_cap = options.device_cap};
    if (options.table.vtcr) {
        scenario.shape = {.granule = geometry->granule(),
                          .ipa_bits = geometry->ipa_bits(),
                          .pa_bits = geometry->pa_bits(),
                          .lpa2 = geometry->lpa2(),
                          .initial_level = geometry->initial_level()};
    }
    for (const std::string& text : options.slots) {
        const auto slot = slot_of(text, options.policy.dirty_logging);
        if (!slot) {
            return Failure{slot.error()};
        }
        scenario.slots.push_back(*slot);
    }
    for (const std::string& text : options.extents) {
        if (auto wrong = add_extent(scenario, text)) {
            return Failure{std::move(*wrong)};
        }
    }
    for (const std::string& text : options.parts) {
        if (auto wrong = add_part(scenario, text)) {
            return Failure{std::move(*wrong)};
        }
    }
    for (std::size_t i = 0; i < scenario.slots.size(); ++i) {
        if (!scenario.slots[i].pa && scenario.slots[i].extents.empty()) {
            return Failure{fmt::format("--slot: number {} has no memory; expected pa= or an "
                                       "--extent for it",
                                       i + 1)};
        }
    }
    if (auto wrong = scenario.settle()) {
        return Failure{std::move(*wrong)};
    }
    return scenario;
}

int run_explain(const ExplainOptions& options) {
    const auto scenario = scenario_of(options);
    if (!scenario) {
        return fail(exit_status::bad_input, scenario.error());
    }
    const auto say = [&options](const nlohmann::ordered_json& json, const std::string& text,
                                bool good) {
        const int written = print_result(options.json ? json.dump(2) + '\n' : text);
        return written != exit_status::yes || good ? written : exit_status::no;
    };
    if (options.fault) {
        const auto fault = explain_fault(*scenario, Ipa{*options.fault});
        if (!fault) {
            return fail(exit_status::no, fmt::format("there is no slot at {:#x}: an access to it "
                                                     "is for a device model",
                                                     *options.fault));
        }
        return say(fault_json(*scenario, *fault), fault_text(*scenario, *fault),
                   fault->chosen.has_value());
    }
    const SlotsExplanation slots = explain_slots(*scenario);
    return say(slots_json(*scenario, slots), slots_text(*scenario, slots), slots.is_complete());
}

void add_texts(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
               const std::string& description) {
    command.add_option(name, texts, description)
        ->type_name("X")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

} // namespace

void add_explain_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<ExplainOptions>();
    CLI::App& command = *app.add_subcommand(
        "explain", "The size that a fault is mapped with, and why it is not larger");
    use_last(command);
    add_texts(command, "--slot", options->slots,
              std::string{slot_form} + ": memory of the guest; may be given several times");
    command.get_option("--slot")->required();
    add_texts(command, "--extent", options->extents,
              "how the memory is handed out: pieces of a SIZE, or one run at a time, as "
              "pa=ADDRESS,offset=SIZE,size=SIZE");
    add_texts(command, "--part", options->parts,
              std::string{part_form} +
                  ": memory with permissions or a type of its own, such as a page that is shared");
    const auto number = [](const std::string& text) { return parse_number(text); };
    const auto size = [](const std::string& text) {
        const auto bytes = parse_number(text);
        return bytes && *bytes != 0 ? bytes : std::nullopt;
    };
    add_parsed(command, "--fault", options->fault, number, "an address",
               "of a fault; without it all of the slots are explained");
    command.add_flag("--dirty-log", options->policy.dirty_logging,
                     "writes to the slots are logged, but to read-only ones");
    add_parsed(command, "--cap", options->policy.cap, size, "a size", "larger ones are not wanted");
    add_parsed(command, "--device-cap", options->device_cap, size, "a size",
               "larger ones are not wanted for device memory");
    add_parsed(command, "--nested", options->policy.nested_stage2, size, "a size",
               "with which a guest hypervisor maps the memory");
    add_shape_options(command, options->table, "40");
    add_vtcr_option(command, options->table);
    add_cpu_options(command, options->table);
    command.add_flag("--json", options->json, "as JSON");
    command.footer(
        "Example: twofold explain --slot ipa=0x80000000,size=4G,pa=0x100200000 --fault 0x80001000\n"
        "         twofold explain --slot ipa=0x40000000,size=1G,pa=0x80001000 --extent 2M");
    command.callback([options, &status] { status = run_explain(*options); });
}

} // namespace twofold::tool
