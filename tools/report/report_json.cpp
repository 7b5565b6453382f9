// SPDX-License-Identifier: MIT
// The data of a page as JSON. Runs are rows of numbers: there may be hundreds of thousands.
#include "tools/report/report_data.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

template <class Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json();
}

Json source_json(const ReportSource& source) {
    Json facts = Json::array();
    for (const ReportSource::Fact& fact : source.facts) {
        facts.push_back({{"name", fact.name}, {"value", fact.value}});
    }
    return {
        {"name", source.name}, {"what", source.what}, {"facts", facts}, {"notes", source.notes}};
}

// From the level at which walks start, where it is known, and else from the highest one that has
// more than one entry.
Json levels_json(const ReportSpace& space) {
    Json levels = Json::array();
    for (Level level = space.initial_level.value_or(-1); level <= page_level; ++level) {
        const unsigned shift = level_shift(space.granule, level);
        if (!space.initial_level && shift >= space.ipa_bits) {
            continue;
        }
        levels.push_back({{"level", level}, {"entry_bytes", std::uint64_t{1} << shift}});
    }
    return levels;
}

Json kind_json(const RunKind& kind) {
    return {{"kind", kind.kind},
            {"level", or_null(kind.level)},
            {"entry_bytes", kind.entry_bytes},
            {"contiguous", kind.contiguous},
            {"permissions", or_null(kind.permissions)},
            {"type", or_null(kind.type)},
            {"shareability", or_null(kind.shareability)},
            {"young", or_null(kind.young)},
            {"reason", or_null(kind.reason)},
            {"words", or_null(kind.words)}};
}

std::string space_json(const ReportSpace& space) {
    Json kinds = Json::array();
    for (const RunKind& kind : space.kinds) {
        kinds.push_back(kind_json(kind));
    }
    const Json head{{"source", space.source},
                    {"name", space.name},
                    {"granule", granule_bytes(space.granule)},
                    {"granule_certain", space.granule_certain},
                    {"ipa_bits", space.ipa_bits},
                    {"ipa_bits_certain", space.ipa_bits_certain},
                    {"pa_bits", or_null(space.pa_bits)},
                    {"levels", levels_json(space)},
                    {"kinds", kinds},
                    {"runs_left_out", space.runs_left_out},
                    {"notes", space.notes},
                    {"skipped", space.skipped}};
    std::string text = text_of(head);
    text.pop_back();
    text += ",\"runs\":[";
    const char* separator = "";
    for (const ReportRun& run : space.runs) {
        fmt::format_to(std::back_inserter(text), "{}[{},{},", separator, run.ipa, run.bytes);
        text += run.pa ? std::to_string(*run.pa) : "null";
        fmt::format_to(std::back_inserter(text), ",{}]", run.kind);
        separator = ",";
    }
    return text + "]}";
}

Json mapped_json(const ReportMapped& mapped) {
    Json sizes = Json::array();
    for (const MappedSize& size : mapped.sizes) {
        sizes.push_back({{"bytes", size.bytes},
                         {"level", or_null(size.level)},
                         {"mapped_bytes", size.mapped_bytes},
                         {"entries", size.entries},
                         {"contiguous_bytes", size.contiguous_bytes}});
    }
    return {{"source", mapped.source}, {"name", mapped.name}, {"sizes", sizes}};
}

Json faults_json(const ReportFaults& faults) {
    Json kinds = Json::array();
    for (const ReportFaults::Kind& kind : faults.kinds) {
        kinds.push_back({{"kind", kind.kind}, {"faults", kind.faults}});
    }
    Json sizes = Json::array();
    for (const ReportFaults::Size& size : faults.sizes) {
        sizes.push_back({{"bytes", size.bytes}, {"faults", size.faults}});
    }
    return {{"source", faults.source},
            {"name", faults.name},
            {"kinds", kinds},
            {"sizes_of", faults.by_region ? "region" : "mapping"},
            {"sizes", sizes}};
}

Json reasons_json(const ReportReasons& reasons) {
    Json rows = Json::array();
    for (const ReportReasons::Row& row : reasons.rows) {
        rows.push_back({{"bytes", row.bytes}, {"reason", row.reason}, {"amount", row.amount}});
    }
    return {{"source", reasons.source},
            {"name", reasons.name},
            {"unit", reasons.in_bytes ? "bytes" : "mappings"},
            {"rows", rows}};
}

template <class Values, class Make>
Json list_json(const Values& values, Make make) {
    Json list = Json::array();
    for (const auto& value : values) {
        list.push_back(make(value));
    }
    return list;
}

} // namespace

std::string report_json(const ReportData& data) {
    const Json json{{"version", 1},
                    {"sources", list_json(data.sources, source_json)},
                    {"mapped", list_json(data.mapped, mapped_json)},
                    {"faults", list_json(data.faults, faults_json)},
                    {"reasons", list_json(data.reasons, reasons_json)}};
    std::string text = text_of(json);
    text.pop_back();
    text += ",\"spaces\":[";
    const char* separator = "\n";
    for (const ReportSpace& space : data.spaces) {
        text += separator + space_json(space);
        separator = ",\n";
    }
    return text + "]}";
}

} // namespace twofold::tool
