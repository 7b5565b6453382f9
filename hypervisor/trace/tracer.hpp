// SPDX-License-Identifier: MIT
// Tracer: the trace of a guest's stage 2, written to a file of the host that runs the emulator. It
// is off unless the command line asks for it; then every CPU has a TraceBuffer.
#pragma once

#include "cpu/per_cpu.hpp"
#include "cpu/spinlock.hpp"
#include "memory/pool.hpp"
#include "runtime/semihosting.hpp"
#include "runtime/static_storage.hpp"
#include "trace/trace_buffer.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

namespace twofold::hyp {

class Tracer {
public:
    constexpr Tracer() = default;

    // For so many CPUs from `first_cpu` on, which do not run the guest yet; in the trace they are
    // CPU 0 and so on. `path` ends with a zero byte. The error is a line for a person.
    std::expected<void, std::string_view> init(const char* path, std::uint64_t most_records,
                                               unsigned first_cpu, unsigned cpus, MemoryPool& pool);
    bool is_on() const { return cpus_ != 0; }
    // Before the first record.
    void begin(std::uint64_t origin, std::uint64_t vtcr);
    // Empties a full buffer; called by the CPU that it belongs to.
    void take(TraceBuffer& buffer);
    // What is left of all CPUs, which stand still. False: something could not be written.
    bool finish();

private:
    static constexpr std::uint64_t buffer_bytes = 64 * KiB;

    void write(const void* data, std::uint64_t bytes);

    Spinlock lock_; // of all below
    StaticStorage<SemihostingFile> file_;
    std::array<TraceBuffer, max_cpus> buffers_{};
    unsigned cpus_ = 0;
    std::uint64_t room_ = 0; // records that may still be written
    std::uint64_t dropped_ = 0;
    bool failed_ = false;
};

} // namespace twofold::hyp
