// SPDX-License-Identifier: MIT
// A table of faults as text and as JSON.
#include "tools/kvm/kvm_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string_view access_name(const FaultRowKey& key) {
    switch (key.access) {
    case AccessKind::read:
        return "read";
    case AccessKind::write:
        return "write";
    case AccessKind::fetch:
        return "fetch";
    }
    return "";
}

std::string time_words(double seconds) {
    if (seconds >= 1) {
        return fmt::format("{:.2f} s", seconds);
    }
    return seconds >= 1e-3 ? fmt::format("{:.2f} ms", seconds * 1e3)
                           : fmt::format("{:.0f} us", seconds * 1e6);
}

std::string rate_words(std::uint64_t count, double seconds) {
    return seconds > 0 ? fmt::format("{:.1f}/s", static_cast<double>(count) / seconds) : "";
}

std::string regions_words(const FaultRow& row) {
    return fmt::format("{}{}", row.regions_bounded ? "more than " : "", row.regions.size());
}

std::string rows_text(const FaultTrace& trace, Granule granule) {
    Columns table{{Align::left, Align::left, Align::left, Align::right, Align::right, Align::right,
                   Align::right, Align::right, Align::right}};
    table.add({"fault", "access", "", "region", "faults", "rate", "regions", "mean", "longest"});
    for (const auto& [key, row] : trace.rows) {
        const auto region = region_bytes(key, granule);
        table.add({fmt::format("{}{}", to_string(key.kind),
                               key.level ? fmt::format(", level {}", *key.level) : ""),
                   std::string{access_name(key)},
                   key.device        ? "emulated"
                   : key.stage1_walk ? "of a stage-1 table"
                                     : "",
                   region ? size_words(*region) : "", fmt::format("{}", row.count),
                   rate_words(row.count, trace.duration()), regions_words(row),
                   row.timed == 0 ? "" : time_words(row.seconds / static_cast<double>(row.timed)),
                   row.timed == 0 ? "" : time_words(row.longest)});
    }
    return table.text(2);
}

std::vector<std::string> trace_notes(const FaultTrace& trace) {
    std::vector<std::string> notes;
    if (trace.lost != 0) {
        notes.push_back(
            fmt::format("the kernel lost {}: counts are too small", counted(trace.lost, "event")));
    }
    if (trace.unreadable != 0) {
        notes.push_back(
            fmt::format("lines of kvm_guest_fault that cannot be read: {}, the first is "
                        "line {}",
                        trace.unreadable, trace.first_unreadable));
    }
    if (!trace.clock_is_seconds) {
        notes.emplace_back("the clock of the trace does not count seconds: there are no rates");
    }
    if (trace.backwards != 0) {
        notes.push_back(
            fmt::format("faults that are older than the one above them: {}", trace.backwards));
    }
    return notes;
}

} // namespace

std::string trace_text(const NamedTrace& named, Granule granule) {
    const FaultTrace& trace = named.trace;
    std::string text = fmt::format("{}: {}", named.name, counted(trace.faults, "fault"));
    if (trace.duration() > 0) {
        text += fmt::format(" in {}, {}", time_words(trace.duration()),
                            rate_words(trace.faults, trace.duration()));
    }
    text += fmt::format(" ({} in the trace)\n", counted(trace.events, "event"));
    if (trace.faults != 0) {
        text += rows_text(trace, granule);
        Columns tasks{{Align::left, Align::right}};
        for (const auto& [number, thread] : trace.threads) {
            tasks.add({thread.name, counted(thread.faults, "fault")});
        }
        if (trace.other_threads != 0) {
            tasks.add({"other threads", counted(trace.other_threads, "fault")});
        }
        text += "  by thread\n" + tasks.text(4);
    }
    for (const std::string& note : trace_notes(trace)) {
        text += "  note: " + note + '\n';
    }
    return text;
}

nlohmann::ordered_json trace_json(const NamedTrace& named, Granule granule) {
    const FaultTrace& trace = named.trace;
    Json rows = Json::array();
    for (const auto& [key, row] : trace.rows) {
        const auto region = region_bytes(key, granule);
        rows.push_back(
            {{"kind", to_string(key.kind)},
             {"level", key.level ? Json(*key.level) : Json()},
             {"access", access_name(key)},
             {"stage1_walk", key.stage1_walk},
             {"emulated", key.device},
             {"region_bytes", region ? Json(*region) : Json()},
             {"faults", row.count},
             {"rate", trace.duration() > 0 ? Json(static_cast<double>(row.count) / trace.duration())
                                           : Json()},
             {"regions", row.regions.size()},
             {"regions_exact", !row.regions_bounded},
             {"timed", row.timed},
             {"mean_seconds",
              row.timed == 0 ? Json() : Json(row.seconds / static_cast<double>(row.timed))},
             {"longest_seconds", row.timed == 0 ? Json() : Json(row.longest)}});
    }
    Json threads = Json::array();
    for (const auto& [number, thread] : trace.threads) {
        threads.push_back({{"thread", thread.name}, {"faults", thread.faults}});
    }
    return {{"name", named.name},
            {"faults", trace.faults},
            {"events", trace.events},
            {"seconds", trace.clock_is_seconds && trace.first ? Json(trace.duration()) : Json()},
            {"rows", rows},
            {"by_thread", threads},
            {"other_threads", trace.other_threads},
            {"lost_events", trace.lost},
            {"unreadable_lines", trace.unreadable},
            {"notes", trace_notes(trace)}};
}

} // namespace twofold::tool
