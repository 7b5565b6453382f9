// SPDX-License-Identifier: MIT
// GuestCaches: what has to be done in caches before a guest may see memory, or execute from it.
#pragma once

#include <twofold/vm/extent.hpp>
#include <twofold/vm/guest_state.hpp>

#include <cstdint>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class GuestCaches {
public:
    GuestCaches(GuestState<Port, Lock>& state, FaultContext& context)
        : state_{state},
          counters_{context.counters} {}

    // Of memory of the extent that the guest has not seen. Without FEAT_S2FWB it may look past the
    // caches.
    void clean(const Extent& extent, Pa pa, std::uint64_t bytes) const {
        if (!state_.table.features().fwb && is_cacheable(extent.type) && !extent.clean) {
            state_.port.clean_dcache(pa, bytes);
            counters_.dcache_bytes.add(bytes);
        }
    }
    // Without CTR_EL0.DIC instruction caches may hold what was there before.
    void make_executable(Pa pa, std::uint64_t bytes) const {
        if (!state_.table.features().dic) {
            state_.port.invalidate_icache(pa, bytes);
            counters_.icache_bytes.add(bytes);
        }
    }

private:
    GuestState<Port, Lock>& state_;
    FaultCounters& counters_;
};

} // namespace twofold
