// SPDX-License-Identifier: MIT
// Explanations as JSON.
#include "tools/explain/explain.hpp"
#include "tools/explain/limit_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

Json table_json(const Geometry& geometry) {
    return {{"granule", geometry.page_size()},
            {"ipa_bits", geometry.ipa_bits()},
            {"pa_bits", geometry.pa_bits()},
            {"lpa2", geometry.lpa2()},
            {"initial_level", geometry.initial_level()}};
}

Json slot_json(const GuestSlot& slot) {
    return {{"ipa", hex(slot.range.start.value)},
            {"bytes", slot.range.length},
            {"pa", slot.pa ? Json(hex(slot.pa->value)) : Json()}};
}

Json limit_json(const Geometry& geometry, const SizeLimit& limit) {
    return {{"bytes", limit.size},
            {"possible", limit.reason == LimitedBy::nothing},
            {"reason", to_string(limit.reason)},
            {"wanted", hex(limit.wanted)},
            {"allowed", hex(limit.allowed)},
            {"words", limit_words(geometry, limit)}};
}

Json run_json(const Geometry& geometry, const MappedRun& run) {
    return {{"ipa", hex(run.ipa.value)},
            {"bytes", run.length},
            {"pa", run.size != 0 ? Json(hex(run.pa.value)) : Json()},
            {"mapping_bytes", run.size},
            {"backed", run.backed},
            {"reason", to_string(run.limit.reason)},
            {"words", run.backed ? limit_words(geometry, run.limit) : "there is no memory"}};
}

Json advice_json(const Advice& advice) {
    return {{"mapping_bytes", advice.size},
            {"steps", advice.steps},
            {"bytes_before", advice.bytes_before},
            {"bytes_after", advice.bytes_after}};
}

} // namespace

nlohmann::ordered_json fault_json(const Scenario& scenario, const FaultExplanation& fault) {
    Json sizes = Json::array();
    for (const SizeLimit& limit : fault.limits) {
        sizes.push_back(limit_json(scenario.geometry, limit));
    }
    Json mapping;
    if (fault.chosen) {
        mapping = {{"ipa", hex(fault.chosen->ipa.value)},
                   {"pa", hex(fault.chosen->pa.value)},
                   {"bytes", fault.chosen->size},
                   {"contiguous_bytes", fault.chosen->contiguous},
                   {"limited_by", to_string(fault.chosen->limited_by)}};
    }
    return {{"table", table_json(scenario.geometry)},
            {"fault", hex(fault.ipa.value)},
            {"slot", slot_json(fault.slot)},
            {"mapping", mapping},
            {"sizes", sizes}};
}

nlohmann::ordered_json slots_json(const Scenario& scenario, const SlotsExplanation& slots) {
    Json all = Json::array();
    for (const SlotExplanation& one : slots.slots) {
        Json slot = slot_json(one.slot);
        Json runs = Json::array();
        for (const MappedRun& run : one.runs.runs) {
            runs.push_back(run_json(scenario.geometry, run));
        }
        Json totals = Json::array();
        for (const auto& [size, reasons] : one.runs.bytes) {
            const std::uint64_t bytes = one.runs.bytes_of(size);
            totals.push_back({{"mapping_bytes", size},
                              {"bytes", bytes},
                              {"mappings", size != 0 ? bytes / size : 0}});
        }
        Json advice = Json::array();
        for (const Advice& piece : one.advice) {
            advice.push_back(advice_json(piece));
        }
        slot["runs"] = runs;
        slot["runs_left_out"] = one.runs.left_out;
        slot["totals"] = totals;
        slot["advice"] = advice;
        all.push_back(slot);
    }
    return {{"table", table_json(scenario.geometry)},
            {"slots", all},
            {"tables", {{"below_root", slots.tables_below_root}, {"bytes", slots.table_bytes}}}};
}

} // namespace twofold::tool
