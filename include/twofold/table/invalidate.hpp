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

// Where the stores are complete. `tlbis(port)` issues the TLBIs of stage 2, and says whether the
// whole VMID has gone with them.
template <TablePort Port, class Tlbis>
[[gnu::always_inline]] inline void invalidate_with(Port& port, const CpuFeatures& features,
                                                   const Invalidation& owed, Tlbis&& tlbis) {
    // For ports that record what was asked for, before it is planned.
    if constexpr (requires { port.note(owed); }) {
        port.note(owed);
    }
    const bool local = owed.scope() == InvalidationScope::local;
    const bool nxs = features.xs && owed.nxs();
    const Barrier complete = local ? (nxs ? Barrier::dsb_nsh_nxs : Barrier::dsb_nsh)
                                   : (nxs ? Barrier::dsb_ish_nxs : Barrier::dsb_ish);
    const bool whole = tlbis(port);
    port.barrier(complete);
    if (!whole) {
        port.tlbi({.kind = TlbiKind::vmalle1, .scope = owed.scope(), .nxs = nxs});
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
    invalidate_with(port, features, owed, [&](Port& p) {
        bool whole = false;
        plan_invalidation(geometry, features, owed, [&](const TlbiOperation& operation) {
            p.tlbi(operation);
            whole = operation.kind == TlbiKind::vmalls12;
        });
        return whole;
    });
}

// The same where one page is owed and no more, and its store is complete. `hint`: TlbiByIpa::ttl
// of a page, or 0.
template <TablePort Port>
[[gnu::always_inline]] inline void invalidate_page(Port& port, const CpuFeatures& features,
                                                   const Invalidation& owed, std::uint64_t hint) {
    invalidate_with(port, features, owed, [&](Port& p) {
        p.tlbi({.kind = TlbiKind::ipas2,
                .scope = owed.scope(),
                .last_level = true,
                .nxs = features.xs && owed.nxs(),
                .operand = hint | TlbiByIpa::ipa_51_12::of(owed.first_start().value >> 12)});
        return false;
    });
}

} // namespace twofold
