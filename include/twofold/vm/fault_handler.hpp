// SPDX-License-Identifier: MIT
// FaultHandler: from an abort to what becomes of the vCPU that took it: find the slot, ask its
// backing, choose a mapping, and put it in place if nobody else was faster.
//
// All of it is one section. Who changes slots or takes memory away waits until the sections have
// ended that may not know of it yet, so what a fault has seen of slots and backings stays true.
// What other faults do meanwhile is seen by the table: an entry is changed only if it is as it was.
#pragma once

#include <twofold/vm/backing.hpp>
#include <twofold/vm/fault_around.hpp>
#include <twofold/vm/fault_history.hpp>
#include <twofold/vm/guest_caches.hpp>
#include <twofold/vm/guest_fault.hpp>
#include <twofold/vm/guest_state.hpp>

#include <cstdint>
#include <expected>
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
        const Lookup found = *state_.table.lookup(ipa);
        // Unmapped meanwhile, the next fault is a translation fault; or young by another's doing.
        if (!found.mapping || found.mapping->attributes.access_flag) {
            state_.counters.lost_races.add();
            return Resolution::nothing_to_do();
        }
        if (!state_.table.make_young(ipa)) {
            state_.counters.lost_races.add();
            return Resolution::resume();
        }
        state_.counters.made_young.add();
        return Resolution::resume();
    }

    Resolution resolve_memory(const Abort& abort, Ipa ipa) {
        MemoryFault fault{.ipa = ipa,
                          .access = abort.access(),
                          .permission = abort.status.kind == FaultKind::permission};
        // DC IVAC needs write permission and is no write.
        const bool maintenance = abort.cache_maintenance && !abort.s1ptw;
        if (maintenance && fault.permission) {
            fault.access = AccessKind::write;
        }
        fault.slot = state_.slots.current().find(ipa);
        if (fault.slot == nullptr || (fault.is_write() && !fault.slot->writable)) {
            return guest_fault::no_memory(abort, ipa, fault.slot != nullptr);
        }
        if (state_.withdrawals.covers(ipa)) {
            return Resolution::retry(RetryReason::withdrawal);
        }
        if (fault.is_logged() && context_.ring != nullptr && context_.ring->is_full()) {
            return Resolution::ring_full();
        }
        fault.found = *state_.table.lookup(ipa);
        if (fault.is_allowed()) {
            return resume_after_race(abort, fault);
        }

        const BackingAnswer answer = fault.slot->backing->extent(fault.offset(), fault.access);
        if (!answer) {
            if (answer.error() == Unbacked::not_yet) {
                return Resolution::retry(RetryReason::backing);
            }
            return maintenance ? Resolution::skip() : guest_fault::external(abort);
        }
        fault.extent = *answer;
        if (!fault.extent.contains(fault.offset())) {
            return Resolution::stop(StopReason::extent_outside_offset);
        }
        if (!fault.extent_allows()) {
            return maintenance ? Resolution::skip() : guest_fault::external(abort);
        }
        return resolve_extent(fault);
    }

    Resolution resolve_extent(MemoryFault& fault) {
        if (state_.withdrawals.any()) {
            // Nor does a mapping reach into what is being withdrawn beside it.
            const IpaSpan part = state_.withdrawals.clear_of(fault.memory(), fault.ipa);
            if (part.length == 0) {
                return Resolution::retry(RetryReason::withdrawal);
            }
            fault.cut_extent(part);
        }
        const auto chosen = fault.choose(geometry(), state_.policy);
        if (!chosen) {
            return Resolution::stop(StopReason::extent_below_page);
        }
        if (!geometry().fits(chosen->pa, chosen->size)) {
            return Resolution::stop(StopReason::pa_out_of_range);
        }
        maintain_caches(fault, *chosen);
        if (const auto result = install(fault, *chosen); !result) {
            if (is_lost_race(result.error())) {
                state_.counters.lost_races.add();
                return Resolution::resume();
            }
            return Resolution::stop(guest_fault::stop_reason(result.error()));
        }
        if (fault.is_logged()) {
            note_write(fault);
        }
        if (chosen->size == geometry().page_size() &&
            state_.policy.fault_around > geometry().page_size()) {
            FaultAround{state_, fault}.run();
        }
        return Resolution::resume();
    }

    // Somebody else has changed what this fault had found.
    static bool is_lost_race(Error error) {
        return error == Error::again || error == Error::already_mapped ||
               error == Error::not_mapped;
    }

    // After it may be written, so that a harvest finds both.
    void note_write(const MemoryFault& fault) {
        fault.slot->note_write(fault.ipa, geometry().page_size());
        if (context_.ring != nullptr) {
            // There is room: only this vCPU puts something in, and the ring was not full.
            (void)context_.ring->put(fault.ipa.align_down(geometry().page_size()));
        }
    }

    // Puts what was chosen into the table, next to or in place of what is there.
    std::expected<void, Error> install(const MemoryFault& fault, const ChosenMapping& chosen) {
        const Permissions wanted = fault.permissions(features());
        const MapRequest request{.ipa = chosen.ipa,
                                 .pa = chosen.pa,
                                 .length = chosen.size,
                                 .attributes = {.permissions = wanted, .type = fault.extent.type},
                                 .max_size = chosen.size};
        if (!fault.found.mapping) {
            const auto result = state_.table.map_if_absent(request);
            if (result) {
                count(chosen);
            }
            return result;
        }
        if (fault.is_backed() && fault.found.mapping->size <= chosen.size) {
            // What has grown since then (BlockRestore) is more than was asked for.
            Invalidation owed;
            const auto result =
                state_.table.relax(fault.ipa, wanted, owed, fault.extent.pa_of(fault.offset()),
                                   fault.found.mapping->size);
            state_.table.discharge(owed);
            state_.counters.permissions_raised.add(result ? 1 : 0);
            return result;
        }
        return replace(fault, chosen, request);
    }

    // Of a leaf that is there: its memory, or the permissions of a part of it. Other faults may
    // know better what belongs there, so it is done only if the leaf is that which was found before
    // the backing was asked, and no other fault replaces it at the same time.
    std::expected<void, Error> replace(const MemoryFault& fault, const ChosenMapping& chosen,
                                       const MapRequest& request) {
        const Mapping& found = *fault.found.mapping;
        const Held held{state_.lock_around(found.ipa)};
        const Lookup now = *state_.table.lookup(fault.ipa);
        if (!now.mapping || now.mapping->pa != found.pa || now.mapping->size != found.size) {
            return std::unexpected(Error::again);
        }
        Invalidation owed;
        std::expected<void, Error> result;
        if (fault.is_backed()) {
            // Only this part of the block may have the permission; the rest stays as it is. That it
            // can be written may just be taken away, and is only given again where it is noticed.
            Permissions permissions = now.mapping->attributes.permissions;
            permissions.write = false;
            result = state_.table.protect(chosen.ipa, chosen.size,
                                          permissions | request.attributes.permissions, owed);
            state_.counters.blocks_split.add(result ? 1 : 0);
        } else {
            result = state_.table.map(request, owed);
            if (result) {
                state_.counters.replaced.add();
                count(chosen);
            }
        }
        state_.table.discharge(owed);
        return result;
    }

    Resolution resume_after_race(const Abort& abort, const MemoryFault& fault) {
        state_.counters.lost_races.add();
        if (!fault.permission) {
            return Resolution::nothing_to_do();
        }
        const Mapping& found = *fault.found.mapping;
        // HCR_EL2.PTW: a stage-1 walk through Device memory is denied whatever the entry says.
        if (abort.s1ptw && is_device(found.attributes.type)) {
            return guest_fault::external(abort);
        }
        // Permissions are added without telling other CPUs, so this one may hold the old entry.
        Invalidation owed;
        owed.add_leaf(found.ipa, found.size, found.level, InvalidationScope::local);
        state_.table.discharge(owed);
        return Resolution::nothing_to_do();
    }

    void maintain_caches(const MemoryFault& fault, const ChosenMapping& chosen) {
        const GuestCaches caches{state_};
        Pa pa = chosen.pa;
        std::uint64_t size = chosen.size;
        if (fault.is_backed()) {
            // Only a permission is missing, of this leaf or of the part of it that was chosen.
            if (fault.found.mapping->size < size) {
                pa = fault.found.mapping->pa;
                size = fault.found.mapping->size;
            }
        } else {
            caches.clean(fault.extent, pa, size);
        }
        if (fault.access == AccessKind::fetch) {
            caches.make_executable(pa, size);
        }
    }

    void count(const ChosenMapping& chosen) {
        state_.counters.of(*geometry().level_of(chosen.size), chosen.limited_by).add();
    }

    const Geometry& geometry() const { return state_.table.geometry(); }
    const CpuFeatures& features() const { return state_.table.features(); }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
};

} // namespace twofold
