// SPDX-License-Identifier: MIT
// Records as events. What happened within a slice was for its sake, and says so.
#include "tools/trace/trace_events.hpp"

#include "tools/cpu/known_cpu.hpp"
#include "tools/decode/decode.hpp"
#include "tools/text/list.hpp"
#include "tools/text/printable.hpp"
#include "tools/text/size.hpp"

#include <twofold/arch/vtcr_geometry.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

// As the manual writes it, with the shareability that it has.
std::string tlbi_name(const TraceRecord::Tlbi& tlbi) {
    const std::string_view kind = [&]() -> std::string_view {
        switch (tlbi.kind) {
        case TlbiKind::ipas2:
            return tlbi.last_level ? "IPAS2LE1" : "IPAS2E1";
        case TlbiKind::ripas2:
            return tlbi.last_level ? "RIPAS2LE1" : "RIPAS2E1";
        case TlbiKind::vmalle1:
            return "VMALLE1";
        case TlbiKind::vmalls12:
            return "VMALLS12E1";
        }
        return "";
    }();
    return fmt::format("TLBI {}{}{}", kind,
                       tlbi.scope == InvalidationScope::inner_shareable ? "IS" : "",
                       tlbi.nxs ? "nXS" : "");
}

std::string fault_name(const TraceRecord& record, const TraceRecord::Fault& fault) {
    constexpr std::array access = {"read", "write", "fetch"};
    const std::string_view what = access[static_cast<std::size_t>(fault.access)];
    if (fault.outcome != Outcome::resume) {
        return fmt::format("{}: {}", what, to_string(fault.outcome));
    }
    if (record.size == 0 || fault.action == FaultAction::nothing ||
        fault.action == FaultAction::lost_race) {
        return fmt::format("{}: {}", what, to_string(fault.action));
    }
    return fmt::format("{}: {}, {}", what, to_string(fault.action), size_words(record.size));
}

// The list of events, as it is written.
class EventList {
public:
    explicit EventList(std::ostream& stream) : stream_{stream} {
        stream_ << R"({"displayTimeUnit":"ns","traceEvents":[)";
    }
    void put(const Json& event) {
        stream_ << (std::exchange(first_, false) ? "\n" : ",\n") << event.dump();
    }
    void finish(const Json& other) { stream_ << "\n],\"otherData\":" << other.dump() << "}\n"; }

private:
    std::ostream& stream_;
    bool first_ = true;
};

// Those of one guest, which has the number `process`.
class Events {
public:
    Events(const TraceHeader& header, std::uint64_t origin, std::size_t process, EventList& list)
        : header_{header},
          origin_{origin},
          process_{process},
          geometry_{geometry_of(features_, Vtcr{header.vtcr})},
          list_{list},
          waiting_(header.cpus) {}

    void begin(const std::string& guest) {
        list_.put({{"name", "process_name"},
                   {"ph", "M"},
                   {"pid", process_},
                   {"args", {{"name", "stage 2 of guest " + guest}}}});
        for (std::uint32_t cpu = 0; cpu < header_.cpus; ++cpu) {
            list_.put({{"name", "thread_name"},
                       {"ph", "M"},
                       {"pid", process_},
                       {"tid", cpu},
                       {"args", {{"name", fmt::format("CPU {}", cpu)}}}});
        }
    }
    void add(const TraceRecord& record) {
        switch (record.kind) {
        case TraceKind::fault:
            return add_fault(record);
        case TraceKind::work:
            return add_slice(record, "work",
                             printable(std::string{record.get<TraceRecord::Work>().text()}),
                             Json::object());
        case TraceKind::tlbi:
            return wait(record, tlbi(record.get<TraceRecord::Tlbi>()));
        case TraceKind::split:
        case TraceKind::collapse:
        case TraceKind::run_marked:
        case TraceKind::run_unmarked:
            return wait(record, size_change(record));
        case TraceKind::end:
            return;
        }
    }
    void finish() {
        for (auto& cpu : waiting_) {
            let_go(cpu, nullptr);
        }
    }

private:
    // Enough for what one piece of work can do; of more, the first do not learn what they were for.
    static constexpr std::size_t most_waiting = 100'000;

    struct Waiting {
        std::uint64_t tick = 0;
        Json event;
    };

