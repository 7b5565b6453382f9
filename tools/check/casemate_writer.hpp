// SPDX-License-Identifier: MIT
// CasemateWriter: events as casemate's s-expressions, where it has words for them.
#pragma once

#include "tools/check/trace_source.hpp"

#include <twofold/model/checker_config.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace twofold::tool {

class CasemateWriter {
public:
    // `name`: of the trace, for (src "name:line").
    CasemateWriter(const model::CheckerConfig& config, std::string name);

    // Why casemate cannot check such a table at all.
    static std::optional<std::string> refusal(const model::CheckerConfig& config);

    // Lines for the event; none where casemate need not know of it. Empty if it has no word for it:
    // error() says which.
    std::optional<std::string> write(const TraceEvent& event);
    // What ends the trace.
    std::string finish();
    const std::string& error() const { return error_; }

private:
    std::optional<std::string> store(const model::Event& event);
    std::optional<std::string> tables(const model::Event& event);
    std::optional<std::string> barrier(const model::Event& event);
    std::optional<std::string> tlbi(const model::Event& event);
    std::string context(const model::Event& event);
    std::string take_lock(unsigned cpu);
    std::optional<std::string> refuse(std::string_view what);
    // (name (id N) (tid T) BODY (src ...))
    std::string line(std::string_view name, unsigned cpu, std::string_view body);
    std::string own_table(std::uint64_t address, unsigned cpu);

    model::CheckerConfig config_;
    std::string name_;
    std::string error_;
    std::size_t source_line_ = 0;
    std::uint64_t id_ = 0;
    std::optional<std::uint64_t> root_;
    std::vector<std::uint64_t> without_owner_; // tables that came before the root is known
    std::set<std::uint64_t> pages_;            // every table page that there was
    std::optional<unsigned> lock_holder_;
    bool stored_ = false; // under this lock, since its last DSB
};

} // namespace twofold::tool
