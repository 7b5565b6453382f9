// SPDX-License-Identifier: MIT
// What becomes of an abort for which no memory can be mapped. Pure.
//
//   DFSC                                what the guest gets
//   translation, permission,            memory, if the slots say so (GuestMemory); else:
//   access flag                           a table walk: external abort on the walk
//                                         a fetch: external abort
//                                         cache maintenance: nothing to maintain, skipped
//                                         with a syndrome: MMIO; without: external abort
//   external, parity                    the same: external abort
//   alignment, unsupported atomic       the same: its own access was wrong for the memory type
//   TLB conflict                        everything of the VMID leaves the TLBs, then resume
//   address size, hardware update       nothing: the stage-2 table is wrong, the vCPU stops
//   the rest                            nothing: no guest can cause it, the vCPU stops
#pragma once

#include <twofold/arch/abort.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/vm/resolution.hpp>

namespace twofold::guest_fault {

constexpr Resolution inject(const Abort& abort, InjectedFault fault) {
    return Resolution::inject({.fault = fault,
                               .instruction = abort.instruction,
                               .write = abort.wnr,
                               .cache_maintenance = abort.cache_maintenance});
}

constexpr Resolution external(const Abort& abort) {
    return inject(abort, abort.s1ptw ? InjectedFault::external_on_walk : InjectedFault::external);
}

// The access is not to memory: a device model's, if anybody's.
constexpr Resolution no_memory(const Abort& abort, Ipa ipa, bool read_only_slot) {
    if (abort.s1ptw || abort.instruction) {
        return external(abort);
    }
    if (abort.cache_maintenance) {
        return Resolution::skip();
    }
    // Without FAR_EL2 the IPA is that of the page only.
    if (!abort.syndrome || !abort.far) {
        return external(abort);
    }
    return Resolution::emulate({.ipa = ipa,
                                .write = abort.wnr,
                                .syndrome = *abort.syndrome,
                                .read_only_slot = read_only_slot});
}

// For the kinds of fault that no mapping can cure; TLB conflicts are not asked here.
constexpr Resolution by_kind(const Abort& abort) {
    switch (abort.status.kind) {
    case FaultKind::sync_external:
    case FaultKind::parity:
        return inject(abort, InjectedFault::external);
    case FaultKind::sync_external_on_walk:
    case FaultKind::parity_on_walk:
        return inject(abort, InjectedFault::external_on_walk);
    case FaultKind::alignment:
        return inject(abort, InjectedFault::alignment);
    case FaultKind::unsupported_atomic:
        return inject(abort, InjectedFault::unsupported_atomic);
    case FaultKind::address_size:
    case FaultKind::unsupported_hardware_update:
        return Resolution::stop(StopReason::table_broken);
    default:
        return Resolution::stop(StopReason::unexpected_fault);
    }
}

// Of a table operation that failed for a fault.
constexpr StopReason stop_reason(Error error) {
    switch (error) {
    case Error::out_of_memory:
        return StopReason::table_memory;
    case Error::pa_out_of_range:
        return StopReason::pa_out_of_range;
    case Error::execute_needs_xnx:
    case Error::memory_type_needs_fwb:
    case Error::memory_type_not_with_fwb:
    case Error::shareability_fixed_by_lpa2:
        return StopReason::attributes_impossible;
    default:
        return StopReason::no_progress;
    }
}

} // namespace twofold::guest_fault
