// SPDX-License-Identifier: MIT
// FaultContext: what belongs to one vCPU, or to any other thread of control that resolves faults of
// a guest: the fault that it has under way, those before, and the ring of what it writes.
// FaultSection: the time that a fault is under way.
#pragma once

#include <twofold/table/epoch_clock.hpp>
#include <twofold/vm/counters.hpp>
#include <twofold/vm/dirty_ring.hpp>
#include <twofold/vm/fault_history.hpp>

namespace twofold {

struct alignas(64) FaultContext {
    EpochClock::Word since = EpochClock::idle; // when its fault began
    FaultHistory history = {};
    FaultCounters counters = {}; // its own, so that no two vCPUs write to one line
    // Where its writes go while they are logged, beside the bitmap of their slot; or none. Outlives
    // this; changes while the vCPU does not run.
    DirtyRing* ring = nullptr;
};

class [[nodiscard]] FaultSection {
public:
    FaultSection(EpochClock& clock, FaultContext& context) : context_{context} {
        clock.enter(context.since);
    }
    ~FaultSection() { EpochClock::leave(context_.since); }
    FaultSection(const FaultSection&) = delete;
    FaultSection& operator=(const FaultSection&) = delete;

private:
    FaultContext& context_;
};

} // namespace twofold
