// SPDX-License-Identifier: MIT
// BlockRestore: maps what has been divided in larger pieces again.
#pragma once

#include <twofold/table/progress.hpp>
#include <twofold/table/size_change.hpp>
#include <twofold/vm/backing.hpp>
#include <twofold/vm/guest_caches.hpp>
#include <twofold/vm/guest_state.hpp>

#include <algorithm>
#include <cstdint>
#include <expected>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class BlockRestore {
public:
    BlockRestore(GuestState<Port, Lock>& state, FaultContext& context, Progress& progress)
        : state_{state},
          context_{context},
          progress_{progress} {}

    std::expected<void, SlotRefusal> run(Ipa start) {
        do {
            // A section of its own for each step: who waits for faults does not wait long.
            const FaultSection section{state_.clock, context_};
            const Slot* slot = state_.slots.current().starting_at(start);
            if (slot == nullptr) {
                return std::unexpected(SlotRefusal{Error::slot_unknown});
            }
            progress_.next = std::max(progress_.next, slot->range.start);
            if (progress_.next >= slot->range.end()) {
                progress_.next = slot->range.end();
                return {};
            }
            const auto step = restore_at(*slot, progress_.next);
            if (!step) {
                return std::unexpected(SlotRefusal{step.error()});
            }
            progress_.next = std::min(step->next, slot->range.end());
            progress_.budget -= std::min(progress_.budget, step->entries);
        } while (progress_.budget != 0);
        return {};
    }

private:
    struct Step {
        Ipa next = {};
        std::uint64_t entries = 1; // looked at or replaced
    };

    const Geometry& geometry() const { return state_.table.geometry(); }

    std::expected<Step, Error> restore_at(const Slot& slot, Ipa ipa) {
        const RawEntry entry = state_.table.entry(ipa);
        const std::uint64_t size = geometry().entry_size(entry.level);
        const Step skip{ipa.align_down(size) + size};
        if (!entry.is_leaf) {
            return skip;
        }
        if (slot.dirty_logging) {
            return Step{slot.range.end()};
        }
        BackingAnswer answer = slot.backing->extent(slot.offset_of(ipa), AccessKind::read);
        if (!answer || !answer->contains(slot.offset_of(ipa))) {
            return skip;
        }
        const MemoryFault fault{.ipa = ipa, .slot = &slot};
        const BackedFault backed{fault, *answer};
        const IpaSpan part = state_.withdrawals.clear_of(backed.memory(), ipa);
        if (part.length == 0 || !state_.shows(entry, backed)) {
            return skip;
        }
        backed.cut(part);
        const auto chosen = choose_mapping(geometry(), backed.request(state_.policy));
        if (!chosen || chosen->size <= size || !geometry().fits(chosen->pa, chosen->size)) {
            return skip;
        }
        const auto made =
            answer->writable || !slot.writable ? replace(backed, *chosen) : collapse(*chosen);
        if (!made) {
            return std::unexpected(made.error());
        }
        return Step{chosen->ipa + chosen->size, chosen->size / geometry().page_size()};
    }

    // Memory that is all there is to say about this range: no answer to a fault can differ.
    std::expected<void, Error> replace(const BackedFault& backed, const ChosenMapping& chosen) {
        std::uint64_t mapped = 0;
        std::uint64_t largest = 0;
        bool executable = false;
        state_.table.for_each_leaf(chosen.ipa, chosen.size, [&](const Mapping& leaf) {
            mapped += leaf.size;
            largest = std::max(largest, leaf.size);
            executable = executable || leaf.attributes.permissions.execute_el1;
        });
        const GuestCaches caches{state_, context_};
        if (mapped < chosen.size) {
            caches.clean(backed.extent, chosen.pa, chosen.size);
        }
        Permissions permissions = backed.permissions(state_.table.features());
        if (executable && backed.may_execute() && !permissions.execute_el1) {
            caches.make_executable(chosen.pa, chosen.size);
            permissions.execute_el0 = permissions.execute_el1 = true;
        }
        const MapRequest request{
            .ipa = chosen.ipa,
            .pa = chosen.pa,
            .length = chosen.size,
            .attributes = {.permissions = permissions, .type = backed.extent.type},
            .max_size = chosen.size};
        auto result = state_.persist([&] {
            Invalidation owed;
            auto mapped_again = state_.table.map(request, owed);
            state_.table.discharge(owed);
            return mapped_again;
        });
        if (result) {
            context_.counters.blocks_restored.add();
            note_size(state_.port, {.kind = SizeChangeKind::collapse,
                                    .ipa = chosen.ipa,
                                    .size = chosen.size,
                                    .leaf = largest});
        }
        return result;
    }

    // A write may have made a copy of a page, or does so now: what is one run of memory is found
    // out by the table, entry by entry.
    std::expected<void, Error> collapse(const ChosenMapping& chosen) {
        std::uint64_t blocks = 0;
        const auto result = state_.persist([&] {
            Invalidation owed;
            auto made = state_.table.collapse(chosen.ipa, chosen.size, owed, chosen.size);
            state_.table.discharge(owed);
            blocks += made.value_or(0);
            return made;
        });
        context_.counters.blocks_restored.add(blocks);
        return result ? std::expected<void, Error>{} : std::unexpected(result.error());
    }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
    Progress& progress_;
};

} // namespace twofold
