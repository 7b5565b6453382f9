// SPDX-License-Identifier: MIT
// What `twofold explain` says, as data, text and JSON.
#pragma once

#include "tools/explain/advice.hpp"
#include "tools/explain/scenario.hpp"
#include "tools/explain/slot_runs.hpp"

#include <nlohmann/json.hpp>

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct FaultExplanation {
    Ipa ipa = {};
    GuestSlot slot;
    std::optional<MappingRequest> request; // without it there is no memory there
    std::expected<ChosenMapping, LimitedBy> chosen;
    std::vector<SizeLimit> limits; // the largest first
};

// Empty where there is no slot.
std::optional<FaultExplanation> explain_fault(const Scenario& scenario, Ipa ipa);
std::string fault_text(const Scenario& scenario, const FaultExplanation& fault);
// {"table": {"granule": 4096, "ipa_bits": 40, "pa_bits": 48, "lpa2": false, "initial_level": 1},
//  "fault": "0x...", "slot": {"ipa": "0x...", "bytes": ..., "pa": "0x..."},
//  "mapping": {"ipa": "0x...", "pa": "0x...", "bytes": ..., "contiguous_bytes": ...,
//              "limited_by": "slot start"},   null where nothing can be mapped
//  "sizes": [{"bytes": ..., "possible": false, "reason": "misalignment", "wanted": "0x...",
//             "allowed": "0x...", "words": "..."}, ...]}
nlohmann::ordered_json fault_json(const Scenario& scenario, const FaultExplanation& fault);

struct SlotExplanation {
    GuestSlot slot;
    SlotRuns runs;
    std::vector<Advice> advice;
};

struct SlotsExplanation {
    std::vector<SlotExplanation> slots;
    std::uint64_t tables_below_root = 0;
    std::uint64_t table_bytes = 0; // with the root

    // Something in a slot cannot be mapped at all.
    bool is_complete() const;
};

SlotsExplanation explain_slots(const Scenario& scenario);
std::string slots_text(const Scenario& scenario, const SlotsExplanation& slots);
// {"table": as above,
//  "slots": [{"ipa": "0x...", "bytes": ..., "pa": "0x...", "runs": [{"ipa": "0x...", "bytes": ...,
//             "pa": "0x...", "mapping_bytes": ..., "backed": true, "reason": "slot start",
//             "words": "..."}, ...], "runs_left_out": 0,
//             "totals": [{"mapping_bytes": ..., "bytes": ..., "mappings": ...}, ...],
//             "advice": [{"mapping_bytes": ..., "steps": ["..."], "bytes_before": ...,
//                         "bytes_after": ...}, ...]}, ...],
//  "tables": {"below_root": ..., "bytes": ...}}
nlohmann::ordered_json slots_json(const Scenario& scenario, const SlotsExplanation& slots);

} // namespace twofold::tool
