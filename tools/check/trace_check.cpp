// SPDX-License-Identifier: MIT
// Running a trace through the checker.
#include "tools/check/trace_check.hpp"

#include "tools/check/trace_memory.hpp"

#include <twofold/model/checker.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace twofold::tool {

namespace {

using model::Event;
using model::EventKind;

class Run {
public:
    Run(const model::CheckerConfig& config, const CheckLimits& limits)
        : limits_{limits},
          arena_(limits.checker_bytes),
          result_{.config = config, .violations = {}, .notes = {}, .error = {}},
          checker_{config, model::MemoryRef{memory_}, arena_, model::ReportRef{*this}} {}
    Run(const Run&) = delete;

    void take(const TraceEvent& event) {
        lines_[(checker_.events() + 1) % lines_.size()] = event.line;
        now_ = event;
        apply(event);
        checker_.on(event.event);
        work_ += cost(event.event);
    }
    bool exhausted() const {
        return work_ + memory_.loads() > limits_.work || memory_.words() > limits_.words;
    }

    TraceCheck finish(const TraceSource& source) {
        result_.events = checker_.events();
        result_.count = checker_.reports();
        for (unsigned rule = 0; rule < model::rule_count; ++rule) {
            result_.by_rule[rule] = checker_.reports(static_cast<model::Rule>(rule));
        }
        result_.in_tlb = checker_.old_values();
        result_.notes = source.notes();
        result_.error = source.error();
        if (contradictions_ != 0) {
            result_.notes.push_back(fmt::format(
                "{} of the events say that something else was there than the events before left; "
                "the first is in line {}",
                contradictions_, contradiction_));
        }
        if (!result_.error && exhausted()) {
            result_.error = fmt::format("line {}: given up, the tables of this trace take too long "
                                        "to follow",
                                        now_.line);
        }
        return std::move(result_);
    }

    void operator()(const model::Report& report) {
        if (result_.violations.size() == limits_.shown) {
            return;
        }
        Violation violation{.report = report, .line = now_.line, .history = {}};
        if (const auto changes = changes_.find(report.entry); changes != changes_.end()) {
            violation.history = changes->second;
        }
        for (const model::NumberedEvent& numbered : report.history) {
            const std::size_t line = lines_[numbered.number % lines_.size()];
            if (std::ranges::find(violation.history, line, &TraceEvent::line) ==
                violation.history.end()) {
                violation.history.push_back({numbered.event, line});
            }
        }
        std::ranges::stable_sort(violation.history, {}, &TraceEvent::line);
        result_.violations.push_back(std::move(violation));
    }

private:
    static constexpr std::size_t kept_changes = 4; // of each entry

    void apply(const TraceEvent& event) {
        const Event& e = event.event;
        if (e.changes_entry()) {
            const auto known = memory_.known(e.address);
            if (known && *known != e.before) {
                contradiction_ = contradictions_ == 0 ? event.line : contradiction_;
                ++contradictions_;
            }
            memory_.set(e.address, e.after);
            if (changes_.size() == limits_.entries && !changes_.contains(e.address)) {
                return; // the checker's own, shorter memory has to do
            }
            std::vector<TraceEvent>& changes = changes_[e.address];
            if (changes.size() == kept_changes) {
                changes.erase(changes.begin());
            }
            changes.push_back(event);
        } else if (e.kind == EventKind::allocate) {
            memory_.clear(e.address, e.after);
        }
    }

    // How far the checker looks for an event, beside what it loads.
    std::uint64_t cost(const Event& event) const {
        switch (event.kind) {
        case EventKind::barrier:
        case EventKind::tlbi:
        case EventKind::settled:
        case EventKind::all_done:
            return 1 + checker_.old_values();
        case EventKind::allocate:
        case EventKind::free:
        case EventKind::retire:
            return 1 + event.after / granule_bytes(result_.config.geometry.granule());
        case EventKind::teardown:
            return 1 + checker_.pages();
        default:
            return 1;
        }
    }

    const CheckLimits& limits_;
    TraceMemory memory_;
    std::vector<std::byte> arena_;
    TraceCheck result_;
    TraceEvent now_;
    std::array<std::size_t, 256> lines_ = {}; // more than the checker looks back
    std::unordered_map<std::uint64_t, std::vector<TraceEvent>> changes_; // the last ones, by entry
    std::uint64_t contradictions_ = 0;
    std::size_t contradiction_ = 0;
    std::uint64_t work_ = 0;
    model::Checker checker_;
};

} // namespace

TraceCheck check_trace(TraceSource& source, const CheckLimits& limits) {
    Run run{source.config(), limits};
    while (!run.exhausted()) {
        const auto event = source.next();
        if (!event) {
            break;
        }
        run.take(*event);
    }
    return run.finish(source);
}

} // namespace twofold::tool
