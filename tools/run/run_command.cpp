// SPDX-License-Identifier: MIT
// twofold run
#include "tools/command.hpp"
#include "tools/cpu/known_cpu.hpp"
#include "tools/run/guest_files.hpp"
#include "tools/run/outcome.hpp"
#include "tools/run/qemu_command.hpp"
#include "tools/run/report_text.hpp"
#include "tools/run/temporary_folder.hpp"
#include "tools/text/number.hpp"
#include "tools/text/size.hpp"
#include "tools/trace/trace_events.hpp"

#include <fmt/format.h>

#include <bit>
#include <fstream>
#include <memory>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* traced_hypervisor = "build/aarch64/twofold-traced.img";

// Where the hypervisor puts a guest's memory.
constexpr Ipa guest_memory_base{GiB};

// What can be known to fail before anything is started. A CPU that we do not know is left to the
// hypervisor.
std::string why_impossible(const RunOptions& options) {
    const KnownCpu* const cpu = find_cpu(options.cpu.substr(0, options.cpu.find(',')));
    if (cpu == nullptr) {
        return "";
    }
    const auto geometry =
        Geometry::make(CpuFeatures::from(cpu->registers), {.granule = options.granule,
                                                           .ipa_bits = options.ipa_bits,
                                                           .lpa2 = options.lpa2,
                                                           .prefer = options.prefer});
    if (!geometry) {
        return std::string{to_string(geometry.error())};
    }
    if (!geometry->contains(guest_memory_base, options.memory)) {
        return fmt::format("{} of memory from {} on do not fit a {}-bit IPA",
                           size_words(options.memory), size_words(guest_memory_base.value),
                           options.ipa_bits);
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
    document["run"] = {{"cpu", options.cpu},
                       {"smp", options.smp},
                       {"memory_bytes", options.memory},
                       {"extent_bytes", options.extent},
                       {"append", options.append},
                       {"wall_seconds", session.seconds}};
    std::ofstream stream{*options.json};
    stream << document.dump(2) << '\n';
    return static_cast<bool>(stream.flush());
}

// Also of a guest that failed; the reason why there is none, or none that is complete.
std::string write_trace(const RunOptions& options, const std::filesystem::path& file,
                        const Result<Report>& report) {
    auto trace = TraceFile::open(file);
    if (!trace) {
        return trace.error();
    }
    const bool named = report && report->guest;
    std::ofstream stream{*options.trace};
    const TraceSummary summary =
        write_trace_events(*trace, named ? report->guest->name : "guest", stream);
    if (!stream.flush()) {
        return fmt::format("cannot write {}", options.trace->string());
    }
    (void)print_result(trace_words(summary, options.trace->string()));
    return summary.why_over;
}

int run_guest(const RunOptions& options, const Placement& placement) {
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
        const std::string trouble = write_trace(options, files.trace, report);
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

int run(const RunOptions& options) {
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
    return run_guest(options, *placement);
}

std::optional<std::uint64_t> parse_memory(const std::string& text) {
    const auto bytes = parse_number(text);
    const bool possible = bytes && *bytes != 0 && is_aligned(*bytes, 2 * MiB) && *bytes <= 64 * TiB;
    return possible ? bytes : std::nullopt;
}

std::optional<std::uint64_t> parse_around(const std::string& text) {
    const auto bytes = parse_number(text);
    const bool possible =
        bytes && std::has_single_bit(*bytes) && *bytes >= 4 * KiB && *bytes <= 2 * MiB;
    return possible ? bytes : std::nullopt;
}

std::optional<std::uint64_t> parse_extent(const std::string& text) {
    const auto bytes = parse_number(text);
    const bool possible =
        bytes && std::has_single_bit(*bytes) && *bytes >= 4 * KiB && *bytes <= GiB;
    return possible ? bytes : std::nullopt;
}

} // namespace

void add_run_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<RunOptions>();
    CLI::App& command =
        *app.add_subcommand("run", "A Linux guest on the hypervisor in QEMU, and what was mapped");
    use_last(command);
    command.add_option("--kernel", options->kernel, "arm64 Image")->capture_default_str();
    command.add_option("--initrd", options->initrd, "initramfs; \"\" for none")
        ->capture_default_str();
    command.add_option("--append", options->append, "the guest's command line")
        ->capture_default_str();
    add_parsed(command, "--memory", options->memory, parse_memory, "a multiple of 2M",
               "the guest's memory (1G)");
    add_parsed(command, "--extent", options->extent, parse_extent, "a power of two from 4K to 1G",
               "the pieces in which its memory is allocated (1G)");
    add_parsed(command, "--fault-around", options->around, parse_around,
               "a power of two from 4K to 2M",
               "what is mapped with a page that was faulted on (64K)");
    add_parsed(
        command, "--ipa", options->ipa_bits,
        [](const std::string& text) { return parse_between(text, 1, 64); }, "1 to 64",
        "bits of the guest's addresses (40)");
    add_parsed(command, "--granule", options->granule, parse_granule, "4K, 16K or 64K",
               "of its stage-2 table (4K)");
    command.add_flag("--lpa2", options->lpa2, "52-bit descriptors, for 4K and 16K");
    command.add_option("--cpu", options->cpu, "what QEMU's -cpu takes")->capture_default_str();
    add_parsed(
        command, "--smp", options->smp,
        [](const std::string& text) { return parse_between(text, 1, 8); }, "1 to 8",
        "CPUs of the machine and of the guest (2)");
    const CLI::Option* const hypervisor =
        command.add_option("--hypervisor", options->hypervisor, "the hypervisor's image")
            ->capture_default_str();
    command.add_option("--qemu", options->qemu, "program")->capture_default_str();
    add_parsed(
        command, "--timeout", options->timeout_seconds,
        [](const std::string& text) { return parse_between(text, 1, 1000000); }, "1 to 1000000",
        "seconds after which the guest is stopped (300)");
    command.add_option("--monitor-script", options->monitor_script,
                       "what the hypervisor's monitor does while the guest runs, as in \"log on; "
                       "repeat 5; wait 100ms; harvest; end; log off\"");
    command.add_flag("--monitor-calls", options->monitor_calls,
                     "let the guest give the monitor commands by HVC");
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
    command.footer(
        "What is typed goes to the guest; Ctrl-] opens the hypervisor's monitor, Ctrl-C stops "
        "all.\n"
        "Example: twofold run --extent 2M --cpu cortex-a72 --append 'console=ttyAMA0'");
    command.callback([options, hypervisor, &status] {
        if (options->trace && hypervisor->count() == 0) {
            options->hypervisor = traced_hypervisor;
        }
        status = run(*options);
    });
}

} // namespace twofold::tool
