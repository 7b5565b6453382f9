// SPDX-License-Identifier: MIT
// Putting a dump together.
#include "tools/kvm/dump_parser.hpp"

#include "tools/text/printable.hpp"

#include <charconv>
#include <system_error>

namespace twofold::tool {

namespace {

// KVM has some tens of them.
constexpr std::size_t most_statistics = 1000;

void count(KvmDump& dump, KvmDefect defect, std::size_t line) {
    KvmDefectCount& counted = dump.defects[defect];
    if (counted.count++ == 0) {
        counted.first_line = line;
    }
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

std::optional<std::int64_t> parse_value(std::string_view text) {
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && rest == end ? std::optional{value} : std::nullopt;
}

// What arm64 has: 32 to 52 bits, 2 to 5 levels, and what small tables may have.
bool is_ipa_bits(std::int64_t value) { return value >= 16 && value <= 56; }
bool is_levels(std::int64_t value) { return value >= 1 && value <= 5; }

} // namespace

void DumpParser::note(KvmDefect defect, std::size_t line) { count(dump_, defect, line); }

// Numbers without a name are in the order of `cat *`.
void DumpParser::take_number(const std::string& name, std::int64_t value) {
    const bool nameless = name.empty();
    if ((name == "ipa_range" || (nameless && !dump_.ipa_bits)) && is_ipa_bits(value)) {
        dump_.ipa_bits = static_cast<unsigned>(value);
    } else if ((name == "stage2_levels" || (nameless && !dump_.levels)) && is_levels(value)) {
        dump_.levels = static_cast<unsigned>(value);
    } else if (!nameless && dump_.statistics.size() < most_statistics) {
        dump_.statistics[printable(name)] = value;
    }
}

// KVM prints into a buffer of 4 KiB, and into a larger one from the start again if that was too
// small, but does not forget where it was: the first line begins where the last run of the lost
// attempt did, and says what that run was. It ends where the first run of this attempt does if the
// two print the same, and else at 0.
bool DumpParser::take_garbled(const KvmRunLine& line, std::size_t number) {
    if (header_ || runs_begun_ || line.run.start <= line.run.end ||
        line.size != line.run.end.value - line.run.start.value) {
        return false;
    }
    note(KvmDefect::garbled_first_line, number);
    dump_.last_run = line.run;
    dump_.last_run->end = {};
    if (line.run.end != Ipa{0}) {
        dump_.runs.push_back(line.run);
        dump_.runs.back().start = Ipa{0};
    }
    return true;
}

void DumpParser::take_run(const KvmRunLine& line, std::size_t number) {
    dump_.has_pages = true;
    const bool garbled = take_garbled(line, number);
    runs_begun_ = true;
    if (line.columns != KvmColumns::unknown) {
        if (dump_.columns != KvmColumns::unknown && dump_.columns != line.columns) {
            note(KvmDefect::mixed_columns, number);
        }
        dump_.columns = line.columns;
    }
    if (line.unknown_flag) {
        note(KvmDefect::unknown_flag, number);
    }
    if (garbled) {
        return;
    }
    const KvmRun& run = line.run;
    if (run.start >= run.end) {
        note(KvmDefect::start_above_end, number);
        return;
    }
    if (run.level < -1 || run.level > page_level) {
        note(KvmDefect::level_out_of_range, number);
        return;
    }
    if (line.size != run.size()) {
        note(KvmDefect::wrong_size, number);
    }
    const Ipa expected = dump_.runs.empty() ? Ipa{0} : dump_.runs.back().end;
    if (run.start < expected) {
        note(KvmDefect::overlap, number);
        return;
    }
    if (run.start > expected) {
        note(KvmDefect::gap, number);
    }
    if (dump_.runs.size() == most_kvm_runs) {
        note(KvmDefect::too_many_runs, number);
        return;
    }
    dump_.runs.push_back(run);
}

bool DumpParser::take(const TextLine& line) {
    const std::string_view text = trimmed(line.text);
    if (line.cut) {
        note(KvmDefect::long_line, line.number);
        return false;
    }
    if (text.empty()) {
        return true;
    }
    if (const auto run = parse_run_line(line.text)) {
        take_run(*run, line.number);
        return true;
    }
    if (text.starts_with("---[ ") && text.ends_with(" ]---")) {
        header_ = dump_.has_pages = true;
        return true;
    }
    if (text.starts_with('[') && text.ends_with(']')) {
        section_ = text.substr(1, text.size() - 2);
        return true;
    }
    if (const auto value = parse_value(text)) {
        take_number(section_, *value);
        return true;
    }
    if (text.starts_with("stat ")) { // NAME VALUE
        const std::size_t space = text.rfind(' ');
        const auto value = parse_value(text.substr(space + 1));
        if (space > 5 && value) {
            take_number(std::string{trimmed(text.substr(5, space - 5))}, *value);
            return true;
        }
    }
    note(KvmDefect::unreadable_line, line.number);
    return false;
}

void DumpParser::finish(KvmDump& dump) {
    // Without a geometry, the granule is not known yet: kvm_figures looks at alignment.
    if (!dump.ipa_bits) {
        return;
    }
    const Ipa limit{std::uint64_t{1} << *dump.ipa_bits};
    while (!dump.runs.empty() && dump.runs.back().end > limit) {
        count(dump, KvmDefect::beyond_ipa, 0);
        if (dump.runs.back().start < limit) {
            dump.runs.back().end = limit;
            break;
        }
        dump.runs.pop_back();
    }
}

} // namespace twofold::tool
