// SPDX-License-Identifier: MIT
// FaultAround: the pages beside one that was faulted on, mapped with it where their backing has
// them at hand, so that each is not a fault of its own.
#pragma once

#include <twofold/vm/backing.hpp>
#include <twofold/vm/guest_caches.hpp>
#include <twofold/vm/guest_state.hpp>

#include <algorithm>
#include <cstdint>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class FaultAround {
public:
    // `fault` is resolved, in the section that goes on.
    FaultAround(GuestState<Port, Lock>& state, FaultContext& context, const MemoryFault& fault)
        : state_{state},
          context_{context},
          fault_{fault} {}

    // What cannot be mapped waits for a fault of its own.
    [[gnu::noinline]] void run() {
        const std::uint64_t page = state_.table.geometry().page_size();
        const IpaSpan window = window_around(fault_.ipa);
        const Ipa done = fault_.ipa.align_down(page);
        for (Ipa ipa = window.start; ipa < window.end(); ipa += page) {
            if (ipa != done) {
                add(ipa, page);
            }
        }
    }

private:
    IpaSpan window_around(Ipa ipa) const {
        const IpaSpan& slot = fault_.slot->range;
        const Ipa start = ipa.align_down(state_.policy.fault_around);
        const Ipa first = std::max(start, slot.start);
        const Ipa end = std::min(start + state_.policy.fault_around, slot.end());
        return state_.withdrawals.clear_of({first, end - first}, ipa);
    }

    void add(Ipa ipa, std::uint64_t page) {
        // A page that may be fetched from is at hand for a fetch, too; none is written here.
        const MemoryFault fault{.ipa = ipa,
                                .access = fault_.access == AccessKind::fetch ? AccessKind::fetch
                                                                             : AccessKind::read,
                                .slot = fault_.slot};
        BackingAnswer answer = fault.slot->backing->nearby(fault.offset());
        if (!answer || !answer->contains(fault.offset())) {
            return;
        }
        const BackedFault backed{fault, *answer};
        if (!backed.is_allowed()) {
            return;
        }
        const Pa pa = backed.pa();
        if (page > answer->offset + answer->length - fault.offset() || !pa.is_aligned(page)) {
            return;
        }
        const GuestCaches caches{state_, context_};
        const Permissions permissions = backed.permissions(state_.table.features());
        if (fault.access == AccessKind::fetch) {
            caches.make_executable(pa, page);
            if (fault_.permission) {
                if (state_.table.relax_now(ipa, permissions, pa, page)) {
                    context_.counters.mapped_around.add();
                    return;
                }
            }
        }
        caches.clean(*answer, pa, page);
        const auto mapped =
            state_.table.map_if_absent({.ipa = ipa,
                                        .pa = pa,
                                        .length = page,
                                        .attributes = backed.attributes(state_.table.features()),
                                        .max_size = page});
        context_.counters.mapped_around.add(mapped ? 1 : 0);
    }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
    const MemoryFault& fault_;
};

} // namespace twofold
