// SPDX-License-Identifier: MIT
// Parsing of traces.
#include "tools/kvm/trace_parser.hpp"

#include "tools/text/printable.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>

namespace twofold::tool {

namespace {

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// The hexadecimal number behind a word and a space.
std::optional<std::uint64_t> hex_after(std::string_view text, std::string_view word) {
    const std::size_t at = text.find(word);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(at + word.size());
    if (!text.starts_with(" 0x")) {
        return std::nullopt;
    }
    text.remove_prefix(3);
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc{} ? std::optional{value} : std::nullopt;
}

std::optional<std::uint64_t> decimal(std::string_view text) {
    std::uint64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && rest != text.data() ? std::optional{value} : std::nullopt;
}

// "0.735455"; without a point it is no number of seconds.
std::optional<double> seconds(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    const bool point = text.find('.') != std::string_view::npos;
    return error == std::errc{} && rest == end && point ? std::optional{value} : std::nullopt;
}

} // namespace

std::optional<std::uint64_t> region_bytes(const FaultRowKey& key, Granule granule) {
    return key.level && *key.level >= -1 && *key.level <= page_level
               ? std::optional{std::uint64_t{1} << level_shift(granule, *key.level)}
               : std::nullopt;
}

// TASK-PID [CPU] FLAGS TIME: NAME: REST; perf puts "kvm:" before the name.
std::optional<TraceParser::Event> TraceParser::parse_event(std::string_view text) {
    const std::size_t open = text.find('[');
    const std::size_t close = text.find(']', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) {
        return std::nullopt;
    }
    Event event{.task = trimmed(text.substr(0, open)),
                .cpu = text.substr(open + 1, close - open - 1),
                .time = {},
                .name = {},
                .rest = text.substr(close + 1)};
    const std::size_t colon = event.rest.find(": ");
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view before = event.rest.substr(0, colon);
    event.time = seconds(before.substr(before.find_last_of(" \t") + 1));
    event.rest = trimmed(event.rest.substr(colon + 1));
    const std::size_t end = event.rest.find(':');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    event.name = event.rest.substr(0, end);
    event.rest.remove_prefix(end + 1);
    if (event.name == "kvm") {
        const std::size_t next = event.rest.find(':');
        if (next == std::string_view::npos) {
            return std::nullopt;
        }
        event.name = event.rest.substr(0, next);
        event.rest.remove_prefix(next + 1);
    }
    return event;
}

// What ftrace says about itself.
bool TraceParser::take_comment(std::string_view text) {
    constexpr std::string_view entries = "entries-in-buffer/entries-written:";
    if (const std::size_t at = text.find(entries); at != std::string_view::npos) {
        const std::string_view numbers = trimmed(text.substr(at + entries.size()));
        const std::size_t slash = numbers.find('/');
        const auto there = decimal(numbers);
        const auto written =
            slash == std::string_view::npos ? std::nullopt : decimal(numbers.substr(slash + 1));
        if (there && written && *written > *there) {
            trace_.lost += *written - *there;
        }
    }
    if (const std::size_t at = text.find("[LOST "); at != std::string_view::npos) {
        trace_.lost += decimal(text.substr(at + 6)).value_or(0);
        return true;
    }
    return text.starts_with('#');
}

std::string TraceParser::thread_of(std::string_view task) {
    const std::size_t last = task.find_last_not_of("0123456789");
    const std::string_view number = task.substr(last == std::string_view::npos ? 0 : last + 1);
    return printable(number.empty() ? task : number);
}

void TraceParser::count_task(const std::string& thread, std::string_view task) {
    auto found = trace_.threads.find(thread);
    if (found == trace_.threads.end()) {
        if (trace_.threads.size() == most_threads) {
            ++trace_.other_threads;
            return;
        }
        found = trace_.threads.emplace(thread, FaultTrace::Thread{}).first;
    }
    ++found->second.faults;
    if (found->second.name.empty() || !task.starts_with("<...>")) {
        found->second.name = printable(task);
    }
}

void TraceParser::close(const Open& open, std::optional<double> end) {
    FaultRow& row = trace_.rows[open.key];
    ++row.count;
    if (trace_.regions < most_regions) {
        trace_.regions += row.regions.insert(open.region).second ? 1 : 0;
    } else {
        row.regions_bounded = row.regions_bounded || !row.regions.contains(open.region);
    }
    if (open.time && end && *end >= *open.time) {
        ++row.timed;
        row.seconds += *end - *open.time;
        row.longest = std::max(row.longest, *end - *open.time);
    }
}

void TraceParser::take_fault(const Event& event, std::size_t line) {
    const auto ipa = hex_after(event.rest, "ipa");
    const auto hsr = hex_after(event.rest, "hsr");
    const auto far = hex_after(event.rest, "hxfar");
    const auto abort = ipa && hsr
                           ? Abort::decode(*hsr, hpfar::fipa::of(*ipa >> 12), far.value_or(0))
                           : std::nullopt;
    if (!abort) {
        if (trace_.unreadable++ == 0) {
            trace_.first_unreadable = line;
        }
        return;
    }
    ++trace_.faults;
    const std::string thread = thread_of(event.task);
    count_task(thread, event.task);
    if (event.time) {
        trace_.backwards += trace_.last && *event.time < *trace_.last ? 1 : 0;
        trace_.first = std::min(trace_.first.value_or(*event.time), *event.time);
        trace_.last = std::max(trace_.last.value_or(*event.time), *event.time);
    } else {
        trace_.clock_is_seconds = false;
    }
    const FaultRowKey key{.kind = abort->status.kind,
                          .access = abort->access(),
                          .stage1_walk = abort->s1ptw,
                          .level = abort->status.level,
                          .device = false};
    const Open open{key, align_down(*ipa, region_bytes(key, granule_).value_or(1)), event.time};
    if (const auto found = open_.find(thread); found != open_.end()) {
        close(found->second, std::nullopt);
        found->second = open;
    } else if (open_.size() < most_threads) {
        open_.emplace(thread, open);
    } else {
        close(open, std::nullopt);
    }
}

bool TraceParser::take(const TextLine& line) {
    if (take_comment(line.text)) {
        return true;
    }
    const auto event = parse_event(line.text);
    if (!event) {
        return false;
    }
    ++trace_.events;
    if (event->name == "kvm_guest_fault") {
        if (line.cut) {
            ++trace_.unreadable;
        } else {
            take_fault(*event, line.number);
        }
        return true;
    }
    const auto found = open_.find(thread_of(event->task));
    if (found != open_.end()) {
        if (event->name == "kvm_mmio") {
            found->second.key.device = true;
        } else if (event->name == "kvm_entry") {
            close(found->second, event->time);
            open_.erase(found);
        }
    }
    return true;
}

void TraceParser::finish() {
    for (const auto& [thread, open] : open_) {
        close(open, std::nullopt);
    }
    open_.clear();
}

} // namespace twofold::tool
