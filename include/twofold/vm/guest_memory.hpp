// SPDX-License-Identifier: MIT
// GuestMemory: the memory of one guest. Slots say where memory is, backings say what it is, the
// table shows it to the CPU; handle() answers the aborts in between.
//
// What may run beside what: faults (handle(), populate(), restore_blocks()) beside everything, each
// context by one thread of control at a time; they wait for nobody but, where a leaf is replaced or
// divided for one of them, for each other. All other calls beside each other; those that change
// slots or harvest take the lock, and wait for each other. A call that takes something away waits
// until the faults have ended that were under way when it began: it must not be made from within a
// Backing, nor with a lock that a Backing takes.
#pragma once

#include <twofold/table/stage2.hpp>
#include <twofold/vm/ageing.hpp>
#include <twofold/vm/backing.hpp>
#include <twofold/vm/block_restore.hpp>
#include <twofold/vm/dirty_runs.hpp>
#include <twofold/vm/explanation.hpp>
#include <twofold/vm/fault_handler.hpp>
#include <twofold/vm/guest_state.hpp>
#include <twofold/vm/population.hpp>
#include <twofold/vm/write_tracking.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <utility>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class GuestMemory {
public:
    // `port` is that of `table`; it, `slots` and `contexts` outlive this object. `slots`: storage
    // for twice as many as there can be. `contexts`: one for each vCPU, and for each thread that
    // calls populate() or restore_blocks().
    GuestMemory(Port& port, Stage2<Port>&& table, std::span<Slot> slots,
                std::span<FaultContext> contexts, const GuestMemoryPolicy& policy = {})
        : state_{port, std::move(table), slots, contexts, policy} {}

    const Geometry& geometry() const { return state_.table.geometry(); }
    const CpuFeatures& features() const { return state_.table.features(); }
    Pa root() const { return state_.table.root(); }
    // The sum over all contexts, a moment ago.
    FaultCounters counters() const {
        FaultCounters sum;
        for (const FaultContext& context : state_.contexts) {
            sum.add(context.counters);
        }
        return sum;
    }
    TableCounters table_counters() const { return state_.table.counters(); }

    // Errors: those of Slots::add; dbm_needs_hafdbs (its writes cannot be tracked by this CPU). A
    // slot that is refused is not there, or as it was.
    std::expected<void, SlotRefusal> add_slot(const Slot& slot) {
        if (slot.by_hardware() && !features().dirty_state) {
            return std::unexpected(SlotRefusal{Error::dbm_needs_hafdbs});
        }
        const Held held{state_.lock};
        return change_slots([&](Slots& slots) { return slots.add(slot); });
    }
    // Afterwards no CPU can reach the memory through this slot, nor is its backing asked. Errors:
    // slot_unknown.
    std::expected<void, SlotRefusal> remove_slot(Ipa start) {
        return give_up(start, 0, [&](Slots& slots) { return slots.remove(start); });
    }
    // The slot's memory is at `to`, and not where it was. Errors: those of Slots::move.
    std::expected<void, SlotRefusal> move_slot(Ipa start, Ipa to) {
        return give_up(start, 0, [&](Slots& slots) { return slots.move(start, to); });
    }
    // What is cut off cannot be reached any more. Errors: those of Slots::resize.
    std::expected<void, SlotRefusal> resize_slot(Ipa start, std::uint64_t length) {
        return give_up(start, length, [&](Slots& slots) { return slots.resize(start, length); });
    }
    // Whether the guest may write, and whether its first write to each page is to be noticed. Holds
    // on every CPU when it returns; with a Progress, for what lies below progress->next, and the
    // call is to be made again with the same arguments until that is the end of the slot. Errors:
    // slot_unknown.
    std::expected<void, SlotRefusal> set_slot_flags(Ipa start, bool writable, bool dirty_logging,
                                                    Progress* progress = nullptr) {
        const Held held{state_.lock};
        const Slot* slot = state_.slots.current().starting_at(start);
        if (slot == nullptr) {
            return std::unexpected(SlotRefusal{Error::slot_unknown});
        }
        const Slot before = *slot;
        const bool changes = slot->writable != writable || slot->dirty_logging != dirty_logging;
        if (changes) {
            (void)change_slots(
                [&](Slots& slots) { return slots.set_flags(start, writable, dirty_logging); });
        }
        Progress all;
        Progress& p = progress != nullptr ? *progress : all;
        // Also where the flags are set already: that may be by steps that were not gone on with.
        WriteTracking{state_}.begin(before, writable, dirty_logging, p);
        return {};
    }

    // What has been written while writes were logged, and not been told yet: makes those pages of
    // the slot that starts at `start` clean again, no others - read-only, or for hardware to note
    // the next write - and then calls visit(Ipa, std::uint64_t length) for each run of them, to
    // copy it; a write after that is told by the next harvest. One harvester of a slot at a time;
    // faults go on beside visit(). With a budget it stops after about as many words of the bitmap,
    // and where hardware tracks, 64 entries of the table for each; progress.next is where to go on.
    // Returns how many pages there were. The last harvest is complete if no vCPU runs. Errors:
    // slot_unknown, slot_without_bitmap.
    template <class Visit>
    std::expected<std::uint64_t, SlotRefusal> harvest_dirty(Ipa start, Visit&& visit,
                                                            Progress& progress) {
        std::uint64_t pages = 0;
        Ipa collected = progress.next; // by hardware: below it the bitmap knows all
        for (;;) {
            DirtyRuns runs;
            bool more = false;
            {
                const Held held{state_.lock};
                const Slot* slot = state_.slots.current().starting_at(start);
                if (slot == nullptr || slot->dirty == nullptr) {
                    return std::unexpected(SlotRefusal{
                        slot == nullptr ? Error::slot_unknown : Error::slot_without_bitmap});
                }
                Ipa limit = slot->range.end();
                if (slot->by_hardware()) {
                    if (progress.next >= collected) {
                        Progress step{.budget = entries_at_once, .next = progress.next};
                        WriteTracking{state_}.track(*slot, &step);
                        collected = step.next;
                    }
                    limit = collected;
                }
                more = runs.take(*slot, limit, geometry().page_size(), progress) ||
                       (progress.next < slot->range.end() && progress.budget != 0);
                if (!slot->by_hardware()) {
                    WriteTracking{state_}.protect({runs.begin(), runs.end()});
                }
            }
            for (const IpaSpan& run : runs) {
                visit(run.start, run.length);
                pages += run.length / geometry().page_size();
            }
            if (!more) {
                return pages;
            }
        }
    }
    // The same for what is in a vCPU's dirty ring, which is emptied: visit(Ipa) for each page,
    // which may have come twice. Returns how many. One harvester of a ring at a time, beside its
    // vCPU.
    template <class Visit>
    std::size_t harvest_ring(FaultContext& context, Visit&& visit) {
        std::size_t total = 0;
        for (std::size_t taken = context.ring != nullptr ? 1 : 0; taken != 0; total += taken) {
            std::array<IpaSpan, 64> pages;
            taken = 0;
            context.ring->take(
                [&](Ipa page) {
                    pages[taken++] = {page, geometry().page_size()};
                },
                pages.size());
            const std::span<const IpaSpan> found{pages.data(), taken};
            WriteTracking{state_}.protect(found);
            for (const IpaSpan& page : found) {
                visit(page.start);
            }
        }
        return total;
    }
    // For a device model that has written to the guest's memory itself. Nothing where writes are
    // not logged.
    void mark_dirty(const IpaSpan& range) {
        const Held held{state_.lock};
        const std::uint64_t page = geometry().page_size();
        for (Ipa ipa = range.start.align_down(page); ipa < range.end(); ipa += page) {
            if (const Slot* slot = state_.slots.current().find(ipa)) {
                slot->note_write(ipa, page);
            }
        }
    }
    // Divides what is larger than a page in the next `chunk` bytes of the slot from progress.next
    // on, so that no write has to; all that is mapped stays mapped. Errors: slot_unknown;
    // out_of_memory: some of it is divided, and the call may be made again.
    std::expected<void, SlotRefusal> split_blocks(Ipa start, std::uint64_t chunk,
                                                  Progress& progress) {
        const auto range = slot_range(start);
        if (!range) {
            return std::unexpected(range.error());
        }
        const Ipa from = std::max(progress.next, range->start);
        if (from >= range->end()) {
            progress.next = range->end();
            return {};
        }
        const std::uint64_t page = geometry().page_size();
        const std::uint64_t left = range->end() - from;
        const std::uint64_t length =
            chunk < left ? std::min(align_up(std::max(chunk, page), page), left) : left;
        // Level by level: of a large block only what lies in the chunk gets the smaller sizes.
        for (Level level = geometry().top_leaf_level() + 1; level <= page_level; ++level) {
            const auto result = state_.persist([&] {
                Invalidation owed;
                auto split = state_.table.split(from, length, geometry().entry_size(level), owed);
                state_.table.discharge(owed);
                return split;
            });
            if (!result) {
                return std::unexpected(SlotRefusal{result.error()});
            }
        }
        progress.next = from + length;
        return {};
    }
    // Maps what is in smaller pieces than its backing and the rules allow in larger ones, without
    // waiting for a fault: after logging has stopped, memory has been moved together, a cap is
    // gone. From progress.next on, for about progress.budget entries. Errors: slot_unknown,
    // out_of_memory.
    std::expected<void, SlotRefusal> restore_blocks(FaultContext& context, Ipa start,
                                                    Progress& progress) {
        return BlockRestore{state_, context, progress}.run(start);
    }

    // A step of a scan for memory of the slot idle.slot() that is not used: twofold::age(), from
    // progress.next on. With `every_access`, nothing is accessed unnoticed afterwards; else what a
    // TLB still holds may be. Beside everything, one scan of a map at a time. Errors:
    // ipa_out_of_range and the like, if idle.slot() is no range of this guest.
    std::expected<void, Error> age(IdleMap& idle, Progress& progress, bool every_access = false) {
        return state_.persist([&] {
            Invalidation owed;
            auto result = twofold::age(state_.table, idle.slot(), idle,
                                       every_access ? &owed : nullptr, progress);
            state_.table.discharge(owed);
            return result;
        });
    }

    // Maps what faults on the range would map, from progress.next on, for about progress.budget
    // mappings, so that the guest need not fault. What is no memory is left out. Returns what
    // became of the last page that was looked at: resume if all is well; else it could not be
    // mapped, progress.next is its address, and the answer is that of handle().
    Resolution populate(FaultContext& context, const IpaSpan& range, AccessKind access,
                        Progress& progress) {
        return Population{state_, context, progress}.run(range, access);
    }

    // For the owner of the memory. After begin returns, no CPU can reach what was mapped in the
    // range, nor will anything be mapped there that a backing has answered before; faults in it get
    // Outcome::retry until end, others are not delayed. Between the two, answers of the backing for
    // it may change. Blocks that reach beyond the range are divided, or unmapped as a whole if
    // there is no memory for that: the rest comes back by faults. Errors: ipa_misaligned,
    // range_misaligned, range_empty, ipa_out_of_range; again: Withdrawals::most are under way.
    std::expected<void, Error> invalidate_begin(const IpaSpan& range) {
        if (const auto checked = check_range(geometry(), range.start, range.length); !checked) {
            return std::unexpected(checked.error());
        }
        if (!state_.withdrawals.announce(range)) {
            return std::unexpected(Error::again);
        }
        state_.wait_for_faults();
        keep_dirty(range);
        unmap(range);
        return {};
    }
    // Of a range as it was begun.
    void invalidate_end(const IpaSpan& range) { (void)state_.withdrawals.end(range); }
    // Both at once: for memory whose backing answers anew by itself. Errors: of invalidate_begin().
    std::expected<void, Error> withdraw(const IpaSpan& range) {
        auto begun = invalidate_begin(range);
        if (begun) {
            invalidate_end(range);
        }
        return begun;
    }

    // What to do with the vCPU that took `abort`, and to which `context` belongs. `translated`: the
    // IPA to the byte where the abort has none (a permission fault that is not S1PTW), from AT
    // S1E1R of FAR_EL2 and PAR_EL1. Where that translation fails, the guest has changed its stage
    // 1: resume it without asking here. A vCPU that faults for ever although nothing is left to do
    // is stopped.
    Resolution handle(const Abort& abort, FaultContext& context,
                      std::optional<Ipa> translated = {}) {
        context.counters.of(abort.status.kind).add();
        context.counters.of(abort.access()).add();
        const std::optional<Ipa> ipa = abort.ipa ? abort.ipa : translated;
        Resolution resolution = FaultHandler{state_, context}.resolve(abort, ipa);
        if (!resolution.unchanged) {
            context.history.forget();
        } else if (context.history.is_endless(abort, *ipa)) {
            resolution = Resolution::stop(StopReason::no_progress);
        }
        context.counters.of(resolution.outcome).add();
        if (resolution.outcome == Outcome::stop) {
            context.counters.of(resolution.reason).add();
        }
        return resolution;
    }

    // The short way of an exit that may be a translation fault, or a permission fault of a leaf, by
    // a plain access of the guest (no S1PTW, no cache maintenance) to `access.ipa`: true if it is
    // allowed now, and the guest is to be resumed. Else nothing has changed, and handle() is to be
    // asked, which looks at everything anew.
    [[gnu::always_inline]] bool resolve(const MemoryAccess& access, FaultContext& context) {
        if (!geometry().contains(access.ipa)) [[unlikely]] {
            return false;
        }
        {
            const FaultSection section{state_.clock, context};
            RawEntry found;
            if (MemoryResolver{state_, context}.resolve(access, found) != Verdict::resolved) {
                return false;
            }
        }
        context.history.forget();
        context.counters.of(access.permission ? FaultKind::permission : FaultKind::translation)
            .add();
        context.counters.of(access.kind).add();
        context.counters.of(Outcome::resume).add();
        return true;
    }

    // What is at an address, what would be mapped there by a fault, and why not more. Asks the
    // backing as for a read. Nothing changes. Errors: ipa_out_of_range, slot_unknown.
    std::expected<Explanation, Error> explain(Ipa ipa) {
        const Held held{state_.lock};
        const Slot* slot = state_.slots.current().find(ipa);
        const auto found = state_.table.lookup(ipa);
        if (!found || slot == nullptr) {
            return std::unexpected(found ? Error::slot_unknown : found.error());
        }
        return Explanation::of(geometry(), state_.policy, *slot, ipa, *found);
    }

    // What is mapped: Stage2::for_each_run over the whole table.
    template <class Visit>
    void for_each_run(Visit&& visit) const {
        state_.table.for_each_run(Ipa{0}, geometry().ipa_limit(), visit);
    }
    template <class Visit>
    void for_each_slot(Visit&& visit) {
        const Held held{state_.lock};
        for (const Slot& slot : state_.slots.current()) {
            visit(slot);
        }
    }

    // For what is not offered here: work(table, owed), then discharges `owed`. Beside faults: what
    // it unmaps may be mapped again by those that are under way.
    template <class Work>
    void with_table(Work&& work) {
        Invalidation owed;
        work(state_.table, owed);
        state_.table.discharge(owed);
    }

