// SPDX-License-Identifier: MIT
// What all documents have: runs, shapes of tables, facts.
#include "tools/report/json_fields.hpp"
#include "tools/report/json_source.hpp"
#include "tools/text/number.hpp"
#include "tools/walk/leaf_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

} // namespace

void add_run(SpaceRuns& runs, const Json& json) {
    ReportRun run{.ipa = address_at(json, "ipa").value_or(~std::uint64_t{0}),
                  .pa = address_at(json, "pa")};
    RunKind kind;
    if (const auto size = number_at(json, "mapping_bytes")) { // of an explanation
        run.bytes = json.at("bytes").get<std::uint64_t>();
        kind.entry_bytes = *size;
        kind.reason = text_at(json, "reason");
        kind.words = text_at(json, "words");
        if (*size == 0) {
            kind.kind = json.value("backed", true) ? "unmappable" : "unbacked";
        }
        runs.add(run, std::move(kind));
        return;
    }
    run.bytes = json.at("size").get<std::uint64_t>();
    kind.kind = text_at(json, "kind");
    kind.level = level_at(json, "level");
    const std::uint64_t entries = number_at(json, "entries").value_or(1);
    kind.entry_bytes = entries != 0 ? run.bytes / entries : 0;
    kind.contiguous = json.value("contiguous", false);
    if (const auto place = json.find("attributes"); place != json.end() && !place->is_null()) {
        kind.permissions = permission_words({.read = place->value("read", false),
                                             .write = place->value("write", false),
                                             .execute_el1 = place->value("execute_el1", false),
                                             .execute_el0 = place->value("execute_el0", false)});
        kind.type = text_at(*place, "type");
        kind.shareability = text_at(*place, "shareability");
        if (const auto flag = place->find("access_flag"); flag != place->end()) {
            kind.young = flag->get<bool>();
        }
        kind.words = place->value("dbm", false) ? "DBM: hardware may note writes" : "";
    }
    if (!json.value("in_range", true)) {
        kind.words = "its address is beyond the output size: each access faults";
    }
    if (const std::string descriptor = text_at(json, "descriptor"); !descriptor.empty()) {
        kind.words = "descriptor " + descriptor;
    }
    if (const std::string first = text_at(json, "same_as"); !first.empty()) {
        kind.words = "the table that is told at IPA " + first;
    }
    runs.add(run, std::move(kind));
}

Result<ReportSpace> make_space(const Json& table, const char* granule_key, std::string name) {
    const auto granule_bytes = number_at(table, granule_key);
    const auto granule =
        granule_bytes ? parse_granule(std::to_string(*granule_bytes)) : std::nullopt;
    const auto ipa_bits = number_at(table, "ipa_bits");
    if (!granule || !ipa_bits || *ipa_bits < granule_bits(*granule) ||
        *ipa_bits > most_address_bits) {
        return Failure{fmt::format("expected {} of 4096, 16384 or 65536, and ipa_bits up to {}",
                                   granule_key, most_address_bits)};
    }
    ReportSpace space{.name = std::move(name),
                      .granule = *granule,
                      .ipa_bits = static_cast<unsigned>(*ipa_bits),
                      .initial_level = level_at(table, "initial_level")};
    if (const auto pa_bits = number_at(table, "pa_bits"); pa_bits && *pa_bits <= 64) {
        space.pa_bits = static_cast<unsigned>(*pa_bits);
    }
    return space;
}

void add_space(ReportSpace space, SpaceRuns& runs, ReportData& data) {
    space.source = data.sources.size() - 1;
    data.mapped.push_back(runs.finish(space));
    data.spaces.push_back(std::move(space));
}

void add_fact(ReportData& data, std::string name, std::string value) {
    if (!value.empty()) {
        data.sources.back().facts.push_back({std::move(name), std::move(value)});
    }
}

void ReasonSums::add_to(ReportData& data, const std::string& name, bool in_bytes) const {
    ReportReasons reasons{.source = data.sources.size() - 1, .name = name, .in_bytes = in_bytes};
    for (const auto& [key, amount] : sums_) {
        reasons.rows.push_back({key.first, key.second, amount});
    }
    if (!reasons.rows.empty()) {
        data.reasons.push_back(std::move(reasons));
    }
}

} // namespace twofold::tool
