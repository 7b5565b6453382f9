// SPDX-License-Identifier: MIT
// MemoryResolver: gives a guest the access to its memory that it faulted on: find the slot, ask its
// backing, choose a mapping, and put it in place if nobody else was faster.
//
// All of it is one section. Who changes slots or takes memory away waits until the sections have
// ended that may not know of it yet, so what a fault has seen of slots and backings stays true.
// What other faults do meanwhile is seen by the table: an entry is changed only if it is as it was.
#pragma once

#include <twofold/vm/backing.hpp>
#include <twofold/vm/fault_around.hpp>
#include <twofold/vm/guest_caches.hpp>
#include <twofold/vm/guest_fault.hpp>
#include <twofold/vm/guest_state.hpp>
#include <twofold/vm/memory_access.hpp>

#include <cstdint>
#include <expected>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class MemoryResolver {
public:
    MemoryResolver(GuestState<Port, Lock>& state, FaultContext& context)
        : state_{state},
          context_{context} {}

    // In the context's section; the IPA is one of the table. `found`: the entry there, if it was
    // looked at.
    MemoryAnswer resolve(const MemoryAccess& access, RawEntry& found) {
        MemoryFault fault{
            .ipa = access.ipa, .access = access.kind, .permission = access.permission};
        fault.slot = state_.slots.current().find(fault.ipa);
        if (fault.slot == nullptr) {
            return {Verdict::no_slot};
        }
        if (fault.is_write() && !fault.slot->writable) {
            return {Verdict::read_only};
        }
        if (state_.withdrawals.covers(fault.ipa)) {
            return {Verdict::withdrawn};
        }
        if (fault.is_logged() && context_.ring != nullptr && context_.ring->is_full()) {
            return {Verdict::ring_full};
        }
        fault.found = state_.table.entry(fault.ipa);
        if (fault.found.is_leaf &&
            MemoryFault::allows(state_.table.permissions(fault.found), fault.access)) {
            found = fault.found;
            return {Verdict::allowed};
        }

        BackingAnswer answer = fault.slot->backing->extent(fault.offset(), fault.access);
        if (!answer) [[unlikely]] {
            return {answer.error() == Unbacked::not_yet ? Verdict::not_yet : Verdict::refused};
        }
        fault.extent = &*answer;
        if (!answer->contains(fault.offset())) [[unlikely]] {
            return MemoryAnswer::stop(StopReason::extent_outside_offset);
        }
        if (!fault.extent_allows()) [[unlikely]] {
            return {Verdict::refused};
        }
        fault.backed = fault.found.is_leaf && state_.shows(fault.found, fault);
        if (state_.withdrawals.any()) [[unlikely]] {
            // Nor does a mapping reach into what is being withdrawn beside it.
            const IpaSpan part = state_.withdrawals.clear_of(fault.memory(), fault.ipa);
            if (part.length == 0) {
                return {Verdict::withdrawn};
            }
            fault.cut_extent(part);
        }
        return resolve_extent(fault);
    }

