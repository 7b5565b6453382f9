// SPDX-License-Identifier: MIT
// TraceBuffer: what one CPU has to tell of the guest's stage 2 and has not handed on yet. Only that
// CPU puts something in.
#pragma once

#include "cpu/sysreg.hpp"

#include <twofold/vm/trace_record.hpp>

#include <cstdint>
#include <span>

namespace twofold::hyp {

inline std::uint64_t trace_time() {
    isb(); // not before what it is the time of
    return TWOFOLD_READ_SYSREG(CNTPCT_EL0);
}

// Whether this build can tell of each fault and TLBI. Even the question whether it is to would cost
// a fault in any other more than it has to spare.
inline constexpr bool traced_build = TWOFOLD_TRACED;

class Tracer;

class TraceBuffer {
public:
    constexpr TraceBuffer() = default;

    void init(Tracer& tracer, unsigned cpu, std::span<TraceRecord> room) {
        tracer_ = &tracer;
        cpu_ = static_cast<std::uint8_t>(cpu);
        room_ = room;
    }

    // What has just happened, or has taken from `begin` until now.
    [[gnu::noinline]] void put(TraceRecord record);
    [[gnu::noinline]] void put(const TlbiOperation& operation);
    [[gnu::noinline]] void put(const SizeChange& change);

    std::span<const TraceRecord> filled() const { return room_.first(used_); }
    void clear() { used_ = 0; }

private:
    Tracer* tracer_ = nullptr;
    std::span<TraceRecord> room_;
    std::size_t used_ = 0;
    std::uint8_t cpu_ = 0;
};

} // namespace twofold::hyp
