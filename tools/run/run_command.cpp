// SPDX-License-Identifier: MIT
// twofold run
#include "tools/command.hpp"
#include "tools/cpu/known_cpu.hpp"
#include "tools/run/guest_files.hpp"
#include "tools/run/outcome.hpp"
#include "tools/run/qemu_command.hpp"
#include "tools/run/report_text.hpp"
#include "tools/run/temporary_folder.hpp"
#include "tools/text/size.hpp"
#include "tools/trace/trace_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <span>
#include <vector>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* traced_hypervisor = "build/aarch64/twofold-traced.img";

// Where the hypervisor puts a guest's memory.
constexpr Ipa guest_memory_base{GiB};

// What can be known to fail before anything is started.
std::string why_impossible(const GuestOptions& guest, const KnownCpu& cpu) {
    const auto geometry =
        Geometry::make(CpuFeatures::from(cpu.registers), {.granule = guest.granule,
                                                          .ipa_bits = guest.ipa_bits,
                                                          .lpa2 = guest.lpa2,
                                                          .prefer = guest.prefer});
    if (!geometry) {
        return std::string{to_string(geometry.error())};
    }
    if (!geometry->contains(guest_memory_base, guest.memory)) {
        return fmt::format("{} of memory from {} on do not fit a {}-bit IPA",
                           size_words(guest.memory), size_words(guest_memory_base.value),
                           guest.ipa_bits);
    }
    return "";
}

// A CPU that we do not know is left to the hypervisor.
std::string why_impossible(const RunOptions& options) {
    const KnownCpu* const cpu = find_cpu(options.cpu.substr(0, options.cpu.find(',')));
    if (cpu == nullptr) {
        return "";
    }
    for (const GuestOptions& guest : options.guests) {
        if (std::string reason = why_impossible(guest, *cpu); !reason.empty()) {
            return options.guests.size() == 1 ? reason
                                              : fmt::format("guest {}: {}", guest.name, reason);
        }
    }
    return "";
}

// The guests that --vm asks for, and what nobody can have of all together.
std::string add_guests(RunOptions& options, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        GuestOptions defaults = options.guests.front();
        defaults.name = fmt::format("vm{}", options.guests.size() + 1);
        auto guest = parse_guest(text, defaults);
        if (!guest) {
            return guest.error();
        }
        if (std::ranges::count(options.guests, guest->name, &GuestOptions::name) != 0) {
            return fmt::format("--vm: name: another guest is called \"{}\"", guest->name);
        }
        options.guests.push_back(std::move(*guest));
    }
    if (options.guests.size() > RunOptions::most_guests) {
        return fmt::format("--vm: expected at most {} guests in all, not {}",
                           RunOptions::most_guests, options.guests.size());
    }
    if (options.cpus() > RunOptions::most_cpus) {
        return fmt::format("--smp: expected at most {} CPUs of all guests together, not {}",
                           RunOptions::most_cpus, options.cpus());
    }
    return "";
}

Result<Json> read_report(const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    if (!stream) {
        return Failure{"the hypervisor sent no report"};
    }
    Json document = Json::parse(stream, nullptr, false);
    if (!document.is_object()) {
        return Failure{"the hypervisor's report is not a JSON object"};
    }
    return document;
}

// The hypervisor's report, and what it cannot know.
bool write_json(const RunOptions& options, const SessionResult& session, Json document) {
    Json run = {{"cpu", options.cpu}};
    const auto add = [](Json& to, const GuestOptions& guest) {
        to["smp"] = guest.smp;
        to["memory_bytes"] = guest.memory;
        to["extent_bytes"] = guest.extent;
        to["append"] = guest.append;
    };
    add(run, options.guests.front());
    for (const GuestOptions& guest : std::span{options.guests}.subspan(1)) {
        add(run["others"].emplace_back(Json{{"name", guest.name}}), guest);
    }
    run["wall_seconds"] = session.seconds;
    document["run"] = std::move(run);
    std::ofstream stream{*options.json};
    stream << document.dump(2) << '\n';
    return static_cast<bool>(stream.flush());
}

