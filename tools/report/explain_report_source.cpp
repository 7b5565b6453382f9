// SPDX-License-Identifier: MIT
// What an explanation has for a page: slots as faults would map them, or one such fault.
#include "tools/report/json_fields.hpp"
#include "tools/report/json_source.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

// The level whose entries are of a size.
std::optional<Level> level_of(Granule granule, std::uint64_t bytes) {
    for (Level level = page_level; level >= -1; --level) {
        if (bytes == std::uint64_t{1} << level_shift(granule, level)) {
            return level;
        }
    }
    return std::nullopt;
}

} // namespace

Result<bool> add_explanation(const Json& json, RunsByOwner& runs, const std::string& name,
                             ReportData& data) {
    auto space = make_space(json.at("table"), "granule", name + ": as faults would map it");
    if (!space) {
        return Failure{space.error()};
    }
    SpaceRuns& all = runs["slots"];
    if (json.contains("fault")) { // of one address
        const Json& mapping = json.at("mapping");
        if (!mapping.is_null()) {
            Json run{{"ipa", mapping.at("ipa")},
                     {"pa", mapping.at("pa")},
                     {"bytes", mapping.at("bytes")},
                     {"mapping_bytes", mapping.at("bytes")},
                     {"reason", mapping.at("limited_by")}};
            add_run(all, run);
        }
        add_fact(data, "a fault at", text_at(json, "fault"));
    } else {
        for (const Json& slot : json.at("slots")) {
            if (const auto left = number_at(slot, "runs_left_out").value_or(0); left != 0) {
                (*space).notes.push_back(fmt::format("slot {}: {} behind the first ones are not in "
                                                     "the input",
                                                     text_at(slot, "ipa"), counted(left, "run")));
            }
            for (const Json& advice : list_at(slot, "advice")) {
                const auto size = number_at(advice, "mapping_bytes").value_or(0);
                const auto steps = texts_at(advice, "steps");
                (*space).notes.push_back(fmt::format("slot {}: for {}: {}", text_at(slot, "ipa"),
                                                     size_words(size), fmt::join(steps, ", and ")));
            }
        }
    }
    add_space(std::move(*space), all, data);
    ReportSpace& added = data.spaces.back();
    for (RunKind& kind : added.kinds) {
        kind.level = kind.is_leaf() ? level_of(added.granule, kind.entry_bytes) : std::nullopt;
    }
    for (MappedSize& size : data.mapped.back().sizes) {
        size.level = level_of(added.granule, size.bytes);
    }
    ReasonSums sums;
    for (const ReportRun& run : added.runs) {
        const RunKind& kind = added.kinds[run.kind];
        if (!kind.reason.empty()) {
            sums.add(kind.is_leaf() ? kind.entry_bytes : 0, kind.reason, run.bytes);
        }
    }
    sums.add_to(data, name, true);
    return true;
}

} // namespace twofold::tool
