// SPDX-License-Identifier: MIT
// FaultTrace: a stage-2 abort while it is resolved, for the trace.
#pragma once

#include "exceptions/trap_frame.hpp"
#include "guest/vcpu.hpp"

#include <twofold/vm/counters.hpp>
#include <twofold/vm/resolution.hpp>
#include <twofold/vm/trace_record.hpp>

namespace twofold::hyp {

class FaultTrace {
public:
    // Before anything is done about it.
    FaultTrace(const Vcpu& vcpu, const TrapFrame& frame);
    // When it is resolved: the guest may have been given what it wanted, or something else.
    void end(Outcome outcome);

private:
    const Vcpu& vcpu_;
    FaultCounters before_;
    TraceRecord record_;
    TraceRecord::Fault fault_;
};

} // namespace twofold::hyp
