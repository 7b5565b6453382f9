// SPDX-License-Identifier: MIT
// What was found in a trace, as text and as JSON.
#include "tools/check/rule_words.hpp"
#include "tools/check/trace_check.hpp"
#include "tools/decode/decode.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/printable.hpp"
#include "tools/text/size.hpp"

#include <twofold/model/trace.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

TableInUse table_of(const model::CheckerConfig& config) {
    CpuFeatures features;
    features.pa_bits = config.geometry.pa_bits();
    features.xnx = config.xnx;
    features.fwb = config.fwb;
    features.xs = config.xs;
    features.bbm = config.bbm;
    features.access_flag = config.hardware_access_flag;
    features.dirty_state = config.hardware_dirty_state;
    return {.features = features,
            .geometry = config.geometry,
            .vtcr = config.geometry.vtcr(VtcrOptions::of(features)),
            .fwb = config.fwb};
}

std::string event_words(const model::Event& event) {
    return std::string{model::to_line(event).text()};
}

// Rules about an entry, whose report has its place and values.
bool is_about_entry(const model::Report& report) {
    return report.before != 0 || report.after != 0 ||
           (report.event.changes_entry() && report.entry != 0);
}

bool has_level(const model::CheckerConfig& config, const model::Report& report) {
    return report.level >= config.geometry.initial_level() && report.level <= page_level;
}

std::string entry_words(const model::CheckerConfig& config, const model::Report& report) {
    std::string text = fmt::format("  entry {:#x}", report.entry);
    if (!is_about_entry(report) || report.rule == model::Rule::tlbi_operand ||
        report.rule == model::Rule::tlbi_wrong_vmid || report.rule == model::Rule::root_changed) {
        return report.entry == 0 ? "" : fmt::format("  at {:#x}\n", report.entry);
    }
    if (!has_level(config, report)) {
        return text + '\n';
    }
    text += fmt::format(" of level {}, IPA {:#x}\n", report.level, report.ipa);
    const TableInUse table = table_of(config);
    Columns values{{Align::left, Align::left, Align::left}};
    values.add({"before", fmt::format("{:#018x}", report.before),
                decode_descriptor(report.before, table, report.level).summary});
    values.add({"now", fmt::format("{:#018x}", report.after),
                decode_descriptor(report.after, table, report.level).summary});
    return text + values.text(4);
}

std::string violation_text(const model::CheckerConfig& config, const Violation& violation) {
    const model::Report& report = violation.report;
    std::string text =
        fmt::format("\nline {}: {}\n  {}: {}\n", violation.line, event_words(report.event),
                    to_string(report.rule), rule_words(report.rule));
    if (report.cause != model::Cause::none) {
        text += fmt::format("  {}: {}\n", to_string(report.cause), cause_words(report.cause));
    }
    text += entry_words(config, report);
    if (!violation.history.empty()) {
        text += "  history\n";
        Columns events{{Align::right, Align::left}};
        for (const TraceEvent& event : violation.history) {
            events.add({fmt::format("{}", event.line), event_words(event.event)});
        }
        text += events.text(4);
    }
    return text;
}

nlohmann::ordered_json violation_json(const Violation& violation) {
    const model::Report& report = violation.report;
    auto history = nlohmann::ordered_json::array();
    for (const TraceEvent& event : violation.history) {
        history.push_back({{"line", event.line}, {"event", event_words(event.event)}});
    }
    return {{"line", violation.line},
            {"event", event_words(report.event)},
            {"rule", to_string(report.rule)},
            {"words", rule_words(report.rule)},
            {"cause", to_string(report.cause)},
            {"cause_words", cause_words(report.cause)},
            {"level", report.level},
            {"ipa", fmt::format("{:#x}", report.ipa)},
            {"entry", fmt::format("{:#x}", report.entry)},
            {"before", fmt::format("{:#018x}", report.before)},
            {"after", fmt::format("{:#018x}", report.after)},
            {"history", history}};
}

} // namespace

std::string check_text(const std::string& name, const TraceCheck& check) {
    const Geometry& geometry = check.config.geometry;
    std::string text =
        fmt::format("{}: {}, {} granule, {}-bit IPA, VMID {}: {}\n", printable(name),
                    counted(check.events, "event"), granule_words(geometry.granule()),
                    geometry.ipa_bits(), check.config.vmid,
                    check.count == 0 ? "nothing is wrong" : counted(check.count, "violation"));
    for (const Violation& violation : check.violations) {
        text += violation_text(check.config, violation);
    }
    if (check.count > check.violations.size()) {
        text += fmt::format("\nand {}\n",
                            counted(check.count - check.violations.size(), "more violation"));
    }
    if (check.count > 1) {
        text += "\nby rule\n";
        Columns rules{{Align::right, Align::left}};
        for (unsigned rule = 0; rule < model::rule_count; ++rule) {
            if (check.by_rule[rule] != 0) {
                rules.add({fmt::format("{}", check.by_rule[rule]),
                           to_string(static_cast<model::Rule>(rule))});
            }
        }
        text += rules.text(2);
    }
    if (check.in_tlb != 0) {
        text += fmt::format("note: at the end a TLB may still have {} of entries\n",
                            counted(check.in_tlb, "old value"));
    }
    for (const std::string& note : check.notes) {
        text += "note: " + printable(note) + '\n';
    }
    return text;
}

nlohmann::ordered_json check_json(const std::string& name, const TraceCheck& check) {
    nlohmann::ordered_json by_rule = nlohmann::ordered_json::object();
    for (unsigned rule = 0; rule < model::rule_count; ++rule) {
        if (check.by_rule[rule] != 0) {
            by_rule[to_string(static_cast<model::Rule>(rule))] = check.by_rule[rule];
        }
    }
    auto reports = nlohmann::ordered_json::array();
    for (const Violation& violation : check.violations) {
        reports.push_back(violation_json(violation));
    }
    std::vector<std::string> notes;
    for (const std::string& note : check.notes) {
        notes.push_back(printable(note));
    }
    return {{"trace", printable(name)},
            {"events", check.events},
            {"violations", check.count},
            {"by_rule", by_rule},
            {"reports", reports},
            {"left_in_tlb", check.in_tlb},
            {"notes", notes},
            {"error", check.error ? nlohmann::ordered_json(printable(*check.error))
                                  : nlohmann::ordered_json()}};
}

} // namespace twofold::tool
