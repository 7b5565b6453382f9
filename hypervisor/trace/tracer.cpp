// SPDX-License-Identifier: MIT
// The file of a trace.
#include "trace/tracer.hpp"

#include <algorithm>

namespace twofold::hyp {

std::expected<void, std::string_view> Tracer::init(const char* path, std::uint64_t most_records,
                                                   unsigned first_cpu, unsigned cpus,
                                                   MemoryPool& pool) {
    if (!file_.make(path).is_open())
        return std::unexpected("the file of the trace cannot be opened");
    for (unsigned i = 0; i < cpus; ++i) {
        const auto memory = pool.allocate(buffer_bytes);
        if (!memory)
            return std::unexpected("no memory for the trace");
        buffers_[i].init(
            *this, i,
            {reinterpret_cast<TraceRecord*>(memory->value), buffer_bytes / sizeof(TraceRecord)});
        cpu(first_cpu + i).trace = &buffers_[i];
    }
    cpus_ = cpus;
    room_ = most_records;
    return {};
}

void Tracer::begin(std::uint64_t origin, std::uint64_t vtcr) {
    const TraceHeader header{.record_bytes = sizeof(TraceRecord),
                             .cpus = cpus_,
                             .frequency = TWOFOLD_READ_SYSREG(CNTFRQ_EL0),
                             .origin = origin,
                             .vtcr = vtcr};
    write(&header, sizeof(header));
}

void Tracer::take(TraceBuffer& buffer) {
    const auto filled = buffer.filled();
    {
        const LockGuard guard{lock_};
        const std::uint64_t count = std::min<std::uint64_t>(room_, filled.size());
        room_ -= count;
        dropped_ += filled.size() - count;
        if (count != 0)
            write(filled.data(), count * sizeof(TraceRecord));
    }
    buffer.clear();
}

bool Tracer::finish() {
    for (unsigned i = 0; i < cpus_; ++i)
        take(buffers_[i]);
    TraceRecord last{.kind = TraceKind::end};
    last.begin = last.end = trace_time();
    last.set(TraceRecord::End{.dropped = dropped_});
    write(&last, sizeof(last));
    return !failed_;
}

void Tracer::write(const void* data, std::uint64_t bytes) {
    failed_ = !file_->write({static_cast<const char*>(data), bytes}) || failed_;
}

} // namespace twofold::hyp
