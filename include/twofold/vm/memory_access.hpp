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

// A verdict, and a reason if it is `stopped`. One number, as it comes back in a register.
class MemoryAnswer {
public:
    constexpr MemoryAnswer(Verdict verdict = Verdict::resolved)
        : value_{static_cast<std::uint16_t>(verdict)} {}
    static constexpr MemoryAnswer stop(StopReason why) {
        MemoryAnswer answer{Verdict::stopped};
        answer.value_ |= static_cast<std::uint16_t>(static_cast<unsigned>(why) << reason_shift);
        return answer;
    }

    constexpr Verdict verdict() const { return static_cast<Verdict>(value_ & 0xff); }
    constexpr StopReason reason() const { return static_cast<StopReason>(value_ >> reason_shift); }
    constexpr bool operator==(const MemoryAnswer&) const = default;

private:
    static constexpr unsigned reason_shift = 8;
    std::uint16_t value_;
};

} // namespace twofold
