// SPDX-License-Identifier: MIT
// invalidate: performs what an Invalidation owes, in the order that the manual asks for.
//
//   DSB ISHST     the stores are visible to every walker (unless the call that made them said so)
//   TLBI ...      stage 2, as planned
//   DSB ISH       that is complete; only now
//   TLBI VMALLE1  removes what a TLB combined of both stages (not after VMALLS12)
//   DSB ISH
//   ISB           this CPU goes on without what it had fetched or translated ahead
//
// The same with NSH forms where only this CPU has to see it, and DSB nXS where the TLBIs are nXS.
#pragma once

#include <twofold/table/invalidation_plan.hpp>
#include <twofold/table/port.hpp>

namespace twofold {

// For ports that record what was asked for, before it is planned.
template <TablePort Port>
[[gnu::always_inline]] inline void note_owed(Port& port, const Invalidation& owed) {
    if constexpr (requires { port.note(owed); }) {
        port.note(owed);
    }
}

// Where the stores are complete. `tlbis()` issues the TLBIs of stage 2, and says whether the whole
// VMID has gone with them. `nxs`: only with FEAT_XS.
template <TablePort Port, class Tlbis>
[[gnu::always_inline]] inline void invalidate_with(Port& port, InvalidationScope scope, bool nxs,
                                                   Tlbis&& tlbis) {
    const bool local = scope == InvalidationScope::local;
    const Barrier complete = local ? (nxs ? Barrier::dsb_nsh_nxs : Barrier::dsb_nsh)
                                   : (nxs ? Barrier::dsb_ish_nxs : Barrier::dsb_ish);
    const bool whole = tlbis();
    port.barrier(complete);
    if (!whole) {
        port.tlbi({.kind = TlbiKind::vmalle1, .scope = scope, .nxs = nxs});
        port.barrier(complete);
    }
    port.barrier(Barrier::isb);
}

template <TablePort Port>
void invalidate(Port& port, const Geometry& geometry, const CpuFeatures& features,
                const Invalidation& owed) {
    if (!owed.stores_complete()) {
        port.barrier(owed.scope() == InvalidationScope::local ? Barrier::dsb_nshst
                                                              : Barrier::dsb_ishst);
    }
    note_owed(port, owed);
    invalidate_with(port, owed.scope(), features.xs && owed.nxs(), [&] {
        bool whole = false;
        plan_invalidation(geometry, features, owed, [&](const TlbiOperation& operation) {
            port.tlbi(operation);
            whole = operation.kind == TlbiKind::vmalls12;
        });
        return whole;
    });
}

// The same of one page and no more, whose store is complete. `hint`: TlbiByIpa::ttl of a page, or
// 0.
template <TablePort Port>
[[gnu::always_inline]] inline void invalidate_page(Port& port, Ipa page, InvalidationScope scope,
                                                   bool nxs, std::uint64_t hint) {
    invalidate_with(
        port, scope, nxs, [&]() __attribute__((always_inline)) {
            port.tlbi({.kind = TlbiKind::ipas2,
                       .scope = scope,
                       .last_level = true,
                       .nxs = nxs,
                       .operand = hint | TlbiByIpa::ipa_51_12::of(page.value >> 12)});
            return false;
        });
}

} // namespace twofold