// One for each guest.
Result<std::vector<GuestTrace>> open_traces(const RunOptions& options,
                                            const HypervisorFiles& files) {
    std::vector<GuestTrace> traces;
    for (std::size_t i = 0; i < options.guests.size(); ++i) {
        auto trace = TraceFile::open(files.trace_of(i));
        if (!trace) {
            return Failure{trace.error()};
        }
        traces.push_back({options.guests[i].name, std::move(*trace)});
    }
    return traces;
}

// Also of guests that failed; the reason why there is none, or none that is complete.
std::string write_trace(const RunOptions& options, const HypervisorFiles& files) {
    auto traces = open_traces(options, files);
    if (!traces) {
        return traces.error();
    }
    std::ofstream stream{*options.trace};
    const TraceSummary summary = write_trace_events(*traces, stream);
    if (!stream.flush()) {
        return fmt::format("cannot write {}", options.trace->string());
    }
    (void)print_result(trace_words(summary, options.trace->string()));
    return summary.why_over;
}

int run_guests(const RunOptions& options, const Placement& placement) {
    const auto folder = TemporaryFolder::make();
    if (!folder) {
        return fail(exit_status::no, "no temporary folder could be made");
    }
    const HypervisorFiles files = HypervisorFiles::in(folder->path());
    const auto session = run_session(qemu_command(options, placement, files),
                                     {.timeout = std::chrono::seconds{options.timeout_seconds},
                                      .show_console = !options.quiet,
                                      .expect = options.expect});
    if (!session) {
        return fail(exit_status::bad_input, session.error());
    }
    const auto document = read_report(files.report);
    const auto report =
        document ? Report::parse(*document) : Result<Report>{Failure{document.error()}};
    int status = exit_status::yes;
    if (report && session->end != SessionEnd::unheard) {
        status = print_result(report_text(*report, session->seconds));
    }
    if (document && options.json && !write_json(options, *session, *document)) {
        status = fail(exit_status::no, fmt::format("cannot write {}", options.json->string()));
    }
    std::string reason = why_failed(*session, report, options.timeout_seconds);
    if (options.trace) {
        const std::string trouble = write_trace(options, files);
        reason = reason.empty() ? trouble : reason;
    }
    if (const auto& missing = session->console.missing(); reason.empty() && !missing.empty()) {
        reason = fmt::format("the guest ended without saying \"{}\"", missing.front());
    }
    if (reason.empty()) {
        return status;
    }
    if (options.quiet) {
        for (const std::string& line : session->console.last_lines()) {
            fmt::print(stderr, "| {}\n", line);
        }
    }
    return fail(exit_status::no, reason);
}

int run(RunOptions options, const std::vector<std::string>& more_guests) {
    if (const std::string reason = add_guests(options, more_guests); !reason.empty()) {
        return fail(exit_status::bad_input, reason);
    }
    const auto placement = place_files(options);
    if (!placement) {
        return fail(exit_status::bad_input, placement.error());
    }
    if (const std::string reason = why_impossible(options); !reason.empty()) {
        return fail(exit_status::no, reason);
    }
    if (options.dry_run) {
        return print_result(
            shell_words(qemu_command(options, *placement, HypervisorFiles::in(""))) + '\n');
    }
    return run_guests(options, *placement);
}

template <class Value, class Into>
void add_value(CLI::App& command, const std::string& name, Into& into,
               const GuestValue<Value>& value, const std::string& description) {
    add_parsed(command, name, into, value.parse, std::string{value.expected}, description);
}

