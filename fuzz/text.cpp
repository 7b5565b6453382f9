// SPDX-License-Identifier: MIT
// The texts that the command reads: traces of both formats, as they come or as events that were
// drawn, and arguments of keys and values. Nothing may go wrong but what is said, and what is
// written has to be read again as the same.
#include "byte_choices.hpp"
#include "check.hpp"
#include "tools/check/casemate_writer.hpp"
#include "tools/check/trace_check.hpp"
#include "tools/text/key_values.hpp"

#include <twofold/model/trace.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace twofold::fuzz {
namespace {

using model::Event;
using model::EventKind;

const std::string headers[] = {
    "twofold-trace 1 4k ipa 39 pa 40 levels 3 vmid 1 bbm 0 xnx fwb ttl range xs ha hd",
    "twofold-trace 1 4k ipa 40 pa 48 levels 3 vmid 1 bbm 2 ttl range",
    "twofold-trace 1 16k ipa 36 pa 48 levels 2 vmid 1 bbm 1 ttl marks",
    "twofold-trace 1 4k ipa 34 pa 48 levels 2 vmid 7 bbm 0",
};

tool::LineReader::Read read_of(std::string text) {
    return [text = std::move(text), at = std::size_t{0}](std::span<char> space) mutable {
        const std::size_t count = std::min(space.size(), text.size() - at);
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), count, space.begin());
        at += count;
        return count;
    };
}

void check_one(tool::TraceSource& source) {
    if (source.start()) {
        return;
    }
    const tool::TraceCheck result = tool::check_trace(
        source, {.shown = 5, .checker_bytes = std::size_t{128} << 10, .work = 1 << 20});
    check(result.violations.size() <= 5, "as many are told as were asked for");
    check(result.count >= result.violations.size(), "what is told is counted");
}

// What casemate's format can hold comes back with the same stores.
void write_and_read(const std::string& text) {
    const auto source = tool::make_twofold_source(read_of(text));
    if (source->start() || tool::CasemateWriter::refusal(source->config())) {
        return;
    }
    tool::CasemateWriter writer{source->config(), "trace"};
    std::string written;
    std::uint64_t stores = 0;
    bool has_context = false;
    while (const auto event = source->next()) {
        const auto lines = writer.write(*event);
        if (!lines) {
            return;
        }
        written += *lines;
        stores += event->event.changes_entry() ? 1 : 0;
        has_context = has_context || event->event.kind == EventKind::context;
    }
    written += writer.finish();
    const auto back = tool::make_casemate_source(read_of(written), source->config().vmid);
    if (source->error() || !has_context || back->start()) {
        return;
    }
    std::uint64_t again = 0;
    while (const auto event = back->next()) {
        again += event->event.changes_entry() ? 1 : 0;
    }
    check(!back->error(), "what is written is read");
    check(again == stores, "no store is lost");
}

// A few pages, so that events meet.
std::uint64_t draw_page(ByteChoices& choices) { return 0x4000'0000 + choices.below(8) * 0x4000; }

std::uint64_t draw_value(ByteChoices& choices) {
    switch (choices.below(6)) {
    case 0:
        return 0;
    case 1:
        return choices.below(4);
    case 2:
    case 3:
        return draw_page(choices) | 3;
    case 4: {
        const std::uint64_t bits = choices.below(4) << 6 | choices.below(2) << 10 | 0x318 |
                                   choices.below(2) << 52 | choices.below(2) << 51;
        return choices.below(64) << 21 | bits | (choices.flag() ? 3 : 1);
    }
    default:
        return choices.word();
    }
}

Event draw_event(ByteChoices& choices) {
    const auto cpu = static_cast<unsigned>(choices.below(3));
    const auto kind = static_cast<EventKind>(choices.below(18));
    if (kind <= EventKind::adopt) {
        const Pa entry{draw_page(choices) + 8 * choices.below(20)};
        const std::uint64_t before = draw_value(choices);
        return Event::change(kind, cpu, entry, before, draw_value(choices));
    }
    if (kind <= EventKind::retire) {
        return Event::memory(kind, cpu, Pa{draw_page(choices)},
                             std::uint64_t{0x1000} << choices.below(4));
    }
    if (kind == EventKind::barrier) {
        return Event::of(cpu, static_cast<Barrier>(choices.below(7)));
    }
    if (kind == EventKind::tlbi) {
        return Event::of(cpu,
                         {.kind = static_cast<TlbiKind>(choices.below(4)),
                          .scope = choices.flag() ? InvalidationScope::local
                                                  : InvalidationScope::inner_shareable,
                          .last_level = choices.flag(),
                          .nxs = choices.flag(),
                          .operand = choices.flag() ? choices.below(1 << 16) : choices.word()});
    }
    if (kind == EventKind::context) {
        return Event::context(cpu, 0x80000, choices.below(3) << 48 | draw_page(choices));
    }
    return Event::mark(kind, cpu);
}

void drawn_trace(ByteChoices& choices) {
    const std::string& header = headers[choices.below(std::size(headers))];
    std::string text = header + '\n';
    while (!choices.empty()) {
        text += std::string{model::to_line(draw_event(choices)).text()} + '\n';
    }
    check_one(*tool::make_twofold_source(read_of(text)));
    write_and_read(text);
}

void arguments(const std::string& text) {
    tool::KeyValues values{text};
    const auto ipa = values.number("ipa");
    const bool flag = values.flag("ro");
    check(!ipa || text.find("ipa=") != std::string::npos, "a number stands behind its key");
    check(!flag || text.find("ro") != std::string::npos, "a word is in the text");
}

} // namespace
} // namespace twofold::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): as libFuzzer has it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace twofold::fuzz;
    if (size == 0) {
        return 0;
    }
    const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
    switch (data[0] % 8) {
    case 0:
        check_one(*twofold::tool::make_twofold_source(read_of(text)));
        break;
    case 1:
        check_one(*twofold::tool::make_casemate_source(read_of(text), {}));
        break;
    case 2:
        check_one(*twofold::tool::make_twofold_source(read_of(headers[0] + '\n' + text)));
        write_and_read(headers[0] + '\n' + text);
        break;
    case 3:
        arguments(text);
        break;
    default: {
        ByteChoices choices{{data + 1, size - 1}};
        drawn_trace(choices);
        break;
    }
    }
    return 0;
}