private:
    MemoryAnswer resolve_extent(const MemoryFault& fault) {
        if (fault.backed && fault.found.level == page_level) {
            // A page that lacks a permission: there is no choice.
            const std::uint64_t page = geometry().page_size();
            return finish(fault, page, raise(fault, page));
        }
        const auto chosen = fault.choose(geometry(), state_.policy);
        if (!chosen) {
            return MemoryAnswer::stop(StopReason::extent_below_page);
        }
        if (!geometry().fits(chosen->pa, chosen->size)) {
            return MemoryAnswer::stop(StopReason::pa_out_of_range);
        }
        return finish(fault, chosen->size, install(fault, *chosen));
    }

    // `size` bytes have been mapped for the fault, or could not be.
    [[gnu::always_inline]] MemoryAnswer finish(const MemoryFault& fault, std::uint64_t size,
                                               const std::expected<void, Error>& done) {
        if (!done) {
            if (is_lost_race(done.error())) {
                context_.counters.lost_races.add();
                return {Verdict::raced};
            }
            return MemoryAnswer::stop(guest_fault::stop_reason(done.error()));
        }
        if (fault.is_logged()) {
            note_write(fault);
        }
        // A page that was there lacked a permission: so may others, but only of those to execute
        // none is asked for one by one.
        const bool alone = fault.backed && fault.access != AccessKind::fetch;
        const std::uint64_t page = geometry().page_size();
        if (size == page && state_.policy.fault_around > page && !alone) {
            FaultAround{state_, context_, fault}.run();
        }
        return {Verdict::resolved};
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
        const std::uint64_t found_size = geometry().entry_size(fault.found.level);
        if (fault.backed && found_size <= chosen.size) {
            return raise(fault, found_size);
        }
        const GuestCaches caches{state_, context_};
        if (!fault.backed) {
            caches.clean(*fault.extent, chosen.pa, chosen.size);
        }
        if (fault.access == AccessKind::fetch) {
            caches.make_executable(chosen.pa, chosen.size);
        }
        if (fault.found.is_leaf) {
            return replace(fault, chosen);
        }
        auto result = state_.table.map_if_absent(request_of(fault, chosen));
        if (result) {
            count(chosen);
        }
        return result;
    }

    MapRequest request_of(const MemoryFault& fault, const ChosenMapping& chosen) const {
        return {.ipa = chosen.ipa,
                .pa = chosen.pa,
                .length = chosen.size,
                .attributes = fault.attributes(features()),
                .max_size = chosen.size};
    }

    // Only a permission is missing, of a leaf of `size` bytes.
    std::expected<void, Error> raise(const MemoryFault& fault, std::uint64_t size) {
        if (fault.access == AccessKind::fetch) {
            const std::uint64_t offset = fault.ipa.offset_in(size);
            GuestCaches{state_, context_}.make_executable(Pa{fault.pa().value - offset}, size);
        }
        // What has grown since then (BlockRestore) is more than was asked for.
        auto result =
            state_.table.relax_now(fault.ipa, fault.permissions(features()), fault.pa(), size);
        if (result) {
            context_.counters.permissions_raised.add();
        }
        return result;
    }

    // Of a leaf that is there: its memory, or the permissions of a part of it. Other faults may
    // know better what belongs there, so it is done only if the leaf is that which was found before
    // the backing was asked, and no other fault replaces it at the same time.
    // By value, so that a fault that does not come here is all in registers.
    [[gnu::noinline]] std::expected<void, Error> replace(MemoryFault fault, ChosenMapping chosen) {
        const std::uint64_t size = geometry().entry_size(fault.found.level);
        const Held held{state_.lock_around(fault.ipa.align_down(size))};
        const RawEntry now = state_.table.entry(fault.ipa);
        if (!now.is_leaf || now.level != fault.found.level ||
            state_.table.output(now, fault.ipa) != state_.table.output(fault.found, fault.ipa)) {
            return std::unexpected(Error::again);
        }
        // Of a block only the chosen part may have the permission; the rest stays as it is. That it
        // can be written may just be taken away, and is only given again where it is noticed.
        Permissions permissions = state_.table.permissions(now);
        permissions.write = false;
        Invalidation owed;
        auto result = fault.backed
                          ? state_.table.protect(chosen.ipa, chosen.size,
                                                 permissions | fault.permissions(features()), owed)
                          : state_.table.map(request_of(fault, chosen), owed);
        if (result && fault.backed) {
            context_.counters.blocks_split.add();
        } else if (result) {
            context_.counters.replaced.add();
            count(chosen);
        }
        state_.table.discharge(owed);
        return result;
    }

    void count(const ChosenMapping& chosen) {
        context_.counters.of(*geometry().level_of(chosen.size), chosen.limited_by).add();
    }

    const Geometry& geometry() const { return state_.table.geometry(); }
    const CpuFeatures& features() const { return state_.table.features(); }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
};

} // namespace twofold
