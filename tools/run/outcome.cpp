// SPDX-License-Identifier: MIT
// The judgement of a run.
#include "tools/run/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>

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

// Empty if it powered itself off, or is not known.
std::string why_ended(const Report& report, std::string_view name, std::string_view otherwise) {
    if (!report.guest || report.guest->state == "powered off") {
        return "";
    }
    return fmt::format("{} ended as \"{}\": {}", name, report.guest->state,
                       report.guest->reason.empty() ? otherwise : report.guest->reason);
}

// Of several guests: those that did not power themselves off. The machine's last words may be about
// another one.
std::string which_failed(const Report& report) {
    if (report.others.empty()) {
        return "";
    }
    std::string which;
    const auto add = [&which](const Report& one) {
        const std::string name = one.guest ? "guest " + one.guest->name : "";
        const std::string why = why_ended(one, name, "no reason is known");
        which += (which.empty() || why.empty() ? "" : "; ") + why;
    };
    add(report);
    std::ranges::for_each(report.others, add);
    return which;
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
    if (report) {
        if (std::string which = which_failed(*report); !which.empty()) {
            return which;
        }
    }
    if (session.status != 0) {
        return fmt::format("QEMU ended with status {}: {}", session.status, last_words(session));
    }
    if (!report) {
        return fmt::format("{} (the hypervisor's last words: {})", report.error(),
                           last_words(session));
    }
    return why_ended(*report, "the guest", last_words(session));
}

} // namespace twofold::tool
