// SPDX-License-Identifier: MIT
// Records of the three kinds.
#include "trace/trace_buffer.hpp"

#include "trace/tracer.hpp"

namespace twofold::hyp {

void TraceBuffer::put(TraceRecord record) {
    record.end = trace_time();
    if (record.begin == 0)
        record.begin = record.end;
    record.cpu = cpu_;
    room_[used_++] = record;
    if (used_ == room_.size())
        tracer_->take(*this);
}

void TraceBuffer::put(const TlbiOperation& operation) {
    TraceRecord record{.kind = TraceKind::tlbi};
    record.set(TraceRecord::Tlbi{.operand = operation.operand,
                                 .kind = operation.kind,
                                 .scope = operation.scope,
                                 .last_level = operation.last_level,
                                 .nxs = operation.nxs});
    put(record);
}

void TraceBuffer::put(const SizeChange& change) {
    TraceRecord record{
        .ipa = change.ipa.value, .size = change.size, .kind = trace_kind(change.kind)};
    record.set(TraceRecord::Size{.leaf = change.leaf});
    put(record);
}

} // namespace twofold::hyp
