// SPDX-License-Identifier: MIT
// TraceSource: the events of a trace one after the other, whatever it is written in.
#pragma once

#include "tools/check/trace_lines.hpp"
#include "tools/result.hpp"

#include <twofold/model/checker_config.hpp>
#include <twofold/model/event.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twofold::tool {

struct TraceEvent {
    model::Event event = {};
    std::size_t line = 0;
};

class TraceSource {
public:
    virtual ~TraceSource() = default;
    TraceSource(const TraceSource&) = delete;
    TraceSource& operator=(const TraceSource&) = delete;

    // Only after a successful start().
    const model::CheckerConfig& config() const { return *config_; }
    // What has to be known before the first event; a reason if it cannot be.
    virtual std::optional<std::string> start() = 0;
    // Empty at the end, and where something is no event: error() says so then.
    virtual std::optional<TraceEvent> next() = 0;

    const std::optional<std::string>& error() const { return error_; }
    // What was left out, and other things to know.
    virtual std::vector<std::string> notes() const = 0;

protected:
    TraceSource() = default;
    void set_config(const model::CheckerConfig& config) { config_ = config; }
    void fail(std::string reason) { error_ = std::move(reason); }

private:
    std::optional<model::CheckerConfig> config_;
    std::optional<std::string> error_;
};

// docs/trace-format.md
std::unique_ptr<TraceSource> make_twofold_source(LineReader::Read read);

// The s-expressions of casemate. `vmid`: whose table is looked at; the first that is used, if none
// is given.
std::unique_ptr<TraceSource> make_casemate_source(LineReader::Read read,
                                                  std::optional<unsigned> vmid);

// Why an event makes no sense to a checker, whatever it does to the table.
std::optional<std::string> event_defect(const model::Event& event);

} // namespace twofold::tool
