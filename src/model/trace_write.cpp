// SPDX-License-Identifier: MIT
// Events and headers as lines of a trace.
#include "trace_names.hpp"

#include <twofold/model/trace.hpp>

namespace twofold::model {

void TraceLine::add(char c) {
    if (length_ < text_.size()) {
        text_[length_++] = c;
    }
}

void TraceLine::add(std::string_view word) {
    if (length_ != 0) {
        add(' ');
    }
    for (const char c : word) {
        add(c);
    }
}

void TraceLine::add_number(std::uint64_t value) {
    char digits[20] = {};
    std::size_t at = sizeof digits;
    do {
        digits[--at] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    add(std::string_view{digits + at, sizeof digits - at});
}

void TraceLine::add_hex(std::uint64_t value) {
    char digits[18] = {};
    std::size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % 16];
        value /= 16;
    } while (value != 0);
    digits[--at] = 'x';
    digits[--at] = '0';
    add(std::string_view{digits + at, sizeof digits - at});
}

TraceLine to_line(const Event& event) {
    TraceLine line;
    line.add_number(event.cpu);
    if (event.kind == EventKind::barrier) {
        line.add(trace_names::barriers[static_cast<unsigned>(event.barrier)]);
        return line;
    }
    line.add(trace_names::kinds[static_cast<unsigned>(event.kind)]);
    switch (event.kind) {
    case EventKind::tlbi:
        line.add(trace_names::tlbis[static_cast<unsigned>(event.tlbi.kind)]);
        line.add(event.tlbi.scope == InvalidationScope::local ? "local" : "is");
        line.add(event.tlbi.last_level ? "leaf" : "all");
        line.add(event.tlbi.nxs ? "nxs" : "xs");
        line.add_hex(event.tlbi.operand);
        break;
    case EventKind::allocate:
    case EventKind::free:
    case EventKind::retire:
        line.add_hex(event.address);
        line.add_hex(event.after);
        break;
    case EventKind::context:
        line.add_hex(event.before);
        line.add_hex(event.after);
        break;
    case EventKind::section_begin:
    case EventKind::section_end:
    case EventKind::settled:
    case EventKind::all_done:
    case EventKind::teardown:
        break;
    default:
        line.add_hex(event.address);
        line.add_hex(event.before);
        line.add_hex(event.after);
    }
    return line;
}

TraceLine header_line(const CheckerConfig& config) {
    const Geometry& g = config.geometry;
    TraceLine line;
    line.add("twofold-trace 1");
    line.add(trace_names::granules[static_cast<unsigned>(g.granule())]);
    line.add("ipa");
    line.add_number(g.ipa_bits());
    line.add("pa");
    line.add_number(g.pa_bits());
    line.add("levels");
    line.add_number(g.levels());
    line.add("vmid");
    line.add_number(config.vmid);
    line.add("bbm");
    line.add_number(config.bbm);
    const auto flag = [&](bool on, std::string_view name) {
        if (on) {
            line.add(name);
        }
    };
    flag(g.lpa2(), "lpa2");
    flag(g.wide_64k(), "lpa");
    flag(config.xnx, "xnx");
    flag(config.fwb, "fwb");
    flag(config.ttl, "ttl");
    flag(config.tlbi_range, "range");
    flag(config.xs, "xs");
    flag(config.hardware_access_flag, "ha");
    flag(config.hardware_dirty_state, "hd");
    flag(config.publish_needs_mark, "marks");
    return line;
}

} // namespace twofold::model
