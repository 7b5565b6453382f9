// SPDX-License-Identifier: MIT
// What `twofold kvm` has for a page: sizes of tables, and faults of traces; no addresses.
#include "tools/report/json_fields.hpp"
#include "tools/report/json_source.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

void add_kvm_table(const Json& table, ReportData& data) {
    const std::size_t source = data.sources.size() - 1;
    const Json& pages = table.at("page_tables");
    if (pages.is_null()) {
        return;
    }
    const std::string nested = text_at(table, "nested");
    ReportMapped mapped{.source = source,
                        .name = text_at(table, "vm") + (nested.empty() ? "" : "/nested/" + nested)};
    for (const Json& size : pages.at("mapped")) {
        const std::uint64_t bytes = number_at(size, "size").value_or(0);
        const std::uint64_t sum = number_at(size, "bytes").value_or(0);
        mapped.sizes.push_back({.level = level_at(size, "level"),
                                .bytes = bytes,
                                .mapped_bytes = sum,
                                .entries = bytes != 0 ? sum / bytes : 0});
    }
    std::ranges::sort(mapped.sizes, std::greater<>{}, &MappedSize::bytes);
    for (const std::string& note : texts_at(table, "notes")) {
        data.sources[source].notes.push_back(mapped.name + ": " + note);
    }
    data.mapped.push_back(std::move(mapped));
}

void add_kvm_trace(const Json& trace, ReportData& data) {
    const std::size_t source = data.sources.size() - 1;
    ReportFaults faults{.source = source, .name = text_at(trace, "name"), .by_region = true};
    std::map<std::string, std::uint64_t> kinds;
    std::map<std::uint64_t, std::uint64_t, std::greater<>> sizes;
    for (const Json& row : trace.at("rows")) {
        const std::uint64_t count = number_at(row, "faults").value_or(0);
        const auto level = level_at(row, "level");
        const bool emulated = row.value("emulated", false);
        kinds[text_at(row, "kind") + (level ? fmt::format(", level {}", *level) : "") + ", " +
              text_at(row, "access") + (emulated ? ", emulated" : "")] += count;
        if (const auto region = number_at(row, "region_bytes")) {
            sizes[*region] += count;
        }
    }
    for (const auto& [kind, count] : kinds) {
        faults.kinds.push_back({kind, count});
    }
    std::ranges::stable_sort(faults.kinds, std::greater<>{}, &ReportFaults::Kind::faults);
    for (const auto& [bytes, count] : sizes) {
        faults.sizes.push_back({bytes, count});
    }
    for (const std::string& note : texts_at(trace, "notes")) {
        data.sources[source].notes.push_back(faults.name + ": " + note);
    }
    if (!faults.kinds.empty()) {
        data.faults.push_back(std::move(faults));
    }
}

} // namespace

void add_kvm_document(const Json& json, ReportData& data) {
    for (const Json& table : json.at("tables")) {
        add_kvm_table(table, data);
    }
    for (const Json& trace : json.at("traces")) {
        add_kvm_trace(trace, data);
    }
}

} // namespace twofold::tool
