// SPDX-License-Identifier: MIT
// Faults and slots, explained.
#include "tools/explain/explain.hpp"

#include "tools/explain/limit_words.hpp"

#include <algorithm>

namespace twofold::tool {

std::optional<FaultExplanation> explain_fault(const Scenario& scenario, Ipa ipa) {
    const GuestSlot* const slot = scenario.slot_at(ipa);
    if (slot == nullptr) {
        return std::nullopt;
    }
    FaultExplanation fault{.ipa = ipa,
                           .slot = *slot,
                           .request = scenario.request(*slot, ipa),
                           .chosen = std::unexpected(LimitedBy::nothing),
                           .limits = {}};
    if (fault.request) {
        fault.chosen = choose_mapping(scenario.geometry, *fault.request);
        fault.limits = all_limits(scenario.geometry, *fault.request);
    }
    return fault;
}

SlotsExplanation explain_slots(const Scenario& scenario) {
    SlotsExplanation all;
    TableCounter tables{scenario.geometry};
    for (std::size_t i = 0; i < scenario.slots.size(); ++i) {
        SlotExplanation one{.slot = scenario.slots[i],
                            .runs = find_runs(scenario, scenario.slots[i], tables),
                            .advice = {}};
        one.advice = advise(scenario, i, one.runs);
        all.slots.push_back(std::move(one));
    }
    all.tables_below_root = tables.tables_below_root();
    all.table_bytes = tables.bytes();
    return all;
}

bool SlotsExplanation::is_complete() const {
    return std::ranges::all_of(
        slots, [](const SlotExplanation& one) { return one.runs.bytes_of(0) == 0; });
}

} // namespace twofold::tool