private:
    // When it returns, no fault knows the slots as they were.
    template <class Change>
    auto change_slots(Change&& change) {
        auto result = state_.slots.change(change);
        if (result) {
            state_.wait_for_faults();
        }
        return result;
    }
    // A change of the slot at `start` by which it gives up its range, but for the first bytes. No
    // fault maps something in what is given up before it is unmapped, so that none of two brings
    // back what another one has replaced.
    template <class Change>
    std::expected<void, SlotRefusal> give_up(Ipa start, std::uint64_t kept, Change&& change) {
        const Held held{state_.lock};
        const Slot* slot = state_.slots.current().starting_at(start);
        const Slot before = slot != nullptr ? *slot : Slot{.range = {.start = start}};
        IpaSpan range{.start = start};
        if (before.range.length > kept) {
            range = {start + kept, before.range.length - kept};
        }
        state_.withdrawals.announce_change(range);
        const auto changed = change_slots(change);
        if (changed && range.length != 0) {
            if (before.dirty_logging && before.by_hardware()) {
                WriteTracking{state_}.give_up(before, range);
            }
            unmap(range);
        }
        state_.withdrawals.end_change();
        return changed ? std::expected<void, SlotRefusal>{} : std::unexpected(changed.error());
    }
    std::expected<IpaSpan, SlotRefusal> slot_range(Ipa start) {
        const Held held{state_.lock};
        const Slot* slot = state_.slots.current().starting_at(start);
        return slot != nullptr ? std::expected<IpaSpan, SlotRefusal>{slot->range}
                               : std::unexpected(SlotRefusal{Error::slot_unknown});
    }

    static constexpr std::uint64_t entries_at_once = 1024;

    void unmap(IpaSpan range) {
        const auto unmap = [&] {
            Invalidation owed;
            auto result = state_.table.unmap(range.start, range.length, owed);
            state_.table.discharge(owed);
            return result;
        };
        for (auto result = state_.persist(unmap); !result && result.error() == Error::out_of_memory;
             result = state_.persist(unmap)) {
            // A block across an end has to be divided, and cannot be.
            const Ipa start = leaf_around(range.start).start;
            range = {start, leaf_around(range.end() - 1).end() - start};
        }
    }
    IpaSpan leaf_around(Ipa ipa) {
        const Lookup found = *state_.table.lookup(ipa);
        const std::uint64_t size = found.mapping ? found.mapping->size : geometry().page_size();
        return {ipa.align_down(size), size};
    }

    // What hardware has noted in a range goes with its descriptors.
    void keep_dirty(IpaSpan range) {
        const Held held{state_.lock};
        while (const Slot* slot = state_.slots.current().overlapping(range)) {
            const Ipa start = std::max(slot->range.start, range.start);
            const Ipa end = std::min(slot->range.end(), range.end());
            if (slot->dirty_logging && slot->by_hardware()) {
                WriteTracking{state_}.give_up(*slot, {start, end - start});
            }
            range = {end, range.end() - end};
        }
    }
    GuestState<Port, Lock> state_;
};

} // namespace twofold
