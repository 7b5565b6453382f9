// SPDX-License-Identifier: MIT
// FaultHandler: from an abort to what becomes of the vCPU that took it: find the slot, ask its
// backing without the lock, choose a mapping, and put it in place if nothing was taken away
// meanwhile.
#pragma once

#include <twofold/vm/backing.hpp>
#include <twofold/vm/fault_history.hpp>
#include <twofold/vm/guest_fault.hpp>
#include <twofold/vm/guest_state.hpp>

#include <cstdint>
#include <expected>
#include <optional>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class FaultHandler {
public:
    explicit FaultHandler(GuestState<Port, Lock>& state) : state_{state} {}

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
        return abort.status.kind == FaultKind::access_flag ? make_young(*ipa)
                                                           : resolve_memory(abort, *ipa);
    }

private:
    Resolution resolve_tlb_conflict() {
        const Held held{state_.lock};
        Invalidation owed;
        owed.add_whole_vmid();
        state_.table.discharge(owed);
        return Resolution::resume();
    }

    Resolution make_young(Ipa ipa) {
        const Held held{state_.lock};
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
        {
            const Held held{state_.lock};
            const Slot* slot = state_.slots.find(ipa);
            if (slot == nullptr || (fault.is_write() && !slot->writable)) {
                return guest_fault::no_memory(abort, ipa, slot != nullptr);
            }
            fault.slot = *slot;
            fault.generation = state_.generation;
            fault.found = *state_.table.lookup(ipa);
            if (fault.is_allowed()) {
                return resume_after_race(abort, fault);
            }
        }

        const BackingAnswer answer = fault.slot.backing->extent(fault.offset(), fault.access);
        if (!answer) {
            if (answer.error() == Unbacked::not_yet) {
                return Resolution::retry();
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
        return resolve_extent(abort, fault);
    }

    Resolution resolve_extent(const Abort& abort, MemoryFault& fault) {
        auto chosen = fault.choose(geometry(), state_.policy);
        if (!chosen) {
            return Resolution::stop(StopReason::extent_below_page);
        }
        if (!geometry().fits(chosen->pa, chosen->size)) {
            return Resolution::stop(StopReason::pa_out_of_range);
        }
        maintain_caches(fault, *chosen);

        const Held held{state_.lock};
        if (state_.generation != fault.generation) {
            state_.counters.lost_races.add(); // the answer may be out of date
            return Resolution::resume();
        }
        // Others may have mapped something since, never removed it.
        fault.found = *state_.table.lookup(fault.ipa);
        if (fault.is_allowed() && fault.is_backed()) {
            return resume_after_race(abort, fault);
        }
        chosen = fault.choose(geometry(), state_.policy);
        if (!chosen) {
            return Resolution::stop(StopReason::extent_below_page);
        }
        if (const auto result = install(fault, *chosen); !result) {
            if (result.error() == Error::again) {
                state_.counters.lost_races.add();
                return Resolution::resume();
            }
            return Resolution::stop(guest_fault::stop_reason(result.error()));
        }
        fault.found = *state_.table.lookup(fault.ipa);
        if (fault.is_write()) {
            // After it may be written, so that a harvest finds both.
            fault.slot.note_write(fault.ipa, geometry().page_size());
        }
        return fault.is_allowed() && fault.is_backed() ? Resolution::resume()
                                                       : Resolution::stop(StopReason::no_progress);
    }

    // Puts what was chosen into the table, next to or in place of what is there.
    std::expected<void, Error> install(const MemoryFault& fault, const ChosenMapping& chosen) {
        const Permissions wanted = fault.permissions(features());
        const MapRequest request{.ipa = chosen.ipa,
                                 .pa = chosen.pa,
                                 .length = chosen.size,
                                 .attributes = {.permissions = wanted, .type = fault.extent.type},
                                 .max_size = chosen.size};
        const auto count_mapping = [&] {
            state_.counters.of(*geometry().level_of(chosen.size), chosen.limited_by).add();
        };
        if (!fault.found.mapping) {
            auto result = state_.table.map_if_absent(request);
            if (result) {
                count_mapping();
            }
            return result;
        }

        const Mapping& found = *fault.found.mapping;
        Invalidation owed;
        std::expected<void, Error> result;
        if (!fault.is_backed()) {
            result = state_.table.map(request, owed);
            if (result) {
                state_.counters.replaced.add();
                count_mapping();
            }
        } else if (found.size <= chosen.size) {
            result = state_.table.relax(fault.ipa, wanted, owed);
            state_.counters.permissions_raised.add();
        } else {
            // Only this part of the block may have the permission; the rest stays as it is.
            result = state_.table.protect(chosen.ipa, chosen.size,
                                          found.attributes.permissions | wanted, owed);
            state_.counters.blocks_split.add();
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
        Pa pa = chosen.pa;
        std::uint64_t size = chosen.size;
        if (fault.is_backed()) {
            // Only a permission is missing, of this leaf or of the part of it that was chosen.
            if (fault.found.mapping->size < size) {
                pa = fault.found.mapping->pa;
                size = fault.found.mapping->size;
            }
        } else if (!features().fwb && is_cacheable(fault.extent.type) && !fault.extent.clean) {
            state_.port.clean_dcache(pa, size);
            state_.counters.dcache_bytes.add(size);
        }
        if (fault.access == AccessKind::fetch && !features().dic) {
            state_.port.invalidate_icache(pa, size);
            state_.counters.icache_bytes.add(size);
        }
    }

    const Geometry& geometry() const { return state_.table.geometry(); }
    const CpuFeatures& features() const { return state_.table.features(); }

    GuestState<Port, Lock>& state_;
};

} // namespace twofold
