// SPDX-License-Identifier: MIT
// TraceReplay: the lines of a trace, taken to a checker with the memory that they describe.
#pragma once

#include "sparse_memory.hpp"

#include <twofold/model/checker.hpp>
#include <twofold/model/trace.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::model::testing {

class TraceReplay {
public:
    // The first line that is not one of a trace, or nothing if all of it was understood.
    std::optional<std::string> run(const std::vector<std::string>& lines) {
        for (const std::string& line : lines) {
            if (!checker_) {
                const auto config = config_of(line);
                if (!config) {
                    return line;
                }
                checker_.emplace(*config, MemoryRef{memory_}, arena_, ReportRef{*this});
                continue;
            }
            const auto event = event_of(line);
            if (!event) {
                return line;
            }
            apply(*event);
            checker_->on(*event);
        }
        return std::nullopt;
    }

    const std::vector<Report>& reports() const { return reports_; }
    const Checker& checker() const { return *checker_; }
    void operator()(const Report& report) { reports_.push_back(report); }

private:
    void apply(const Event& event) {
        if (event.changes_entry()) {
            memory_.set(event.address, event.after);
        } else if (event.kind == EventKind::allocate) {
            for (std::uint64_t at = 0; at < event.after; at += 8) {
                memory_.set(event.address + at, 0);
            }
        }
    }

    SparseMemory memory_ = {};
    std::vector<std::byte> arena_ = std::vector<std::byte>(4 << 20);
    std::vector<Report> reports_ = {};
    std::optional<Checker> checker_ = {};
};

} // namespace twofold::model::testing
