// SPDX-License-Identifier: MIT
// Reading of files and folders.
#include "tools/kvm/kvm_source.hpp"

#include "tools/kvm/dump_parser.hpp"
#include "tools/kvm/trace_parser.hpp"
#include "tools/run/file_descriptor.hpp"
#include "tools/text/printable.hpp"
#include "tools/text/size.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

namespace twofold::tool {

namespace {

namespace fs = std::filesystem;

// A host has fewer VMs, and a VM fewer files.
constexpr std::size_t most_files = 1U << 14;

struct Opened {
    FileDescriptor descriptor;
    bool regular = false;
};

Result<Opened> open_file(const fs::path& path) {
    Opened opened{FileDescriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}, false};
    struct stat status {};
    if (!opened.descriptor.is_open() || ::fstat(opened.descriptor.number(), &status) != 0) {
        return Failure{fmt::format("{}: {}{}", path.string(), std::strerror(errno),
                                   errno == EACCES ? "; debugfs is root's" : "")};
    }
    opened.regular = S_ISREG(status.st_mode);
    return opened;
}

// A dump and a trace may be in one text.
void read_text(LineReader reader, KvmTable& table, FaultTrace& trace, Granule granule) {
    DumpParser dump{table.dump};
    TraceParser events{trace, granule};
    while (const auto line = reader.next()) {
        if (!events.take(*line)) {
            dump.take(*line);
        }
    }
    events.finish();
    DumpParser::finish(table.dump);
}

bool has_anything(const KvmDump& dump) {
    return dump.has_pages || dump.ipa_bits || dump.levels || !dump.statistics.empty();
}

Result<bool> take_text(const std::string& name, LineReader reader, std::optional<Granule> granule,
                       KvmSource& source) {
    KvmTable table{.vm = printable(name), .nested = {}, .dump = {}};
    FaultTrace trace;
    read_text(std::move(reader), table, trace, granule.value_or(Granule::k4));
    const bool dump = has_anything(table.dump);
    const bool events = trace.events != 0 || trace.faults != 0;
    if (!dump && !events) {
        return Failure{fmt::format("{}: expected stage2_page_tables of KVM or a trace with "
                                   "kvm_guest_fault, and no line is of either",
                                   name)};
    }
    if (dump) {
        source.tables.push_back(std::move(table));
    }
    if (events) {
        source.traces.push_back({printable(name), std::move(trace)});
    }
    return true;
}

// The files of a folder, in the order of their names; too many are not all taken.
std::vector<fs::path> children(const fs::path& folder, KvmSource& source) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}; !error && at != fs::directory_iterator{};
         at.increment(error)) {
        if (found.size() == most_files) {
            source.notes.push_back(fmt::format("{}: more than {} files: the rest is left out",
                                               folder.string(), most_files));
            break;
        }
        found.push_back(at->path());
    }
    if (error) {
        source.notes.push_back(fmt::format("{}: {}", folder.string(), error.message()));
    }
    std::ranges::sort(found);
    return found;
}

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

// One file of a VM's folder.
void read_vm_file(const fs::path& path, KvmDump& dump, KvmSource& source) {
    const std::string name = path.filename().string();
    auto file = open_file(path);
    if (!file) {
        source.notes.push_back(file.error());
        return;
    }
    if (!file->regular) {
        return;
    }
    LineReader reader = LineReader::of_file(file->descriptor.number());
    if (name == "stage2_page_tables") {
        DumpParser parser{dump, name};
        while (const auto line = reader.next()) {
            parser.take(*line);
        }
        return;
    }
    // A statistic is one number. Other files of debugfs are none of ours.
    KvmDump number;
    const auto line = reader.next();
    const bool taken = line && DumpParser{number, name}.take(*line) && !number.has_pages;
    if (taken && !reader.next()) {
        dump.ipa_bits = number.ipa_bits ? number.ipa_bits : dump.ipa_bits;
        dump.levels = number.levels ? number.levels : dump.levels;
        dump.statistics.merge(number.statistics);
    }
}

void read_nested(const fs::path& folder, const std::string& vm, KvmSource& source) {
    for (const fs::path& path : children(folder, source)) {
        auto file = open_file(path);
        if (!file) {
            source.notes.push_back(file.error());
            continue;
        }
        if (!file->regular) {
            continue;
        }
        KvmTable table{.vm = vm, .nested = printable(path.filename().string()), .dump = {}};
        LineReader reader = LineReader::of_file(file->descriptor.number());
        DumpParser parser{table.dump, "stage2_page_tables"};
        while (const auto line = reader.next()) {
            parser.take(*line);
        }
        if (table.dump.has_pages) {
            source.tables.push_back(std::move(table));
        }
    }
}

