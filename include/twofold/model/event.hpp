// SPDX-License-Identifier: MIT
// Event: one step that a CPU takes on a stage-2 table or on the TLBs. The events of all CPUs come
// in one order.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/tlbi_operation.hpp>

#include <cstdint>

namespace twofold::model {

enum class EventKind : std::uint8_t {
    // To a descriptor: `address`, what was there `before`, what is there `after`.
    store,
    publish,
    exchange,
    clear_bits,
    compare_exchange, // one that succeeded
    hardware_update,  // AF or dirty state, by a walker
    adopt,            // by somebody outside, while no TLB could have seen either value
    // Of table memory: `address`, and in `after` the bytes.
    allocate,
    free,
    retire,
    barrier,
    tlbi,
    context,       // the CPU has VTCR_EL2 = `before` and VTTBR_EL2 = `after` from now on
    section_begin, // the CPU may hold addresses of tables until section_end
    section_end,
    settled,  // nothing that this CPU changed may be in a TLB any more
    all_done, // nothing that any CPU changed may be
    teardown, // no CPU uses the table any more, and no TLB has anything of it
};

struct Event {
    EventKind kind = EventKind::barrier;
    std::uint8_t cpu = 0;
    Barrier barrier = Barrier::isb;
    TlbiOperation tlbi = {};
    std::uint64_t address = 0;
    std::uint64_t before = 0;
    std::uint64_t after = 0;

    constexpr bool operator==(const Event&) const = default;

    constexpr bool changes_entry() const { return kind <= EventKind::adopt; }

    static constexpr Event change(EventKind kind, unsigned cpu, Pa entry, std::uint64_t before,
                                  std::uint64_t after) {
        return {.kind = kind,
                .cpu = static_cast<std::uint8_t>(cpu),
                .address = entry.value,
                .before = before,
                .after = after};
    }
    static constexpr Event memory(EventKind kind, unsigned cpu, Pa pa, std::uint64_t bytes) {
        return {.kind = kind,
                .cpu = static_cast<std::uint8_t>(cpu),
                .address = pa.value,
                .after = bytes};
    }
    static constexpr Event of(unsigned cpu, Barrier barrier) {
        return {
            .kind = EventKind::barrier, .cpu = static_cast<std::uint8_t>(cpu), .barrier = barrier};
    }
    static constexpr Event of(unsigned cpu, const TlbiOperation& operation) {
        return {.kind = EventKind::tlbi, .cpu = static_cast<std::uint8_t>(cpu), .tlbi = operation};
    }
    static constexpr Event context(unsigned cpu, std::uint64_t vtcr, std::uint64_t vttbr) {
        return {.kind = EventKind::context,
                .cpu = static_cast<std::uint8_t>(cpu),
                .before = vtcr,
                .after = vttbr};
    }
    static constexpr Event mark(EventKind kind, unsigned cpu) {
        return {.kind = kind, .cpu = static_cast<std::uint8_t>(cpu)};
    }
};

} // namespace twofold::model
