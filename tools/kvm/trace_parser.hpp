// SPDX-License-Identifier: MIT
// TraceParser: lines of a trace of KVM's events.
//   vmm-66  [000] .....  0.735455: kvm_guest_fault: ipa 0x100000000, hsr 0x93c38045, hxfar
//   0x100000000, pc 0x40000058
#pragma once

#include "tools/kvm/fault_trace.hpp"
#include "tools/text/line_reader.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace twofold::tool {

class TraceParser {
public:
    TraceParser(FaultTrace& trace, Granule granule) : trace_{trace}, granule_{granule} {}

    // Whether the line belongs to a trace.
    bool take(const TextLine& line);
    // The faults of which no end was seen; once.
    void finish();

private:
    struct Event {
        std::string_view task;
        std::string_view cpu;
        std::optional<double> time;
        std::string_view name;
        std::string_view rest;
    };
    struct Open { // the vCPU's last fault
        FaultRowKey key;
        std::uint64_t region = 0;
        std::optional<double> time;
    };
    // A name comes and goes ("<...>" while ftrace does not know it), its number stays.
    static std::string thread_of(std::string_view task);
    static std::optional<Event> parse_event(std::string_view text);
    bool take_comment(std::string_view text);
    void take_fault(const Event& event, std::size_t line);
    void count_task(const std::string& thread, std::string_view task);
    void close(const Open& open, std::optional<double> end);

    FaultTrace& trace_;
    Granule granule_;
    std::unordered_map<std::string, Open> open_; // by thread
};

} // namespace twofold::tool