bool is_vm_name(const std::string& name) { // PID-FD
    const std::size_t dash = name.find('-');
    return dash != std::string::npos && dash != 0 && dash + 1 < name.size() &&
           name.find_first_not_of("0123456789-") == std::string::npos;
}

std::string folder_name(const fs::path& folder) {
    const fs::path name = folder.filename();
    return (name.empty() ? folder.parent_path().filename() : name).string(); // a slash at the end
}

bool is_vm_folder(const fs::path& folder) {
    return is_vm_name(folder_name(folder)) || is_there(folder / "stage2_page_tables") ||
           is_there(folder / "ipa_range") || is_there(folder / "stage2_levels");
}

void read_vm(const fs::path& folder, KvmSource& source) {
    KvmTable table{.vm = printable(folder_name(folder)), .nested = {}, .dump = {}};
    for (const fs::path& path : children(folder, source)) {
        if (!is_folder(path)) {
            read_vm_file(path, table.dump, source);
        }
    }
    DumpParser::finish(table.dump);
    const std::string vm = table.vm;
    source.tables.push_back(std::move(table));
    if (is_folder(folder / "nested")) {
        read_nested(folder / "nested", vm, source);
    }
}

Result<bool> read_folder(const fs::path& folder, std::optional<Granule> granule,
                         KvmSource& source) {
    std::error_code error;
    if (fs::directory_iterator{folder, error}; error) {
        return Failure{
            fmt::format("{}: {}{}", folder.string(), error.message(),
                        error == std::errc::permission_denied ? "; debugfs is root's" : "")};
    }
    if (is_vm_folder(folder)) {
        read_vm(folder, source);
        return true;
    }
    bool any = false;
    std::vector<fs::path> texts;
    for (const fs::path& path : children(folder, source)) {
        if (is_folder(path)) {
            if (is_vm_folder(path)) {
                read_vm(path, source);
                any = true;
            }
        } else if (path.extension() == ".txt") {
            texts.push_back(path);
        }
    }
    if (any) {
        return true;
    }
    for (const fs::path& path : texts) { // a folder of texts
        auto file = open_file(path);
        const auto taken =
            !file ? Result<bool>{Failure{file.error()}}
                  : take_text(path.filename().string(),
                              LineReader::of_file(file->descriptor.number()), granule, source);
        if (!taken) {
            source.notes.push_back(taken.error());
        }
    }
    return true;
}

// Who tells tables apart by their names has to be able to.
void make_names_differ(KvmSource& source) {
    std::map<std::string, unsigned> seen;
    const auto number = [&seen](const std::string& name) {
        const unsigned count = ++seen[name];
        return count == 1 ? std::string{} : fmt::format("#{}", count);
    };
    for (KvmTable& table : source.tables) {
        table.vm += number(table.name());
    }
    seen.clear();
    for (NamedTrace& trace : source.traces) {
        trace.name += number(trace.name);
    }
}

} // namespace

Result<KvmSource> read_kvm(const std::vector<std::string>& paths, std::optional<Granule> granule) {
    KvmSource source;
    for (const std::string& path : paths) {
        Result<bool> taken = true;
        if (path == "-") {
            taken = take_text("standard input", LineReader::of_file(0), granule, source);
        } else if (is_folder(path)) {
            taken = read_folder(path, granule, source);
        } else if (auto file = open_file(path); !file) {
            return Failure{file.error()};
        } else {
            taken =
                take_text(path, LineReader::of_file(file->descriptor.number()), granule, source);
        }
        if (!taken) {
            return Failure{taken.error()};
        }
    }
    make_names_differ(source);
    return source;
}

Result<KvmSource> read_kvm_lines(const std::string& name, LineReader reader,
                                 std::optional<Granule> granule) {
    KvmSource source;
    const auto taken = take_text(name, std::move(reader), granule, source);
    return taken ? Result<KvmSource>{std::move(source)} : Failure{taken.error()};
}

KvmSource read_kvm_text(const std::string& name, std::string_view text,
                        std::optional<Granule> granule) {
    KvmSource source;
    if (const auto taken = take_text(name, LineReader::of(text), granule, source); !taken) {
        source.notes.push_back(taken.error());
    }
    return source;
}

} // namespace twofold::tool
