// SPDX-License-Identifier: MIT
// Event: one kind of exit to the hypervisor, repeated often enough to be measured.
#pragma once

#include "machine.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace twofold::bench {

struct Measurement {
    std::uint64_t repetitions = 0;
    std::uint64_t ticks = 0;
    std::uint64_t empty_ticks = 0; // of the same loop without the event
};

struct Event {
    std::string_view name;
    Measurement (*measure)(payload::Machine& machine);
};

// Those that need no monitor, first touches, and writes under dirty logging.
std::span<const Event> call_events();
std::span<const Event> fault_events();
std::span<const Event> logging_events();

} // namespace twofold::bench
