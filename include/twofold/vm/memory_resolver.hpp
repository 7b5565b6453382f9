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
    [[gnu::always_inline]] MemoryAnswer resolve(const MemoryAccess& access, RawEntry& found) {
        const Slot* const slot = state_.slots.current().find(access.ipa);
        if (slot == nullptr) {
            return Verdict::no_slot;
        }
        const bool write = access.kind == AccessKind::write;
        if (write && !slot->writable) {
            return Verdict::read_only;
        }
        if (state_.withdrawals.covers(access.ipa)) {
            return Verdict::withdrawn;
        }
        if (write && slot->dirty_logging && context_.ring != nullptr && context_.ring->is_full()) {
            return Verdict::ring_full;
        }
        [[maybe_unused]] const auto section = state_.table.section();
        const MemoryFault fault{.ipa = access.ipa,
                                .access = access.kind,
                                .permission = access.permission,
                                .slot = slot,
                                .found = state_.table.entry(access.ipa)};
        if (!fault.found.is_leaf) {
            return fill(fault);
        }
        if (state_.table.allows(fault.found, fault.access)) {
            found = fault.found;
            return Verdict::allowed;
        }
        return change(fault);
    }

private:
    // Where nothing is mapped.
    [[gnu::noinline]] MemoryAnswer fill(const MemoryFault& fault) {
        BackingAnswer answer = fault.slot->backing->extent(fault.offset(), fault.access);
        if (const MemoryAnswer no = objection(fault, answer); no != MemoryAnswer{}) [[unlikely]] {
            return no;
        }
        const BackedFault backed{fault, *answer};
        const std::uint64_t hole = geometry().entry_size(fault.found.level);
        const auto chosen = backed.choose(geometry(), state_.policy, hole);
        if (!chosen || !geometry().fits(chosen->pa, chosen->size)) [[unlikely]] {
            return no_mapping(chosen.has_value());
        }
        const GuestCaches caches{state_, context_};
        caches.clean(*answer, chosen->pa, chosen->size);
        if (fault.access == AccessKind::fetch) {
            caches.make_executable(chosen->pa, chosen->size);
        }
        const auto mapped = state_.table.map_at(fault.found, request_of(backed, *chosen));
        if (!mapped) [[unlikely]] {
            return failed(mapped.error());
        }
        count(*chosen, fault.found.level);
        if (fault.is_logged()) {
            note_write(fault);
        }
        if (chosen->size < state_.policy.fault_around && chosen->size == geometry().page_size()) {
            FaultAround{state_, context_, fault}.run();
        }
        return Verdict::resolved;
    }

    // Of a leaf that does not allow the access: its permissions, its memory, or those of a part.
    [[gnu::noinline]] MemoryAnswer change(const MemoryFault& fault) {
        BackingAnswer answer = fault.slot->backing->extent(fault.offset(), fault.access);
        if (const MemoryAnswer no = objection(fault, answer); no != MemoryAnswer{}) [[unlikely]] {
            return no;
        }
        const BackedFault backed{fault, *answer};
        // A page that lacks a permission: there is no choice.
        if (fault.found.level != page_level || !state_.shows(fault.found, backed)) {
            return exchange(backed);
        }
        const std::uint64_t page = geometry().page_size();
        const auto raised = raise(backed, page);
        if (!raised) [[unlikely]] {
            return failed(raised.error());
        }
        if (fault.is_logged()) {
            note_write(fault);
        }
        // Pages beside it may lack the same; but only those to execute none is asked for one by
        // one.
        if (fault.access == AccessKind::fetch && page < state_.policy.fault_around) {
            FaultAround{state_, context_, fault}.run();
        }
        return Verdict::resolved;
    }

    // Puts what belongs there in place of the leaf that was found, or of a part of it.
    [[gnu::noinline]] MemoryAnswer exchange(const BackedFault& backed) {
        const MemoryFault& fault = backed.fault;
        const bool shown = state_.shows(fault.found, backed);
        const std::uint64_t found_size = geometry().entry_size(fault.found.level);
        const auto chosen =
            backed.choose(geometry(), state_.policy, shown ? MappingPolicy::unlimited : found_size);
        if (!chosen || !geometry().fits(chosen->pa, chosen->size)) {
            return no_mapping(chosen.has_value());
        }
        const auto done = shown && found_size <= chosen->size ? raise(backed, found_size)
                                                              : replace(backed, *chosen, shown);
        if (!done) {
            return failed(done.error());
        }
        if (fault.is_logged()) {
            note_write(fault);
        }
        const std::uint64_t page = geometry().page_size();
        const bool alone = shown && fault.access != AccessKind::fetch;
        if (chosen->size == page && page < state_.policy.fault_around && !alone) {
            FaultAround{state_, context_, fault}.run();
        }
        return Verdict::resolved;
    }

    // Why what the backing answered is not for this access. What is being taken away beside it is
    // cut off: no mapping reaches into that.
    [[gnu::always_inline]] MemoryAnswer objection(const MemoryFault& fault, BackingAnswer& answer) {
        if (!answer) [[unlikely]] {
            return answer.error() == Unbacked::not_yet ? Verdict::not_yet : Verdict::refused;
        }
        if (!answer->contains(fault.offset())) [[unlikely]] {
            return MemoryAnswer::stop(StopReason::extent_outside_offset);
        }
        const BackedFault backed{fault, *answer};
        if (!backed.is_allowed()) [[unlikely]] {
            return Verdict::refused;
        }
        return state_.withdrawals.any() ? cut_clear(backed) : MemoryAnswer{};
    }
    [[gnu::noinline]] MemoryAnswer cut_clear(const BackedFault& backed) const {
        const IpaSpan part = state_.withdrawals.clear_of(backed.memory(), backed.fault.ipa);
        if (part.length == 0) {
            return Verdict::withdrawn;
        }
        backed.cut(part);
        return {};
    }

    // Nothing was chosen, or something that does not fit the table.
    static MemoryAnswer no_mapping(bool chosen) {
        return MemoryAnswer::stop(chosen ? StopReason::pa_out_of_range
                                         : StopReason::extent_below_page);
    }
    [[gnu::noinline]] MemoryAnswer failed(Error error) {
        // Somebody else has changed what this fault had found.
        if (error == Error::again || error == Error::already_mapped || error == Error::not_mapped) {
            context_.counters.lost_races.add();
            return Verdict::raced;
        }
        return MemoryAnswer::stop(guest_fault::stop_reason(error));
    }

    // After it may be written, so that a harvest finds both.
    [[gnu::always_inline]] void note_write(const MemoryFault& fault) {
        fault.slot->note_write(fault.ipa, geometry().page_size());
        if (context_.ring != nullptr) {
            // There is room: only this vCPU puts something in, and the ring was not full.
            (void)context_.ring->put(fault.ipa.align_down(geometry().page_size()));
        }
    }

    [[gnu::always_inline]] MapRequest request_of(const BackedFault& backed,
                                                 const ChosenMapping& chosen) const {
        return {.ipa = chosen.ipa,
                .pa = chosen.pa,
                .length = chosen.size,
                .attributes = backed.attributes(features()),
                .max_size = chosen.size};
    }

    // Only a permission is missing, of a leaf of `size` bytes. What has grown since then
    // (BlockRestore) is more than was asked for.
    [[gnu::always_inline]] std::expected<void, Error> raise(const BackedFault& backed,
                                                            std::uint64_t size) {
        const MemoryFault& fault = backed.fault;
        if (fault.access == AccessKind::fetch) {
            const std::uint64_t offset = fault.ipa.offset_in(size);
            GuestCaches{state_, context_}.make_executable(Pa{backed.pa().value - offset}, size);
        }
        if (const auto raised =
                state_.table.relax_now_at(fault.found, fault.ipa, backed.permissions(features()));
            !raised) [[unlikely]] {
            return std::unexpected(raised.error());
        }
        context_.counters.permissions_raised.add();
        return {};
    }

    // Of a leaf that is there: its memory, or the permissions of a part of it (`shown`). Other
    // faults may know better what belongs there, so it is done only if the leaf is that which was
    // found before the backing was asked, and no other fault replaces it at the same time.
    std::expected<void, Error> replace(const BackedFault& backed, const ChosenMapping& chosen,
                                       bool shown) {
        const MemoryFault& fault = backed.fault;
        const GuestCaches caches{state_, context_};
        if (!shown) {
            caches.clean(backed.extent, chosen.pa, chosen.size);
        }
        if (fault.access == AccessKind::fetch) {
            caches.make_executable(chosen.pa, chosen.size);
        }
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
        auto result = shown
                          ? state_.table.protect(chosen.ipa, chosen.size,
                                                 permissions | backed.permissions(features()), owed)
                          : state_.table.map(request_of(backed, chosen), owed);
        if (result && shown) {
            context_.counters.blocks_split.add();
        } else if (result) {
            context_.counters.replaced.add();
            count(chosen, fault.found.level);
        }
        state_.table.discharge(owed);
        return result;
    }

    // `likely`: the level that it probably has.
    [[gnu::always_inline]] void count(const ChosenMapping& chosen, Level likely) {
        const bool is_so = geometry().entry_size(likely) == chosen.size;
        context_.counters.of(is_so ? likely : *geometry().level_of(chosen.size), chosen.limited_by)
            .add();
    }

    const Geometry& geometry() const { return state_.table.geometry(); }
    const CpuFeatures& features() const { return state_.table.features(); }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
};

} // namespace twofold
