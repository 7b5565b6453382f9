// SPDX-License-Identifier: MIT
// KVM's tables as text.
#include "tools/kvm/kvm_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace twofold::tool {

namespace {

std::string head_words(const KvmTableReport& report) {
    const KvmDump& dump = report.table->dump;
    std::string words = report.table->name() + ":";
    if (!dump.has_pages) {
        return words + " no stage2_page_tables\n";
    }
    words += dump.ipa_bits ? fmt::format(" {}-bit IPA,", *dump.ipa_bits) : "";
    words += dump.levels
                 ? fmt::format(" {} levels from level {},", *dump.levels, *dump.initial_level())
                 : "";
    return fmt::format("{} {} granule, {}\n", words, granule_words(report.figures.granule),
                       columns_words(dump.columns));
}

void add_amount(Columns& table, const std::string& name, const KvmAmount& amount,
                const std::string& words = {}) {
    if (amount.runs != 0) {
        table.add({name, size_words(amount.bytes),
                   words.empty() ? fmt::format("in {}", counted(amount.runs, "run")) : words});
    }
}

std::string mapped_text(const KvmFigures& figures) {
    Columns table{{Align::left, Align::right, Align::left}};
    for (const auto& [level, bytes] : figures.mapped) {
        table.add({"mapped", size_words(bytes),
                   fmt::format("in {} of {}",
                               counted(bytes / figures.size_of(level),
                                       level == page_level ? "page" : "block"),
                               size_words(figures.size_of(level)))});
    }
    add_amount(table, "holes", figures.holes,
               fmt::format("in {}, the largest of {}", counted(figures.holes.runs, "hole"),
                           size_words(figures.largest_hole.bytes)));
    for (const auto& [permissions, amount] : figures.permissions) {
        add_amount(table, permissions, amount);
    }
    return table.text(2);
}

std::string larger_text(const KvmFigures& figures) {
    Columns table{{Align::right, Align::right, Align::right, Align::right, Align::left}};
    table.add({"pieces of", "complete", "of mixed permissions", "partial", ""});
    bool any = false;
    for (const KvmLarger& larger : figures.larger) {
        if (larger.uniform + larger.mixed + larger.partial == 0) {
            continue;
        }
        any = true;
        table.add({size_words(larger.size), fmt::format("{}", larger.uniform + larger.mixed),
                   fmt::format("{}", larger.mixed), fmt::format("{}", larger.partial),
                   larger.partial == 0
                       ? ""
                       : fmt::format("{} of {} mapped", size_words(larger.partial_mapped_bytes),
                                     size_words(larger.partial * larger.size))});
    }
    return any ? "  aligned pieces that are mapped with smaller leaves (whether their physical "
                 "addresses adjoin is not in the dump):\n" +
                     table.text(4)
               : "";
}

std::string states_text(const KvmFigures& figures) {
    Columns table{{Align::left, Align::right, Align::left}};
    add_amount(table, "writable and executable", figures.writable_executable);
    add_amount(table, "write-only", figures.write_only);
    add_amount(table, "mapped without any permission", figures.inaccessible);
    add_amount(table, "not accessed (AF clear)", figures.not_accessed);
    add_amount(table, "invalid, not zero (annotations)", figures.invalid);
    add_amount(table, "leaves where there are none", figures.impossible);
    return table.empty() ? "" : "  to look at:\n" + table.text(4);
}

std::string statistics_text(const KvmDump& dump) {
    if (dump.statistics.empty()) {
        return "";
    }
    Columns table{{Align::left, Align::right}};
    for (const auto& [name, value] : dump.statistics) {
        if (value != 0) {
            table.add({name, fmt::format("{}", value)});
        }
    }
    return table.empty() ? "  statistics: all 0\n"
                         : "  statistics, but for those that are 0:\n" + table.text(4);
}

std::string table_text(const KvmTableReport& report) {
    std::string text = head_words(report);
    if (report.table->dump.has_pages) {
        text +=
            mapped_text(report.figures) + larger_text(report.figures) + states_text(report.figures);
    }
    if (report.change) {
        text += change_text(*report.change, report.figures);
    }
    text += statistics_text(report.table->dump);
    for (const std::string& note : dump_notes(report)) {
        text += "  note: " + note + '\n';
    }
    return text;
}

} // namespace

std::string kvm_text(const KvmReport& report) {
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += (text.empty() ? "" : "\n") + part;
    };
    for (const KvmTableReport& table : report.tables) {
        add(table_text(table));
    }
    for (const NamedTrace& trace : *report.traces) {
        add(trace_text(trace, report.trace_granule));
    }
    if (!report.gone.empty()) {
        add(fmt::format("only in the older dump: {}\n", fmt::join(report.gone, ", ")));
    }
    return text;
}

} // namespace twofold::tool
