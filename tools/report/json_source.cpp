// SPDX-License-Identifier: MIT
// Telling documents apart, and reading those that have a map. What has another form than
// docs/tool.md says is an exception of the JSON library, which add_document() catches.
#include "tools/report/json_source.hpp"

#include "tools/report/json_fields.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

Result<bool> add_map(const Json& json, const std::string& owner, RunsByOwner& runs,
                     const std::string& name, ReportData& data) {
    auto space = make_space(json, "granule", name);
    if (!space) {
        return Failure{space.error()};
    }
    (*space).notes = texts_at(json, "notes");
    add_space(std::move(*space), runs[owner], data);
    return true;
}

Result<bool> add_attach(const Json& json, RunsByOwner& runs, const std::string& name,
                        ReportData& data) {
    if (const auto place = json.find("stopped_seconds"); place != json.end()) {
        add_fact(data, "the machine was stopped for",
                 fmt::format("{:.3f} s", place->get<double>()));
    }
    data.sources.back().notes = texts_at(json, "notes");
    std::size_t number = 0;
    for (const Json& stage2 : json.at("stage2")) {
        const std::size_t index = number++;
        if (stage2.contains("walk")) {
            return Failure{"expected the JSON of `attach map`, not of `attach walk`"};
        }
        const Json cpus = list_at(stage2, "cpus");
        std::string words = fmt::format("VMID {}", number_at(stage2, "vmid").value_or(0));
        std::string separator = cpus.size() == 1 ? " on CPU " : " on CPUs ";
        for (const Json& cpu : cpus) {
            words += separator + std::to_string(cpu.get<std::uint64_t>());
            separator = ", ";
        }
        if (const std::string error = text_at(stage2, "error"); !error.empty()) {
            data.sources.back().notes.push_back(fmt::format("{}: {}", words, error));
            continue;
        }
        auto added = add_map(stage2.at("map"), fmt::format("stage2/{}/map", index), runs,
                             fmt::format("{}: {}", name, words), data);
        if (!added) {
            return added;
        }
    }
    return true;
}

Result<bool> add_any(const Json& json, RunsByOwner& runs, const std::string& name,
                     ReportData& data) {
    const auto is = [&json](auto... keys) { return (json.contains(keys) && ...); };
    const auto begin = [&](const char* what) {
        data.sources.push_back({.name = name, .what = what});
    };
    if (is("stage2", "cpus")) {
        begin("twofold attach");
        return add_attach(json, runs, name, data);
    }
    if (is("vtcr", "vttbr", "granule")) {
        begin("twofold map");
        return add_map(json, "", runs, name, data);
    }
    if (is("tables", "traces")) {
        begin("twofold kvm");
        data.sources.back().notes = texts_at(json, "notes");
        add_kvm_document(json, data);
        return true;
    }
    if (is("table") && (is("slots") || is("fault", "mapping"))) {
        begin("twofold explain");
        return add_explanation(json, runs, name, data);
    }
    if (is("version") && (is("guest") || is("geometry") || is("mappings") || is("faults"))) {
        begin("twofold run");
        return add_hypervisors_report(json, runs, name, data);
    }
    return Failure{"expected the JSON of twofold run, map, attach map, kvm or explain"};
}

} // namespace

Result<bool> add_document(const Json& document, RunsByOwner& runs, const std::string& name,
                          ReportData& data) {
    try {
        return add_any(document, runs, name, data);
    } catch (const Json::exception& error) {
        return Failure{
            fmt::format("its JSON has another form than docs/tool.md says: {}", error.what())};
    }
}

} // namespace twofold::tool