    double microseconds(std::uint64_t ticks) const {
        return static_cast<double>(ticks) * 1e6 / static_cast<double>(header_.frequency);
    }
    Json event(const TraceRecord& record, const char* phase, const char* category,
               const std::string& name) const {
        // Nothing happens before the guest begins.
        const std::uint64_t since = record.begin - std::min(record.begin, origin_);
        return {{"name", name},    {"cat", category},   {"ph", phase},
                {"pid", process_}, {"tid", record.cpu}, {"ts", microseconds(since)}};
    }
    void add_slice(const TraceRecord& record, const char* category, const std::string& name,
                   Json arguments) {
        Json slice = event(record, "X", category, name);
        slice["dur"] = microseconds(record.end - record.begin);
        slice["args"] = std::move(arguments);
        auto& waiting = waiting_[record.cpu];
        std::vector<Waiting> inside;
        while (!waiting.empty() && waiting.back().tick >= record.begin) {
            inside.push_back(std::move(waiting.back()));
            waiting.pop_back();
        }
        let_go(waiting, nullptr);
        list_.put(slice);
        std::ranges::reverse(inside);
        let_go(inside, name);
    }
    void add_fault(const TraceRecord& record) {
        const auto fault = record.get<TraceRecord::Fault>();
        constexpr std::uint64_t unknown = ~std::uint64_t{0};
        const bool mapped = record.size != 0;
        Json arguments = {
            {"ipa", record.ipa == unknown ? Json{} : Json(hex(record.ipa))},
            {"pa", fault.pa == unknown ? Json{} : Json(hex(fault.pa))},
            {"pc", hex(fault.pc)},
            {"fault", to_string(fault.kind)},
            {"outcome", to_string(fault.outcome)},
            {"action", to_string(fault.action)},
            {"size", mapped ? Json(record.size) : Json{}},
            {"limited_by", mapped ? Json(to_string(fault.limited_by)) : Json{}},
            {"pages_around", fault.pages_around},
        };
        add_slice(record, fault.outcome == Outcome::mmio ? "mmio" : "fault",
                  fault_name(record, fault), std::move(arguments));
    }
    std::pair<std::string, Json> tlbi(const TraceRecord::Tlbi& tlbi) const {
        Json arguments = Json::object();
        const bool by_ipa = tlbi.kind == TlbiKind::ipas2;
        if (by_ipa || tlbi.kind == TlbiKind::ripas2) {
            arguments["operand"] = hex(tlbi.operand);
            if (geometry_) {
                arguments["covers"] =
                    decode_tlbi_operand(tlbi.operand,
                                        by_ipa ? TlbiOperandKind::ipas2 : TlbiOperandKind::ripas2,
                                        features_, *geometry_)
                        .summary;
            }
        }
        return {tlbi_name(tlbi), std::move(arguments)};
    }
    static std::pair<std::string, Json> size_change(const TraceRecord& record) {
        const std::uint64_t leaf = record.get<TraceRecord::Size>().leaf;
        const std::string size = size_words(record.size);
        const std::string leaves = size_words(leaf);
        const std::string name = [&] {
            switch (record.kind) {
            case TraceKind::split:
                return fmt::format("split of {} into {}", size, leaves);
            case TraceKind::collapse:
                return fmt::format("collapse of {} to {}", leaves, size);
            case TraceKind::run_marked:
                return fmt::format("run of {} marked", size);
            default:
                return fmt::format("run of {} unmarked", size);
            }
        }();
        return {name, Json{{"ipa", hex(record.ipa)}, {"size", record.size}, {"leaf", leaf}}};
    }
    // A mark, which belongs to the slice that ends next on its CPU, if that began before it.
    void wait(const TraceRecord& record, std::pair<std::string, Json> what) {
        Json mark =
            event(record, "i", record.kind == TraceKind::tlbi ? "tlbi" : "size", what.first);
        mark["s"] = "t";
        mark["args"] = std::move(what.second);
        auto& waiting = waiting_[record.cpu];
        if (waiting.size() == most_waiting) {
            let_go(waiting, nullptr);
        }
        waiting.push_back({record.begin, std::move(mark)});
    }
    void let_go(std::vector<Waiting>& marks, const Json& because) {
        for (Waiting& mark : marks) {
            mark.event["args"]["because"] = because;
            list_.put(mark.event);
        }
        marks.clear();
    }

    const TraceHeader& header_;
    std::uint64_t origin_;
    std::size_t process_;
    // What the CPU has beyond this does not matter to what an operand covers.
    CpuFeatures features_ = CpuFeatures::from(known_cpus().front().registers);
    std::expected<Geometry, Error> geometry_;
    EventList& list_;
    std::vector<std::vector<Waiting>> waiting_; // by CPU
};

void write_guest(GuestTrace& trace, Events& events, TraceSummary& summary) {
    events.begin(trace.guest);
    while (const auto record = trace.file.next()) {
        if (record->kind == TraceKind::end) {
            summary.dropped += record->get<TraceRecord::End>().dropped;
            break;
        }
        ++summary.written[static_cast<std::size_t>(record->kind)];
        events.add(*record);
    }
    if (summary.why_over.empty()) {
        summary.why_over = trace.file.why_over();
    }
    events.finish();
}

} // namespace

std::uint64_t TraceSummary::events() const {
    return std::accumulate(written.begin(), written.end(), std::uint64_t{0});
}

TraceSummary write_trace_events(std::vector<GuestTrace>& traces, std::ostream& stream) {
    const auto origin_of = [](const GuestTrace& trace) { return trace.file.header().origin; };
    const std::uint64_t origin = origin_of(*std::ranges::min_element(traces, {}, origin_of));
    TraceSummary summary;
    EventList list{stream};
    for (std::size_t i = 0; i < traces.size(); ++i) {
        Events events{traces[i].file.header(), origin, i + 1, list};
        write_guest(traces[i], events, summary);
    }
    const TraceHeader& header = traces.front().file.header();
    list.finish({{"events", summary.events()},
                 {"left_out", summary.dropped},
                 {"incomplete", summary.why_over.empty() ? Json{} : Json(summary.why_over)},
                 {"ticks_per_second", header.frequency},
                 {"vtcr", hex(header.vtcr)}});
    return summary;
}

std::string trace_words(const TraceSummary& summary, const std::string& file) {
    const auto count = [&](TraceKind kind) {
        return summary.written[static_cast<std::size_t>(kind)];
    };
    std::string words = fmt::format(
        "trace: {} in {}: {}, {}, {}, {}", counted(summary.events(), "event"), file,
        counted(count(TraceKind::fault), "fault"), counted(count(TraceKind::tlbi), "TLBI"),
        counted(count(TraceKind::split), "split"), counted(count(TraceKind::collapse), "collapse"));
    if (summary.dropped != 0) {
        words += fmt::format("; {} more left out: --trace-limit", summary.dropped);
    }
    if (!summary.why_over.empty()) {
        words += "; " + summary.why_over;
    }
    return words + '\n';
}

} // namespace twofold::tool
