// SPDX-License-Identifier: MIT
// Resolution: what to do with a vCPU after a stage-2 abort.
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/address.hpp>
#include <twofold/arch/fault_status.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold {

enum class Outcome : std::uint8_t {
    resume, // run the instruction again: it will get further
    retry,  // run it again when the owner of the memory has had time; it may fault again
    skip,   // go on behind the instruction, which has nothing to do
    mmio,   // carry out the access in a device model, then go on behind the instruction
    inject, // the guest takes an abort
    stop,   // this vCPU cannot go on
    // Empty the vCPU's dirty ring, then run the instruction again.
    ring_full,
};

inline constexpr std::size_t outcome_count = 7;

constexpr std::string_view to_string(Outcome outcome) {
    switch (outcome) {
    case Outcome::resume:
        return "resume";
    case Outcome::retry:
        return "retry";
    case Outcome::skip:
        return "skip";
    case Outcome::mmio:
        return "mmio";
    case Outcome::inject:
        return "inject";
    case Outcome::stop:
        return "stop";
    case Outcome::ring_full:
        return "dirty ring full";
    }
    return "unknown";
}

// Whom a retry waits for.
enum class RetryReason : std::uint8_t {
    backing,    // it answered "not yet"
    withdrawal, // the memory is being taken away: until invalidate_end(), or a slot has changed
};

struct Mmio {
    Ipa ipa = {}; // to the byte
    bool write = false;
    AccessSyndrome syndrome = {};
    bool read_only_slot = false; // a write to memory that only a device model may change

    constexpr bool operator==(const Mmio&) const = default;
};

enum class InjectedFault : std::uint8_t {
    external,         // synchronous external abort, as from a bus with nothing behind the address
    external_on_walk, // the same on a stage-1 table walk
    address_size,     // the address is wider than the guest's physical address space
    alignment,
    unsupported_atomic,
};

constexpr std::string_view to_string(InjectedFault fault) {
    switch (fault) {
    case InjectedFault::external:
        return "external abort";
    case InjectedFault::external_on_walk:
        return "external abort on a table walk";
    case InjectedFault::address_size:
        return "address size fault";
    case InjectedFault::alignment:
        return "alignment fault";
    case InjectedFault::unsupported_atomic:
        return "unsupported exclusive or atomic access";
    }
    return "unknown";
}

// An abort for the guest's EL1: ESR_EL1.EC is an instruction or data abort, from the EL that it was
// in; FAR_EL1 is FAR_EL2.
struct Injection {
    InjectedFault fault = InjectedFault::external;
    bool instruction = false;
    bool write = false;             // ISS.WnR
    bool cache_maintenance = false; // ISS.CM

    // For ESR_EL1. `walk_level` is the guest's stage-1 level where the embedder knows it.
    constexpr FaultStatus status(Level walk_level = 0) const {
        switch (fault) {
        case InjectedFault::external:
            return {FaultKind::sync_external, {}};
        case InjectedFault::external_on_walk:
            return {FaultKind::sync_external_on_walk, walk_level};
        case InjectedFault::address_size:
            return {FaultKind::address_size, walk_level};
        case InjectedFault::alignment:
            return {FaultKind::alignment, {}};
        case InjectedFault::unsupported_atomic:
            return {FaultKind::unsupported_atomic, {}};
        }
        return {};
    }
    constexpr bool operator==(const Injection&) const = default;
};

enum class StopReason : std::uint8_t {
    none,
    ipa_unknown,           // the abort carries no IPA and the caller gave none
    extent_outside_offset, // the backing's extent does not hold the offset asked for
    extent_below_page,     // the extent holds no whole page of the granule at the same offset
    pa_out_of_range,       // the extent is beyond the output address size
    attributes_impossible, // this CPU cannot express the extent's type or permissions
    table_memory,          // no memory for a table; nothing was changed
    table_broken,          // the CPU refuses what the stage-2 table says
    no_progress,           // the table holds an entry that denies the access for no known reason
    unexpected_fault,      // a kind of abort that a guest alone cannot cause
};

inline constexpr std::size_t stop_reason_count = 10;

constexpr std::string_view to_string(StopReason reason) {
    switch (reason) {
    case StopReason::none:
        return "none";
    case StopReason::ipa_unknown:
        return "the abort carries no IPA and none was given";
    case StopReason::extent_outside_offset:
        return "the backing answered with an extent elsewhere";
    case StopReason::extent_below_page:
        return "the backing's extent holds no whole page of the granule";
    case StopReason::pa_out_of_range:
        return "the backing's extent is beyond the output address size";
    case StopReason::attributes_impossible:
        return "this CPU cannot express the memory type or permissions of the extent";
    case StopReason::table_memory:
        return "no memory for a stage-2 table";
    case StopReason::table_broken:
        return "the CPU refuses what the stage-2 table says";
    case StopReason::no_progress:
        return "the fault would happen again";
    case StopReason::unexpected_fault:
        return "an abort that no guest can cause";
    }
    return "unknown";
}

struct Resolution {
    Outcome outcome = Outcome::resume;
    bool unchanged = false;   // resume, and nothing had to be done: another CPU was faster
    Mmio mmio = {};           // if the outcome is mmio
    Injection injection = {}; // if it is inject
    StopReason reason = StopReason::none;
    RetryReason retry_reason = RetryReason::backing; // if it is retry

    static constexpr Resolution resume() { return {}; }
    static constexpr Resolution nothing_to_do() { return {.unchanged = true}; }
    static constexpr Resolution retry(RetryReason why) {
        return {.outcome = Outcome::retry, .retry_reason = why};
    }
    static constexpr Resolution ring_full() { return {.outcome = Outcome::ring_full}; }
    static constexpr Resolution skip() { return {.outcome = Outcome::skip}; }
    static constexpr Resolution emulate(const Mmio& access) {
        return {.outcome = Outcome::mmio, .mmio = access};
    }
    static constexpr Resolution inject(const Injection& fault) {
        return {.outcome = Outcome::inject, .injection = fault};
    }
    static constexpr Resolution stop(StopReason why) {
        return {.outcome = Outcome::stop, .reason = why};
    }
    constexpr bool operator==(const Resolution&) const = default;
};

} // namespace twofold
