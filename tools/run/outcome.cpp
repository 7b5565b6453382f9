// SPDX-License-Identifier: MIT
// The judgement of a run.
#include "tools/run/outcome.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

// The most telling words there are.
std::string last_words(const SessionResult& session) {
    if (std::string reason = session.console.reason(); !reason.empty()) {
        return reason;
    }
    if (std::string error = session.errors.last_line(); !error.empty()) {
        return error;
    }
    return "nothing was said";
}

} // namespace

std::string why_failed(const SessionResult& session, const Result<Report>& report,
                       unsigned timeout_seconds) {
    switch (session.end) {
    case SessionEnd::timed_out:
        return fmt::format("the guest did not end within {} s", timeout_seconds);
    case SessionEnd::interrupted:
        return "interrupted";
    case SessionEnd::unheard:
        return "the output was closed";
    case SessionEnd::killed:
        return fmt::format("QEMU was ended by signal {}", session.status);
    case SessionEnd::exited:
        break;
    }
    if (session.status != 0) {
        return fmt::format("QEMU ended with status {}: {}", session.status, last_words(session));
    }
    if (!report) {
        return fmt::format("{} (the hypervisor's last words: {})", report.error(),
                           last_words(session));
    }
    if (report->guest && report->guest->state != "powered off") {
        return fmt::format("the guest ended as \"{}\": {}", report->guest->state,
                           report->guest->reason.empty() ? last_words(session)
                                                         : report->guest->reason);
    }
    return "";
}

} // namespace twofold::tool
