// SPDX-License-Identifier: MIT
// TraceCheck: a trace under model::Checker, and what it found.
#pragma once

#include "tools/check/trace_source.hpp"

#include <twofold/model/report.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct Violation {
    model::Report report; // its history is in `history`, with lines
    std::size_t line = 0;
    // What has touched the entry, and the barriers and TLBIs around it. Oldest first.
    std::vector<TraceEvent> history;
};

struct CheckLimits {
    std::size_t shown = 20;               // violations that are kept; all are counted
    std::size_t checker_bytes = 64 << 20; // for the checker's memory
    // Of loads, and of steps over what a TLB may have: a hostile trace makes each event slow.
    std::uint64_t work = std::uint64_t{1} << 28;
    std::size_t words = 1 << 24;   // of table memory that have been written
    std::size_t entries = 1 << 20; // whose changes are remembered
};

struct TraceCheck {
    model::CheckerConfig config;
    std::uint64_t events = 0;
    std::uint64_t count = 0; // of violations
    std::array<std::uint64_t, model::rule_count> by_rule = {};
    std::vector<Violation> violations; // the first ones
    std::uint64_t in_tlb = 0;          // old values that a TLB may have at the end
    std::vector<std::string> notes;
    std::optional<std::string> error; // why it ends before the trace does

    bool good() const { return count == 0 && !error; }
};

// The source has been started.
TraceCheck check_trace(TraceSource& source, const CheckLimits& limits);

std::string check_text(const std::string& name, const TraceCheck& check);

// {"trace": "FILE", "events": ..., "violations": ..., "by_rule": {"remade_too_early": 1},
//  "reports": [{"line": 8, "event": "0 publish ...", "rule": "remade_too_early", "words": "...",
//               "cause": "no_dsb_after_vmalle1", "cause_words": "...", "level": 3, "ipa": "0x...",
//               "entry": "0x...", "before": "0x...", "after": "0x...",
//               "history": [{"line": 2, "event": "..."}, ...]}, ...],
//  "left_in_tlb": 0, "notes": ["..."], "error": null}
nlohmann::ordered_json check_json(const std::string& name, const TraceCheck& check);

} // namespace twofold::tool
