// SPDX-License-Identifier: MIT
// twofold attach
#include "tools/attach/attach_actions.hpp"
#include "tools/command.hpp"
#include "tools/text/number.hpp"

#include <fmt/format.h>

#include <functional>
#include <memory>

namespace twofold::tool {

namespace {

struct AttachOptions {
    MachineOptions machine;
    unsigned timeout_seconds = 5;
    unsigned wait_seconds = 0;
    bool json = false;
    MapFormat format = MapFormat::text;
    MapLimits limits;
    WalkRequest request;
    std::uint64_t ipa = 0;
    bool el0 = false;
    WatchOptions watch;
    std::uint64_t interval = 1000; // ms
};

std::optional<AccessKind> parse_access(const std::string& text) {
    return text == "read"    ? std::optional{AccessKind::read}
           : text == "write" ? std::optional{AccessKind::write}
           : text == "fetch" ? std::optional{AccessKind::fetch}
                             : std::nullopt;
}

std::optional<MapFormat> parse_format(const std::string& text) {
    return text == "text"       ? std::optional{MapFormat::text}
           : text == "json"     ? std::optional{MapFormat::json}
           : text == "kvm-6.12" ? std::optional{MapFormat::kvm_6_12}
           : text == "kvm-7.2"  ? std::optional{MapFormat::kvm_7_2}
                                : std::nullopt;
}

// "0.5", "2": milliseconds
std::optional<std::uint64_t> parse_interval(const std::string& text) {
    const std::size_t point = text.find('.');
    const auto whole = parse_between(text.substr(0, point), 0, 86400);
    std::string digits = point == std::string::npos ? "0" : text.substr(point + 1);
    if (!whole || digits.empty() || digits.size() > 3 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
        return std::nullopt;
    }
    digits.resize(3, '0');
    const std::uint64_t interval = *whole * std::uint64_t{1000} + std::stoul(digits);
    return interval >= 10 ? std::optional{interval} : std::nullopt;
}

using Action = std::function<int(LiveMachine&, Interruption&)>;

int with_machine(const AttachOptions& options, const Action& action) {
    // From here on, whoever wants us to end is heard between two steps, and the machine goes on.
    const BlockedSignals blocked;
    SessionSignals signals;
    Interruption interruption{&signals};
    MachineOptions machine_options = options.machine;
    machine_options.timeout = std::chrono::seconds{options.timeout_seconds};
    machine_options.wait = std::chrono::seconds{options.wait_seconds};
    auto machine = LiveMachine::connect(std::move(machine_options), interruption);
    if (!machine) {
        return fail(interruption.asked() ? exit_status::no : exit_status::bad_input,
                    machine.error());
    }
    return action(*machine, interruption);
}

void add_machine_options(CLI::App& command, AttachOptions& options) {
    command
        .add_option("--qmp", options.machine.qmp, "the socket of QEMU's -qmp unix:SOCKET,server=on")
        ->type_name("SOCKET")
        ->required();
    command
        .add_option("--gdb", options.machine.gdb,
                    "where QEMU's -gdb tcp:HOST:PORT or -gdb unix:SOCKET,server=on listens")
        ->type_name("HOST:PORT|SOCKET")
        ->required();
    add_parsed(
        command, "--cpu", options.machine.cpu,
        [](const std::string& text) { return parse_between(text, 0, 4095); }, "0 to 4095",
        "only this CPU (all)");
    add_parsed(
        command, "--vmid", options.machine.vmid,
        [](const std::string& text) { return parse_between(text, 0, 65535); }, "0 to 65535",
        "only this VMID (all)");
    command.add_flag("--off", options.machine.off,
                     "also what the registers of CPUs hold whose stage 2 is off at this moment");
    add_parsed(
        command, "--wait", options.wait_seconds,
        [](const std::string& text) { return parse_between(text, 0, 86400); }, "0 to 86400",
        "seconds for which it looks again if no CPU is in such a stage 2 (0)");
    add_parsed(
        command, "--timeout", options.timeout_seconds,
        [](const std::string& text) { return parse_between(text, 1, 3600); }, "1 to 3600",
        "seconds that QEMU has for an answer (5)");
}

void add_map(CLI::App& attach, const std::shared_ptr<AttachOptions>& options, int& status) {
    CLI::App& command = *attach.add_subcommand("map", "All that each stage 2 maps");
    use_last(command);
    command.fallthrough();
    add_parsed(command, "--format", options->format, parse_format,
               "text, json, kvm-6.12 or kvm-7.2",
               "kvm-: as that Linux has it in stage2_page_tables (text)");
    command.add_flag("--json", options->json, "as JSON");
    const auto number = [](const std::string& text) { return parse_number(text); };
    add_parsed(command, "--most-tables", options->limits.tables, number, "a number",
               "tables that are looked at (1M)");
    add_parsed(command, "--most-runs", options->limits.runs, number, "a number",
               "runs that are told (4M)");
    command.footer("Example: twofold attach --qmp vm.qmp --gdb localhost:1234 map");
    command.callback([options, &status] {
        status = with_machine(*options, [&options](LiveMachine& machine, Interruption&) {
            return attach_map(machine, options->json ? MapFormat::json : options->format,
                              options->limits);
        });
    });
}

void add_walk(CLI::App& attach, const std::shared_ptr<AttachOptions>& options, int& status) {
    CLI::App& command = *attach.add_subcommand("walk", "One access through each stage 2");
    use_last(command);
    command.fallthrough();
    add_parsed(
        command, "ipa", options->ipa, [](const std::string& text) { return parse_number(text); },
        "a number", "the guest's physical address")
        ->required();
    add_parsed(command, "--access", options->request.access, parse_access, "read, write or fetch",
               "what the guest does (read)");
    command.add_flag("--el0", options->el0, "the access is EL0's, else EL1's");
    command.add_flag("--json", options->json, "as JSON");
    command.footer(
        "Example: twofold attach --qmp vm.qmp --gdb localhost:1234 walk 0x80000000 --access fetch");
    command.callback([options, &status] {
        options->request.ipa = Ipa{options->ipa};
        options->request.level = options->el0 ? model::AccessLevel::el0 : model::AccessLevel::el1;
        status = with_machine(*options, [&options](LiveMachine& machine, Interruption&) {
            return attach_walk(machine, options->request, options->json);
        });
    });
}

void add_watch(CLI::App& attach, const std::shared_ptr<AttachOptions>& options, int& status) {
    CLI::App& command =
        *attach.add_subcommand("watch", "What changes: runs that come, go, split, collapse, ...");
    use_last(command);
    command.fallthrough();
    add_parsed(command, "--interval", options->interval, parse_interval,
               "0.01 to 86400, with up to three decimals", "seconds between two looks (1)");
    add_parsed(
        command, "--count", options->watch.count,
        [](const std::string& text) { return parse_between(text, 1, 1U << 30); }, "1 to 1G",
        "looks, of which the first has nothing to compare with (until Ctrl-C)");
    command.add_flag("--json", options->watch.json, "as JSON, a line for each look at each VMID");
    command.footer(
        "Example: twofold attach --qmp vm.qmp --gdb localhost:1234 watch --interval 0.5");
    command.callback([options, &status] {
        options->watch.interval = std::chrono::milliseconds{options->interval};
        status = with_machine(*options, [&options](LiveMachine& machine, Interruption& stop) {
            return attach_watch(machine, options->watch, stop);
        });
    });
}

} // namespace

void add_attach_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<AttachOptions>();
    CLI::App& command = *app.add_subcommand(
        "attach", "Looks into a QEMU that runs, whatever hypervisor is in it, through QMP and gdb");
    use_last(command);
    add_machine_options(command, *options);
    command.require_subcommand(1);
    add_map(command, options, status);
    add_walk(command, options, status);
    add_watch(command, options, status);
    command.footer("The machine stands still while its tables are read, and goes on as it was "
                   "found.\n"
                   "Exit status 1: no stage 2 is on, an access faults, or something is missing.\n"
                   "Example: twofold attach --qmp vm.qmp --gdb localhost:1234 map --json");
}

} // namespace twofold::tool
