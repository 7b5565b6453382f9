// SPDX-License-Identifier: MIT
// KVM's tables as JSON; docs/tool.md describes the shape.
#include "tools/kvm/kvm_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

Json amount_json(const KvmAmount& amount) {
    return {{"bytes", amount.bytes}, {"runs", amount.runs}};
}

std::string_view columns_name(KvmColumns columns) {
    switch (columns) {
    case KvmColumns::x_inverted:
        return "x_inverted";
    case KvmColumns::nx:
        return "nx";
    case KvmColumns::px_ux:
        return "px_ux";
    case KvmColumns::unknown:
        break;
    }
    return "unknown";
}

template <class Number>
Json or_null(const std::optional<Number>& number) {
    return number ? Json(*number) : Json();
}

Json figures_json(const KvmFigures& figures) {
    Json mapped = Json::array();
    for (const auto& [level, bytes] : figures.mapped) {
        mapped.push_back({{"level", level}, {"size", figures.size_of(level)}, {"bytes", bytes}});
    }
    Json larger = Json::array();
    for (const KvmLarger& piece : figures.larger) {
        larger.push_back({{"level", piece.level},
                          {"size", piece.size},
                          {"complete_uniform", piece.uniform},
                          {"complete_mixed", piece.mixed},
                          {"partial", piece.partial},
                          {"partial_mapped_bytes", piece.partial_mapped_bytes}});
    }
    Json permissions = Json::object();
    for (const auto& [words, amount] : figures.permissions) {
        permissions[words] = amount_json(amount);
    }
    return {{"mapped_bytes", figures.mapped_bytes},
            {"mapped", mapped},
            {"larger", larger},
            {"holes", amount_json(figures.holes)},
            {"largest_hole_bytes", figures.largest_hole.bytes},
            {"permissions", permissions},
            {"states",
             {{"writable_executable", amount_json(figures.writable_executable)},
              {"write_only", amount_json(figures.write_only)},
              {"inaccessible", amount_json(figures.inaccessible)},
              {"not_accessed", amount_json(figures.not_accessed)},
              {"invalid", amount_json(figures.invalid)},
              {"impossible", amount_json(figures.impossible)}}},
            {"unknown_from", fmt::format("{:#x}", figures.unknown_from)}};
}

Json defects_json(const KvmTableReport& report) {
    Json defects = Json::object();
    for (const auto& [defect, counted] : report.table->dump.defects) {
        defects[std::string{defect_name(defect)}] = {{"count", counted.count},
                                                     {"first_line", counted.first_line}};
    }
    if (report.figures.misaligned_runs != 0) {
        defects[std::string{defect_name(KvmDefect::misaligned)}] = {
            {"count", report.figures.misaligned_runs}, {"first_line", 0}};
    }
    return defects;
}

Json table_json(const KvmTableReport& report) {
    const KvmDump& dump = report.table->dump;
    Json json{{"vm", report.table->vm},
              {"nested", report.table->nested.empty() ? Json() : Json(report.table->nested)},
              {"ipa_bits", or_null(dump.ipa_bits)},
              {"levels", or_null(dump.levels)},
              {"granule", granule_bytes(report.figures.granule)},
              {"granule_certain", report.figures.granule_certain},
              {"columns", columns_name(dump.columns)},
              {"page_tables", dump.has_pages ? figures_json(report.figures) : Json()},
              {"statistics", Json(dump.statistics)},
              {"defects", defects_json(report)},
              {"notes", dump_notes(report)}};
    if (report.change) {
        json["change"] = change_json(*report.change);
    }
    return json;
}

} // namespace

nlohmann::ordered_json kvm_json(const KvmReport& report) {
    Json tables = Json::array();
    for (const KvmTableReport& table : report.tables) {
        tables.push_back(table_json(table));
    }
    Json traces = Json::array();
    for (const NamedTrace& trace : *report.traces) {
        traces.push_back(trace_json(trace, report.trace_granule));
    }
    Json json{{"tables", tables}, {"traces", traces}, {"notes", report.notes}};
    if (report.compared) {
        json["gone"] = report.gone;
    }
    return json;
}

} // namespace twofold::tool
