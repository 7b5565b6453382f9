// SPDX-License-Identifier: MIT
// TraceRecord: one thing that happened to a guest's stage 2, with its time. A trace is a
// TraceHeader and records behind it, as they are in memory (little-endian), until one of kind
// `end`. The records of a CPU are in the order in which they ended; those of several CPUs are
// mixed.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/tlbi_operation.hpp>
#include <twofold/table/size_change.hpp>
#include <twofold/vm/fault_decision.hpp>
#include <twofold/vm/limited_by.hpp>
#include <twofold/vm/resolution.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold {

enum class TraceKind : std::uint8_t {
    fault, // a stage-2 abort, from the exception to the return
    tlbi,  // one instruction
    split, // those of SizeChangeKind
    collapse,
    run_marked,
    run_unmarked,
    work, // done between faults: a part of a command, under the name of it
    end,  // of the trace
};
inline constexpr std::size_t trace_kind_count = 8;

constexpr TraceKind trace_kind(SizeChangeKind kind) {
    switch (kind) {
    case SizeChangeKind::split:
        return TraceKind::split;
    case SizeChangeKind::collapse:
        return TraceKind::collapse;
    case SizeChangeKind::run_marked:
        return TraceKind::run_marked;
    case SizeChangeKind::run_unmarked:
        return TraceKind::run_unmarked;
    }
    return TraceKind::split;
}

struct TraceHeader {
    static constexpr std::array<char, 8> expected_magic{'2', 'f', 'o', 'l', 'd', 't', 'r', '1'};

    std::array<char, 8> magic = expected_magic;
    std::uint32_t record_bytes = 0;
    std::uint32_t cpus = 0;
    std::uint64_t frequency = 0; // ticks per second
    std::uint64_t origin = 0;    // the tick at which the guest began
    std::uint64_t vtcr = 0;
};

struct TraceRecord {
    // Of a fault.
    struct Fault {
        std::uint64_t pa = 0; // to which its IPA is mapped now; all ones: to none
        std::uint64_t pc = 0; // ELR_EL2
        FaultKind kind = FaultKind::unknown;
        AccessKind access = AccessKind::read;
        Outcome outcome = Outcome::resume;
        FaultAction action = FaultAction::nothing;
        LimitedBy limited_by = LimitedBy::nothing; // of the mapping that is there now
        std::uint8_t pages_around = 0;             // 255: so many or more
        std::array<std::uint8_t, 2> reserved = {};
    };
    // Of a TLBI: TlbiOperation.
    struct Tlbi {
        std::uint64_t operand = 0;
        TlbiKind kind = TlbiKind::ipas2;
        InvalidationScope scope = InvalidationScope::local;
        bool last_level = false;
        bool nxs = false;
        std::array<std::uint8_t, 12> reserved = {};
    };
    // Of a change of size: to or from leaves of so many bytes.
    struct Size {
        std::uint64_t leaf = 0;
        std::array<std::uint8_t, 16> reserved = {};
    };
    // Of work: its name, filled up with zero bytes.
    struct Work {
        std::array<char, 24> name = {};

        static constexpr Work of(std::string_view name) {
            Work work;
            std::copy_n(name.begin(), std::min(name.size(), work.name.size()), work.name.begin());
            return work;
        }
        constexpr std::string_view text() const {
            return {name.begin(), std::find(name.begin(), name.end(), '\0')};
        }
    };
    // Of the end: what there was no room for.
    struct End {
        std::uint64_t dropped = 0; // records
        std::array<std::uint8_t, 16> reserved = {};
    };
    // As large as each of them, so that a reader can take what `kind` says.
    using Detail = std::array<std::byte, 24>;

    std::uint64_t begin = 0; // ticks
    std::uint64_t end = 0;
    std::uint64_t ipa = 0;
    std::uint64_t size = 0; // bytes: of the mapping that a fault left, or of what changed its size
    TraceKind kind = TraceKind::end;
    std::uint8_t cpu = 0;
    std::array<std::uint8_t, 6> reserved = {};
    Detail detail = {};

    template <class T>
    constexpr void set(const T& what) {
        detail = std::bit_cast<Detail>(what);
    }
    template <class T>
    constexpr T get() const {
        return std::bit_cast<T>(detail);
    }
};

static_assert(sizeof(TraceHeader) == 40 && sizeof(TraceRecord) == 64);

} // namespace twofold
