// SPDX-License-Identifier: MIT
// SpaceRuns: the runs of one address space as they are read, in whatever order and however wrong.
#pragma once

#include "tools/report/report_data.hpp"

#include <map>

namespace twofold::tool {

class SpaceRuns {
public:
    explicit SpaceRuns(std::uint64_t limit = most_report_runs) : limit_{limit} {}

    void add(ReportRun run, RunKind kind);
    // Puts what makes sense into the space, by address, and says what was skipped; returns how
    // much is mapped, by size.
    ReportMapped finish(ReportSpace& space);
    // The first address behind all runs.
    std::uint64_t end() const { return end_; }

private:
    static bool makes_sense(const ReportRun& run, const RunKind& kind);

    std::uint64_t limit_;
    std::map<RunKind, std::uint32_t> kinds_;
    std::vector<ReportRun> runs_;
    std::map<RunKind, std::uint64_t> bytes_beyond_; // of leaves beyond the limit
    std::uint64_t left_out_ = 0;
    std::uint64_t senseless_ = 0;
    std::uint64_t end_ = 0;
};

} // namespace twofold::tool
