// SPDX-License-Identifier: MIT
// Reading and judging of records.
#include "tools/trace/trace_file.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

namespace twofold::tool {

namespace {

static_assert(std::endian::native == std::endian::little, "records are read as they are");

template <class T>
bool read(std::istream& stream, T& value) {
    std::array<char, sizeof(T)> bytes{};
    if (!stream.read(bytes.data(), bytes.size())) {
        return false;
    }
    std::memcpy(&value, bytes.data(), sizeof(T));
    return true;
}

// Enumerators and flags are looked at as bytes first: any other value of them is undefined.
bool are_at_most(const TraceRecord::Detail& detail, std::size_t first,
                 std::initializer_list<std::size_t> largest) {
    for (const std::size_t most : largest) {
        if (std::to_integer<std::size_t>(detail[first++]) > most) {
            return false;
        }
    }
    return true;
}

bool makes_sense(const TraceRecord& record, const TraceHeader& header) {
    if (record.end < record.begin || record.cpu >= header.cpus) {
        return false;
    }
    switch (record.kind) {
    case TraceKind::fault:
        return are_at_most(record.detail, offsetof(TraceRecord::Fault, kind),
                           {fault_kind_count - 1, access_kind_count - 1, outcome_count - 1,
                            static_cast<std::size_t>(FaultAction::lost_race),
                            limited_by_count - 1});
    case TraceKind::tlbi:
        return are_at_most(record.detail, offsetof(TraceRecord::Tlbi, kind),
                           {static_cast<std::size_t>(TlbiKind::vmalls12),
                            static_cast<std::size_t>(InvalidationScope::inner_shareable), 1, 1});
    case TraceKind::split:
    case TraceKind::collapse:
    case TraceKind::run_marked:
    case TraceKind::run_unmarked:
    case TraceKind::work:
    case TraceKind::end:
        return true;
    }
    return false;
}

} // namespace

Result<TraceFile> TraceFile::open(const std::filesystem::path& path) {
    TraceFile file{std::ifstream{path, std::ios::binary}};
    if (!file.stream_) {
        return Failure{"the hypervisor sent no trace"};
    }
    TraceHeader& header = file.header_;
    if (!read(file.stream_, header) || header.magic != TraceHeader::expected_magic ||
        header.record_bytes != sizeof(TraceRecord)) {
        return Failure{"the hypervisor's trace does not begin as one"};
    }
    if (header.frequency == 0 || header.cpus == 0) {
        return Failure{"the hypervisor's trace has no CPU or no clock"};
    }
    return file;
}

std::optional<TraceRecord> TraceFile::next() {
    TraceRecord record;
    if (over_ || !read(stream_, record)) {
        over_ = true;
        return std::nullopt;
    }
    if (record.kind > TraceKind::end || !makes_sense(record, header_)) {
        over_ = true;
        why_over_ = "the trace has a record that makes no sense; it ends there";
        return std::nullopt;
    }
    if (record.kind == TraceKind::end) {
        over_ = true;
        why_over_.clear();
    }
    return record;
}

} // namespace twofold::tool
