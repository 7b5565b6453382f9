// SPDX-License-Identifier: MIT
// twofold report
#include "tools/command.hpp"
#include "tools/report/page_template.hpp"
#include "tools/report/report_page.hpp"
#include "tools/report/report_source.hpp"
#include "tools/text/number.hpp"
#include "tools/text/printable.hpp"
#include "tools/text/replace_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

namespace twofold::tool {

namespace {

struct ReportOptions {
    std::vector<std::string> paths;
    std::string output;
    std::uint64_t most_runs = most_report_runs;
    bool json = false;
};

// The input that would be lost.
const std::string* overwritten(const ReportOptions& options) {
    for (const std::string& path : options.paths) {
        std::error_code ignored;
        if (path != "-" && std::filesystem::equivalent(path, options.output, ignored)) {
            return &path;
        }
    }
    return nullptr;
}

int put(const ReportOptions& options, const std::string& text) {
    if (options.output.empty() || options.output == "-") {
        return print_result(text);
    }
    const auto replaced = replace_file(options.output, text);
    return replaced ? exit_status::yes : fail(exit_status::no, printable(replaced.error()));
}

int run_report(const ReportOptions& options) {
    if (options.output.empty() && !options.json) {
        return fail(exit_status::bad_input,
                    "expected -o with the file for the page (- is the standard output), or --json");
    }
    if (const std::string* const path = overwritten(options)) {
        return fail(
            exit_status::bad_input,
            fmt::format("-o: expected another file than {}, which is read", printable(*path)));
    }
    ReportSources sources{options.most_runs};
    for (const std::string& path : options.paths) {
        if (const auto added = sources.add(path); !added) {
            return fail(exit_status::bad_input, added.error());
        }
    }
    const ReportData& data = sources.data();
    for (const ReportSource& source : data.sources) {
        for (const std::string& note : source.notes) {
            warn(note);
        }
    }
    for (const ReportSpace& space : data.spaces) {
        for (const std::string& skipped : space.skipped) {
            warn(fmt::format("{}: {}", space.name, skipped));
        }
    }
    if (data.empty()) {
        return fail(exit_status::no, "there is nothing to show in what was given");
    }
    if (options.json) {
        return put(options, report_json(data) + '\n');
    }
    const auto page = report_page(data, page_template());
    return page ? put(options, *page) : fail(exit_status::bad_input, page.error());
}

} // namespace

void add_report_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<ReportOptions>();
    CLI::App& command =
        *app.add_subcommand("report", "A page to look at: address spaces, sizes, faults, reasons");
    use_last(command);
    command
        .add_option("paths", options->paths,
                    "JSON of run, map, attach map, kvm or explain, dumps and traces of KVM, its "
                    "debugfs; - is the standard input; several become one page")
        ->type_name("FILE")
        ->required()
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        .add_option("-o,--output", options->output,
                    "replace this file by the page, at once; - is the standard output")
        ->type_name("FILE");
    command.add_flag("--json", options->json, "what the page shows, as JSON");
    add_parsed(
        command, "--most-runs", options->most_runs,
        [](const std::string& text) { return parse_number(text); }, "a number",
        "runs that a page has (500K)");
    command.footer("Example: twofold map --json --vtcr 0x802d3558 --vttbr 0x1000040dc0001 "
                   "--memory guest.core >map.json\n"
                   "         twofold report run.json map.json -o page.html\n"
                   "         twofold report /sys/kernel/debug/kvm/1234-5 -o page.html");
    command.callback([options, &status] { status = run_report(*options); });
}

} // namespace twofold::tool
