// SPDX-License-Identifier: MIT
// What bites when a dump of KVM is read.
#include "tools/kvm/kvm_words.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

std::string_view defect_words(KvmDefect defect) {
    switch (defect) {
    case KvmDefect::garbled_first_line:
        return "";
    case KvmDefect::unreadable_line:
        return "lines that are of no known form";
    case KvmDefect::long_line:
        return "lines that are far too long";
    case KvmDefect::unknown_flag:
        return "lines with a word that is not known";
    case KvmDefect::start_above_end:
        return "runs that end before they start, left out";
    case KvmDefect::overlap:
        return "runs that begin before the one above them ends, left out";
    case KvmDefect::gap:
        return "places where lines are missing, taken as not mapped";
    case KvmDefect::wrong_size:
        return "runs whose printed size is not that of their addresses, which are believed";
    case KvmDefect::misaligned:
        return "runs that are not aligned to what an entry of their level covers";
    case KvmDefect::beyond_ipa:
        return "runs beyond the IPA space, cut off";
    case KvmDefect::level_out_of_range:
        return "runs of a level that does not exist, left out";
    case KvmDefect::mixed_columns:
        return "lines whose columns are of another kernel than those above";
    case KvmDefect::too_many_runs:
        return "runs too many, left out";
    }
    return "";
}

std::string last_run_note(const KvmDump& dump, const KvmFigures& figures) {
    const std::string end =
        dump.ipa_bits ? fmt::format("0x{:x}", std::uint64_t{1} << *dump.ipa_bits) : "its end";
    if (dump.ipa_bits && figures.unknown_from == std::uint64_t{1} << *dump.ipa_bits) {
        return "";
    }
    std::string words = fmt::format("KVM never prints the last run: {:#x} to {} is not in the dump",
                                    figures.unknown_from, end);
    if (dump.last_run) {
        const KvmRun& last = *dump.last_run;
        words += fmt::format("; its first line says that it was {} of level {} from {:#x} on",
                             last.leaf      ? "mapped with leaves"
                             : last.invalid ? "invalid entries"
                                            : "a hole",
                             last.level, last.start.value);
    }
    return words;
}

} // namespace

std::string_view defect_name(KvmDefect defect) {
    switch (defect) {
    case KvmDefect::garbled_first_line:
        return "garbled_first_line";
    case KvmDefect::unreadable_line:
        return "unreadable_line";
    case KvmDefect::long_line:
        return "long_line";
    case KvmDefect::unknown_flag:
        return "unknown_flag";
    case KvmDefect::start_above_end:
        return "start_above_end";
    case KvmDefect::overlap:
        return "overlap";
    case KvmDefect::gap:
        return "gap";
    case KvmDefect::wrong_size:
        return "wrong_size";
    case KvmDefect::misaligned:
        return "misaligned";
    case KvmDefect::beyond_ipa:
        return "beyond_ipa";
    case KvmDefect::level_out_of_range:
        return "level_out_of_range";
    case KvmDefect::mixed_columns:
        return "mixed_columns";
    case KvmDefect::too_many_runs:
        return "too_many_runs";
    }
    return "";
}

std::string_view columns_words(KvmColumns columns) {
    switch (columns) {
    case KvmColumns::x_inverted:
        return "columns as of Linux 6.12";
    case KvmColumns::nx:
        return "columns with NX and x";
    case KvmColumns::px_ux:
        return "columns as of Linux 7.2";
    case KvmColumns::unknown:
        break;
    }
    return "nothing mapped";
}

std::vector<std::string> dump_notes(const KvmTableReport& report) {
    const KvmDump& dump = report.table->dump;
    std::vector<std::string> notes;
    if (!dump.has_pages) {
        notes.emplace_back("a kernel without CONFIG_PTDUMP_STAGE2_DEBUGFS has only statistics");
        return notes;
    }
    if (dump.columns == KvmColumns::x_inverted) {
        notes.emplace_back("this kernel prints X where execution is denied; it is read that way");
    }
    if (dump.defects.contains(KvmDefect::garbled_first_line)) {
        notes.emplace_back(
            "the first line is garbled, as in each dump of more than 4 KiB: left out");
    }
    if (const std::string last = last_run_note(dump, report.figures); !last.empty()) {
        notes.push_back(last);
    }
    if (!dump.ipa_bits || !dump.levels) {
        notes.emplace_back("ipa_range or stage2_levels is not there: sizes of levels that the dump "
                           "does not show are not considered");
    }
    if (!report.figures.granule_certain) {
        notes.push_back(fmt::format("the granule cannot be told from the dump: {} is assumed "
                                    "(--granule)",
                                    granule_words(report.figures.granule)));
    }
    for (const auto& [defect, counted] : dump.defects) {
        const std::string_view words = defect_words(defect);
        if (words.empty()) {
            continue;
        }
        notes.push_back(counted.first_line == 0 ? fmt::format("{}: {}", words, counted.count)
                                                : fmt::format("{}: {}, the first is line {}", words,
                                                              counted.count, counted.first_line));
    }
    if (report.figures.misaligned_runs != 0) {
        notes.push_back(fmt::format("{}: {}", defect_words(KvmDefect::misaligned),
                                    report.figures.misaligned_runs));
    }
    return notes;
}

} // namespace twofold::tool
