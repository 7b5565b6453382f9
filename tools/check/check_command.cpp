// SPDX-License-Identifier: MIT
// twofold check
#include "tools/check/casemate_writer.hpp"
#include "tools/check/trace_check.hpp"
#include "tools/command.hpp"
#include "tools/run/file_descriptor.hpp"
#include "tools/text/number.hpp"
#include "tools/text/printable.hpp"

#include <twofold/model/trace.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace twofold::tool {

namespace {

enum class TraceFormat : std::uint8_t { twofold, casemate };

struct CheckOptions {
    std::string trace;
    TraceFormat from = TraceFormat::twofold;
    std::optional<TraceFormat> to;
    std::optional<unsigned> vmid;
    std::size_t shown = CheckLimits{}.shown;
    bool json = false;
};

std::optional<TraceFormat> parse_format(const std::string& text) {
    return text == "twofold"    ? std::optional{TraceFormat::twofold}
           : text == "casemate" ? std::optional{TraceFormat::casemate}
                                : std::nullopt;
}

// What went wrong with reading stays in `error`.
LineReader::Read reader_of(int descriptor, int& error) {
    return [descriptor, &error](std::span<char> space) -> std::size_t {
        for (;;) {
            const ssize_t count = ::read(descriptor, space.data(), space.size());
            if (count >= 0) {
                return static_cast<std::size_t>(count);
            }
            if (errno != EINTR) {
                error = errno;
                return 0;
            }
        }
    };
}

std::string named(const std::string& name, const std::string& reason) {
    return printable(name) + ": " + reason;
}

int write_casemate(TraceSource& source, const std::string& name) {
    if (const auto refusal = CasemateWriter::refusal(source.config())) {
        return fail(exit_status::no, named(name, *refusal));
    }
    CasemateWriter writer{source.config(), printable(name)};
    // All or nothing: half a trace would be checked as if it were one.
    std::string text;
    while (const auto event = source.next()) {
        const auto lines = writer.write(*event);
        if (!lines) {
            return fail(exit_status::no, named(name, writer.error()));
        }
        text += *lines;
    }
    if (source.error()) {
        return fail(exit_status::bad_input, named(name, *source.error()));
    }
    return print_result(text + writer.finish());
}

int write_twofold(TraceSource& source, const std::string& name) {
    std::string text{model::header_line(source.config()).text()};
    text += '\n';
    while (const auto event = source.next()) {
        text += model::to_line(event->event).text();
        text += '\n';
    }
    return source.error() ? fail(exit_status::bad_input, named(name, *source.error()))
                          : print_result(text);
}

int say_check(TraceSource& source, const std::string& name, const CheckOptions& options) {
    const TraceCheck check = check_trace(source, {.shown = options.shown});
    // What was found before the trace ends in something else is worth to be told.
    const int written = print_result(options.json ? check_json(name, check).dump(2) + '\n'
                                                  : check_text(name, check));
    if (check.error) {
        return fail(exit_status::bad_input, named(name, *check.error));
    }
    return written != exit_status::yes || check.good() ? written : exit_status::no;
}

int run_check(const CheckOptions& options) {
    const bool standard = options.trace == "-";
    const std::string name = standard ? "stdin" : options.trace;
    const FileDescriptor file{standard ? ::dup(STDIN_FILENO)
                                       : ::open(options.trace.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status = {};
    if (file.number() < 0 || ::fstat(file.number(), &status) != 0) {
        return fail(exit_status::bad_input, named(name, std::strerror(errno)));
    }
    if (S_ISDIR(status.st_mode)) {
        return fail(exit_status::bad_input, named(name, "expected a trace, not a folder"));
    }
    int error = 0;
    const auto source = options.from == TraceFormat::casemate
                            ? make_casemate_source(reader_of(file.number(), error), options.vmid)
                            : make_twofold_source(reader_of(file.number(), error));
    if (const auto wrong = source->start()) {
        return fail(exit_status::bad_input,
                    named(name, error != 0 ? std::strerror(error) : *wrong));
    }
    const int result = !options.to                            ? say_check(*source, name, options)
                       : *options.to == TraceFormat::casemate ? write_casemate(*source, name)
                                                              : write_twofold(*source, name);
    return error != 0 ? fail(exit_status::bad_input, named(name, std::strerror(error))) : result;
}

} // namespace

void add_check_command(CLI::App& app, int& status) {
    const auto options = std::make_shared<CheckOptions>();
    CLI::App& command = *app.add_subcommand(
        "check", "A trace of stores, barriers and TLBIs, judged by the rules of the architecture");
    use_last(command);
    command.add_option("trace", options->trace, "the trace's file, - for stdin")
        ->required()
        ->type_name("TRACE");
    add_parsed(command, "--from", options->from, parse_format, "twofold or casemate",
               "what the trace is written in (twofold)");
    add_parsed(command, "--to", options->to, parse_format, "twofold or casemate",
               "write it down in that format instead of checking it");
    add_parsed(
        command, "--vmid", options->vmid,
        [](const std::string& text) { return parse_between(text, 0, 0xffff); }, "0 to 65535",
        "of a casemate trace: whose table is looked at (the first that is used)");
    add_parsed(
        command, "--show", options->shown,
        [](const std::string& text) { return parse_between(text, 0, 100'000); }, "0 to 100000",
        "how many violations are told (20); all are counted");
    command.add_flag("--json", options->json, "as JSON");
    command.footer(
        "Example: twofold check boot.trace\n"
        "         twofold check --from casemate pkvm.trace --json\n"
        "docs/trace-format.md describes the format. Exit status: 0, 1 for a violation, 2 "
        "for bad input.");
    command.callback([options, &status] { status = run_check(*options); });
}

} // namespace twofold::tool
