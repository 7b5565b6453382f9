// SPDX-License-Identifier: MIT
// MemoryAccess: what a guest wanted of its memory when it faulted, and what came of it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/fault_status.hpp>
#include <twofold/vm/resolution.hpp>

#include <cstdint>

namespace twofold {

struct MemoryAccess {
    Ipa ipa = {}; // any byte of the page
    AccessKind kind = AccessKind::read;
    bool permission = false; // there is a leaf that denies it, else there is none
};

enum class Verdict : std::uint8_t {
    resolved,  // it is allowed now
    raced,     // somebody else has changed what was found: to be tried again
    allowed,   // the table allowed it before
    no_slot,   // there is no memory
    read_only, // it is a write, to a slot that is not for writing
    withdrawn, // the memory is being taken away
    ring_full,
    not_yet, // says the backing; and so on
    refused, // it has nothing there, or nothing that may be used so
    stopped,
};

struct MemoryAnswer {
    Verdict verdict = Verdict::resolved;
    StopReason reason = StopReason::none; // if it is stopped

    static constexpr MemoryAnswer stop(StopReason why) { return {Verdict::stopped, why}; }
    constexpr bool operator==(const MemoryAnswer&) const = default;
};

} // namespace twofold