void add_guest_options(CLI::App& command, GuestOptions& guest) {
    command.add_option("--kernel", guest.kernel, "arm64 Image")->capture_default_str();
    command.add_option("--initrd", guest.initrd, "initramfs; \"\" for none")->capture_default_str();
    command.add_option("--append", guest.append, "the guest's command line")->capture_default_str();
    add_value(command, "--memory", guest.memory, memory_value, "the guest's memory (1G)");
    add_value(command, "--extent", guest.extent, extent_value,
              "the pieces in which its memory is allocated (1G)");
    add_value(command, "--fault-around", guest.around, around_value,
              "what is mapped with a page that was faulted on (64K)");
    add_value(command, "--ipa", guest.ipa_bits, ipa_value, "bits of the guest's addresses (40)");
    add_value(command, "--granule", guest.granule, granule_value, "of its stage-2 table (4K)");
    command.add_flag("--lpa2", guest.lpa2, "52-bit descriptors, for 4K and 16K");
    add_value(command, "--smp", guest.smp, smp_value,
              "CPUs of the guest (2); the machine has those of its guests");
}

} // namespace

void add_run_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<RunOptions>();
    const auto more_guests = std::make_shared<std::vector<std::string>>();
    CLI::App& command =
        *app.add_subcommand("run", "A Linux guest on the hypervisor in QEMU, and what was mapped");
    use_last(command);
    add_guest_options(command, options->guests.front());
    add_texts(
        command, "--vm", *more_guests,
        "KEY=VALUE,...: one more guest beside it, as in \"memory=512M,extent=4K,ipa=34\"; keys: "
        "name, kernel, initrd, append, memory, extent, fault-around, ipa, granule, lpa2, smp; what "
        "is not said is as for the first one, and a comma in a value is written twice; can be "
        "given three times");
    command.add_option("--cpu", options->cpu, "what QEMU's -cpu takes")->capture_default_str();
    const CLI::Option* const hypervisor =
        command.add_option("--hypervisor", options->hypervisor, "the hypervisor's image")
            ->capture_default_str();
    command.add_option("--qemu", options->qemu, "program")->capture_default_str();
    add_parsed(
        command, "--timeout", options->timeout_seconds,
        [](const std::string& text) { return parse_between(text, 1, 1000000); }, "1 to 1000000",
        "seconds after which the guest is stopped (300)");
    command.add_option("--monitor-script", options->monitor_script,
                       "what the monitor of the first guest does while it runs, as in \"log on; "
                       "repeat 5; wait 100ms; harvest; end; log off\"");
    command.add_flag("--monitor-calls", options->monitor_calls,
                     "let a guest give its monitor commands by HVC");
    command.add_option("--json", options->json, "write the report to this file too");
    command.add_option("--trace", options->trace,
                       "write faults, splits, collapses and TLBIs with their times and reasons to "
                       "this file, for Perfetto; on a hypervisor that was built for it");
    add_parsed(
        command, "--trace-limit", options->trace_limit,
        [](const std::string& text) { return parse_between(text, 1, GiB); }, "1 to 1G",
        "the most events of a trace (1M)");
    command
        .add_option("--expect", options->expect,
                    "fail if no line of the console contains this; may be given several times")
        ->allow_extra_args(false);
    command.add_flag("--quiet", options->quiet, "do not show the guest's console");
    command.add_flag("--dry-run", options->dry_run, "only print QEMU's command");
    command.footer("What is typed goes to the first guest; Ctrl-] opens its monitor, where \"guest "
                   "NAME\" says "
                   "which one is meant; Ctrl-C stops all.\n"
                   "Example: twofold run --extent 2M --cpu cortex-a72 --append 'console=ttyAMA0'\n"
                   "         twofold run --smp 1 --vm memory=512M,extent=4K,ipa=34");
    command.callback([options, more_guests, hypervisor, &status] {
        if (options->trace && hypervisor->count() == 0) {
            options->hypervisor = traced_hypervisor;
        }
        status = run(*options, *more_guests);
    });
}

} // namespace twofold::tool
