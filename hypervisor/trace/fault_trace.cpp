// SPDX-License-Identifier: MIT
// What is told of an abort: the access, what was done about it, and why the mapping is not larger.
#include "trace/fault_trace.hpp"

#include "guest/address_translation.hpp"
#include "guest/guest.hpp"
#include "trace/trace_buffer.hpp"

#include <twofold/arch/abort.hpp>

#include <algorithm>

namespace twofold::hyp {

namespace {

constexpr std::uint64_t no_pa = ~std::uint64_t{0};

// Of the next larger size.
LimitedBy reason(const Explanation& explained, const Geometry& geometry, std::uint64_t size) {
    if (!explained.request)
        return LimitedBy::nothing;
    const SizeLimits limits = explained.limits(geometry);
    for (std::size_t i = 0; i < limits.size(); ++i) {
        if (limits[i].size > size)
            return limits[i].reason;
    }
    return LimitedBy::nothing;
}

} // namespace

FaultTrace::FaultTrace(const Vcpu& vcpu, const TrapFrame& frame)
    : vcpu_{vcpu},
      before_{vcpu.guest->memory().context().counters},
      record_{.begin = trace_time(), .kind = TraceKind::fault},
      fault_{.pa = no_pa, .pc = frame.elr} {
    const auto abort = Abort::decode(frame.esr, frame.hpfar, frame.far);
    if (!abort)
        return;
    fault_.kind = abort->status.kind;
    fault_.access = abort->access();
    const auto ipa = abort->ipa   ? abort->ipa
                     : abort->far ? translate_stage1(*abort->far)
                                  : std::nullopt;
    record_.ipa = ipa.value_or(Ipa{no_pa}).value;
}

void FaultTrace::end(Outcome outcome) {
    GuestRam& memory = vcpu_.guest->memory();
    const FaultDecision decision = FaultDecision::between(before_, memory.context().counters);
    fault_.outcome = outcome;
    fault_.action = decision.action;
    fault_.pages_around = static_cast<std::uint8_t>(std::min(decision.pages_around, 255UL));
    const Ipa ipa{record_.ipa};
    if (outcome == Outcome::resume && memory.contains(ipa)) {
        const auto explained = memory.memory().explain(ipa);
        if (explained && explained->found.mapping) {
            const Mapping& mapping = *explained->found.mapping;
            record_.size = mapping.size;
            fault_.pa = (mapping.pa + (ipa - mapping.ipa)).value;
            fault_.limited_by = reason(*explained, memory.memory().geometry(), mapping.size);
        }
    }
    record_.set(fault_);
    this_cpu().trace->put(record_);
}

} // namespace twofold::hyp
