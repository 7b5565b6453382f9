// SPDX-License-Identifier: MIT
// Telling inputs apart. JSON begins with a brace, which no text of KVM does.
#include "tools/report/report_source.hpp"

#include "tools/report/input_buffer.hpp"
#include "tools/report/json_reader.hpp"
#include "tools/report/json_source.hpp"
#include "tools/report/kvm_report_source.hpp"
#include "tools/text/line_reader.hpp"
#include "tools/text/printable.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

namespace twofold::tool {

namespace {

// The JSON of four million runs.
constexpr std::uint64_t most_input_bytes = std::uint64_t{1} << 30;

bool begins_with_brace(std::istream& text) {
    constexpr std::string_view mark = "\xef\xbb\xbf"; // of UTF-8
    int next = text.peek();
    for (const char c : mark) {
        if (next == std::istream::traits_type::to_int_type(c)) {
            text.get();
            next = text.peek();
        }
    }
    while (next == ' ' || next == '\t' || next == '\r' || next == '\n') {
        text.get();
        next = text.peek();
    }
    return next == '{';
}

LineReader lines_of(std::istream& text) {
    return LineReader{[&text](std::span<char> space) {
        const auto count =
            text.rdbuf()->sgetn(space.data(), static_cast<std::streamsize>(space.size()));
        return static_cast<std::size_t>(count);
    }};
}

} // namespace

std::uint64_t ReportSources::room() const {
    std::uint64_t used = 0;
    for (const ReportSpace& space : data_.spaces) {
        used += space.runs.size();
    }
    return used < most_runs_ ? most_runs_ - used : 0;
}

Result<bool> ReportSources::add_json(const std::string& name, std::istream& text) {
    RunsByOwner runs;
    std::uint64_t taken = 0;
    const std::uint64_t most = room();
    const auto document =
        read_json(text, [&](const std::string& path, const nlohmann::ordered_json& json) {
            const std::string owner = path.starts_with("slots/") ? "slots" : path;
            auto place = runs.find(owner);
            if (place == runs.end()) {
                place = runs.emplace(owner, SpaceRuns{most - std::min(most, taken)}).first;
            }
            ++taken;
            add_run(place->second, json);
        });
    if (!document) {
        return Failure{fmt::format("{}: {}", name, document.error())};
    }
    const auto added = add_document(*document, runs, name, data_);
    return added ? added : Result<bool>{Failure{fmt::format("{}: {}", name, added.error())}};
}

Result<bool> ReportSources::add_kvm(const std::string& name, const Result<KvmSource>& source) {
    if (!source) {
        return Failure{source.error()};
    }
    add_kvm_source(*source, name, room(), data_);
    return true;
}

Result<bool> ReportSources::add_text(const std::string& name, std::istream& text) {
    const std::string shown = printable(name);
    return begins_with_brace(text) ? add_json(shown, text)
                                   : add_kvm(shown, read_kvm_lines(shown, lines_of(text), {}));
}

Result<bool> ReportSources::add(const std::string& path) {
    const bool standard_input = path == "-";
    const std::string name = standard_input ? "standard input" : path;
    std::error_code ignored;
    if (!standard_input && std::filesystem::is_directory(path, ignored)) {
        return add_kvm(printable(path), read_kvm({path}, {}));
    }
    FileDescriptor descriptor{standard_input ? ::dup(STDIN_FILENO)
                                             : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!descriptor.is_open()) {
        return Failure{fmt::format("{}: {}", printable(name), std::strerror(errno))};
    }
    InputBuffer buffer{std::move(descriptor), most_input_bytes};
    std::istream text{&buffer};
    auto added = add_text(name, text);
    if (buffer.passed_limit()) {
        return Failure{fmt::format("{}: expected no more than 1 GiB", printable(name))};
    }
    if (buffer.error() != 0) {
        return Failure{fmt::format("{}: {}", printable(name), std::strerror(buffer.error()))};
    }
    return added;
}

} // namespace twofold::tool
