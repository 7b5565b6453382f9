// SPDX-License-Identifier: MIT
// Outcome: how a run ended, judged from QEMU and the report.
#pragma once

#include "tools/run/report.hpp"
#include "tools/run/session.hpp"

#include <string>

namespace twofold::tool {

// Empty if every guest powered itself off and the report came; else why not, in one line.
std::string why_failed(const SessionResult& session, const Result<Report>& report,
                       unsigned timeout_seconds);

} // namespace twofold::tool
