// SPDX-License-Identifier: MIT
// A trace of the hypervisor as a trace-event file, which Perfetto and chrome://tracing open.
#pragma once

#include "tools/trace/trace_file.hpp"

#include <array>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace twofold::tool {

struct GuestTrace {
    std::string guest; // its name
    TraceFile file;
};

struct TraceSummary {
    std::array<std::uint64_t, trace_kind_count> written{}; // by TraceKind
    std::uint64_t dropped = 0;                             // by the hypervisor, for want of room
    std::string why_over;                                  // empty: the trace is complete

    std::uint64_t events() const;
};

// A slice for each fault and each piece of work, a mark for each TLBI and change of a size, on one
// track for each CPU, those of a guest in a group of their own. Times are microseconds since the
// first of them began. There is one trace at least. Of the stream's state the caller is to make
// sure.
TraceSummary write_trace_events(std::vector<GuestTrace>& traces, std::ostream& stream);

// "12345 events in FILE: ..."
std::string trace_words(const TraceSummary& summary, const std::string& file);

} // namespace twofold::tool
