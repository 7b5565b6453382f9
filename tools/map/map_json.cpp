// SPDX-License-Identifier: MIT
// A map as JSON; docs/tool.md describes the shape.
#include "tools/map/map_words.hpp"
#include "tools/walk/leaf_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }
std::string register_hex(std::uint64_t value) { return fmt::format("{:#018x}", value); }

std::string_view kind_name(TreeEntryKind kind) {
    switch (kind) {
    case TreeEntryKind::leaf:
        return "leaf";
    case TreeEntryKind::hole:
        return "hole";
    case TreeEntryKind::invalid:
        return "invalid";
    case TreeEntryKind::reserved:
        return "reserved";
    case TreeEntryKind::unread:
        return "unread";
    case TreeEntryKind::out_of_range:
        return "out_of_range";
    case TreeEntryKind::again:
        return "again";
    }
    return "";
}

Json part_json(const MapSum::Part& part) {
    return {{"bytes", part.bytes}, {"entries", part.entries}};
}

} // namespace

std::string map_json_head(const Regime& regime) {
    const Geometry& geometry = *regime.geometry();
    const Json json{
        {"cpu", regime.cpu()},
        {"vtcr", register_hex(regime.config().vtcr)},
        {"vttbr", register_hex(regime.config().vttbr)},
        {"hcr", register_hex(regime.config().hcr)},
        {"granule", geometry.page_size()},
        {"ipa_bits", geometry.ipa_bits()},
        {"pa_bits", geometry.pa_bits()},
        {"lpa2", geometry.lpa2()},
        {"initial_level", geometry.initial_level()},
        {"root", {{"pa", hex(regime.root().value)}, {"tables", geometry.root_tables()}}}};
    std::string text = json.dump();
    text.pop_back();
    return text + ",\"runs\":[";
}

std::string map_run_json(const Regime& regime, const MapRun& run) {
    Json json{{"ipa", hex(run.ipa.value)},
              {"size", run.size},
              {"level", run.level},
              {"entries", run.entries},
              {"kind", kind_name(run.kind)}};
    switch (run.kind) {
    case TreeEntryKind::leaf:
        json["pa"] = hex(run.pa.value);
        json["contiguous"] = run.contiguous;
        json["in_range"] = run.in_range;
        json["attributes"] = attributes_json(regime.attributes(run.descriptor, run.level));
        break;
    case TreeEntryKind::invalid:
    case TreeEntryKind::reserved:
    case TreeEntryKind::out_of_range:
        json["descriptor"] = register_hex(run.descriptor.value);
        break;
    case TreeEntryKind::again:
        json["same_as"] = hex(run.same_as.value);
        break;
    case TreeEntryKind::hole:
    case TreeEntryKind::unread:
        break;
    }
    return json.dump();
}

std::string map_json_tail(const Regime& regime, const TreeReport& report, const MapSum& sum,
                          const MapOutcome& outcome) {
    const Geometry& geometry = *regime.geometry();
    Json mapped = Json::array();
    for (const auto& [level, part] : sum.leaves) {
        const auto contiguous = sum.contiguous.find(level);
        mapped.push_back({{"size", geometry.entry_size(level)},
                          {"level", level},
                          {"bytes", part.bytes},
                          {"entries", part.entries},
                          {"contiguous_bytes",
                           contiguous == sum.contiguous.end() ? 0 : contiguous->second.bytes}});
    }
    Json others = Json::object();
    for (const auto& [kind, part] : sum.others) {
        others[std::string{kind_name(kind)}] = part_json(part);
    }
    const Json json{{"mapped", mapped},
                    {"others", others},
                    {"tables", report.tables},
                    {"broken_contiguous_runs", sum.broken_contiguous},
                    {"misplaced_contiguous_leaves", sum.misplaced_contiguous},
                    {"complete", outcome.complete},
                    {"notes", outcome.notes}};
    return "]," + json.dump().substr(1);
}

} // namespace twofold::tool
