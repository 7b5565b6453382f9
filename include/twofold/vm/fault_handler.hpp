// SPDX-License-Identifier: MIT
// FaultHandler: from an abort to what becomes of the vCPU that took it.
#pragma once

#include <twofold/vm/guest_fault.hpp>
#include <twofold/vm/memory_resolver.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class FaultHandler {
public:
    FaultHandler(GuestState<Port, Lock>& state, FaultContext& context)
        : state_{state},
          context_{context} {}

    Resolution resolve(const Abort& abort, std::optional<Ipa> ipa) {
        if (abort.vncr) {
            return Resolution::stop(StopReason::unexpected_fault);
        }
        switch (abort.status.kind) {
        case FaultKind::translation:
        case FaultKind::permission:
        case FaultKind::access_flag:
            break;
        case FaultKind::tlb_conflict:
            return resolve_tlb_conflict();
        default:
            return guest_fault::by_kind(abort);
        }
        if (!ipa) {
            return Resolution::stop(StopReason::ipa_unknown);
        }
        if (!geometry().contains(*ipa)) {
            return guest_fault::inject(abort, InjectedFault::address_size);
        }
        const FaultSection section{state_.clock, context_};
        return abort.status.kind == FaultKind::access_flag ? make_young(*ipa)
                                                           : resolve_memory(abort, *ipa);
    }

private:
    Resolution resolve_tlb_conflict() {
        Invalidation owed;
        owed.add_whole_vmid();
        state_.table.discharge(owed);
        return Resolution::resume();
    }

    Resolution make_young(Ipa ipa) {
        const RawEntry entry = state_.table.entry(ipa);
        // Unmapped meanwhile, the next fault is a translation fault; or young by another's doing.
        if (!entry.is_leaf || leaf::af::is_set(entry.raw)) {
            context_.counters.lost_races.add();
            return Resolution::nothing_to_do();
        }
        if (!state_.table.make_young(ipa)) {
            context_.counters.lost_races.add();
            return Resolution::resume();
        }
        context_.counters.made_young.add();
        return Resolution::resume();
    }

    Resolution resolve_memory(const Abort& abort, Ipa ipa) {
        MemoryAccess access{.ipa = ipa,
                            .kind = abort.access(),
                            .permission = abort.status.kind == FaultKind::permission};
        // DC IVAC needs write permission and is no write.
        if (abort.cache_maintenance && !abort.s1ptw && access.permission) {
            access.kind = AccessKind::write;
        }
        RawEntry found;
        const MemoryAnswer answer = MemoryResolver{state_, context_}.resolve(access, found);
        switch (answer.verdict()) {
        case Verdict::resolved:
        case Verdict::raced:
            break;
        case Verdict::allowed:
            return resume_after_race(abort, access, found);
        case Verdict::no_slot:
            return guest_fault::no_memory(abort, ipa, false);
        case Verdict::read_only:
            return guest_fault::no_memory(abort, ipa, true);
        case Verdict::withdrawn:
            return Resolution::retry(RetryReason::withdrawal);
        case Verdict::ring_full:
            return Resolution::ring_full();
        case Verdict::not_yet:
            return Resolution::retry(RetryReason::backing);
        case Verdict::refused:
            return abort.cache_maintenance && !abort.s1ptw ? Resolution::skip()
                                                           : guest_fault::external(abort);
        case Verdict::stopped:
            return Resolution::stop(answer.reason());
        }
        return Resolution::resume();
    }

    Resolution resume_after_race(const Abort& abort, const MemoryAccess& access,
                                 const RawEntry& found) {
        context_.counters.lost_races.add();
        if (!access.permission) {
            return Resolution::nothing_to_do();
        }
        // HCR_EL2.PTW: a stage-1 walk through Device memory is denied whatever the entry says.
        if (abort.s1ptw && is_device(state_.table.type(found))) {
            return guest_fault::external(abort);
        }
        // Permissions are added without telling other CPUs, so this one may hold the old entry.
        const std::uint64_t size = geometry().entry_size(found.level);
        Invalidation owed;
        owed.add_leaf(access.ipa.align_down(size), size, found.level, InvalidationScope::local);
        state_.table.discharge(owed);
        return Resolution::nothing_to_do();
    }

    const Geometry& geometry() const { return state_.table.geometry(); }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
};

} // namespace twofold
