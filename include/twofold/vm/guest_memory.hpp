// SPDX-License-Identifier: MIT
// GuestMemory: the memory of one guest. Slots say where memory is, backings say what it is, the
// table shows it to the CPU; handle() answers the aborts in between.
#pragma once

#include <twofold/table/stage2.hpp>
#include <twofold/vm/backing.hpp>
#include <twofold/vm/dirty_runs.hpp>
#include <twofold/vm/fault_handler.hpp>
#include <twofold/vm/fault_history.hpp>
#include <twofold/vm/guest_state.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <utility>

namespace twofold {

// All functions may be called from many CPUs at once. The lock is held for slots and table only:
// backings are asked, and caches cleaned, without it.
template <GuestPort Port, GuestLock Lock>
class GuestMemory {
public:
    // `port` is that of `table`, and outlives this object, as does `slots`.
    GuestMemory(Port& port, Stage2<Port>&& table, std::span<Slot> slots,
                const GuestMemoryPolicy& policy = {})
        : state_{port, std::move(table), slots, policy} {}

    const Geometry& geometry() const { return state_.table.geometry(); }
    const CpuFeatures& features() const { return state_.table.features(); }
    Pa root() const { return state_.table.root(); }
    const FaultCounters& counters() const { return state_.counters; }

    // Errors: those of Slots::add. A slot that is refused is not there, or as it was.
    std::expected<void, SlotRefusal> add_slot(const Slot& slot) {
        const Held held{state_.lock};
        return state_.slots.add(slot);
    }
    // Afterwards no CPU can reach the memory through this slot; its backing may still be asked by
    // faults that began before, whose answers are dropped. Errors: slot_unknown.
    // No block reaches beyond a slot, so the unmapping needs no table and cannot fail.
    std::expected<void, SlotRefusal> remove_slot(Ipa start) {
        const Held held{state_.lock};
        const auto removed = state_.slots.remove(start);
        return removed ? unmap_slot(removed->range) : std::unexpected(removed.error());
    }
    // The slot's memory is at `to`, and not where it was. Errors: those of Slots::move.
    std::expected<void, SlotRefusal> move_slot(Ipa start, Ipa to) {
        const Held held{state_.lock};
        const auto before = state_.slots.move(start, to);
        if (!before) {
            return std::unexpected(before.error());
        }
        auto moved = unmap_slot(*before);
        if (!moved) {
            (void)state_.slots.move(to, start); // where it was, nothing is in the way
        }
        return moved;
    }
    // What is cut off cannot be reached any more. Errors: those of Slots::resize; out_of_memory: a
    // block had to be divided at the new end.
    std::expected<void, SlotRefusal> resize_slot(Ipa start, std::uint64_t length) {
        const Held held{state_.lock};
        const auto before = state_.slots.resize(start, length);
        if (!before) {
            return std::unexpected(before.error());
        }
        if (length >= before->length) {
            return {};
        }
        auto cut = unmap_slot({start + length, before->length - length});
        if (!cut) {
            (void)state_.slots.resize(start, before->length);
        }
        return cut;
    }
    // Whether the guest may write, and whether its first write to each page is to be noticed. Both
    // hold on every CPU from here on. Errors: slot_unknown.
    std::expected<void, SlotRefusal> set_slot_flags(Ipa start, bool writable, bool dirty_logging) {
        const Held held{state_.lock};
        const auto before = state_.slots.set_flags(start, writable, dirty_logging);
        if (!before) {
            return std::unexpected(before.error());
        }
        if (before->writable == writable && before->dirty_logging == dirty_logging) {
            return {};
        }
        ++state_.generation; // faults in flight know the flags as they were
        if ((!before->writable || writable) && (before->dirty_logging || !dirty_logging)) {
            return {};
        }
        auto set = change_table([&](Invalidation& owed) {
            return state_.table.write_protect(before->range.start, before->range.length, owed);
        });
        if (!set) {
            (void)state_.slots.set_flags(start, before->writable, before->dirty_logging);
        }
        return set;
    }
    // What has been written while writes were logged, and not been told yet: makes those pages of
    // the slot that starts at `start` clean and read-only again, no others, and then calls
    // visit(Ipa, std::uint64_t length) for each run of them, to copy it; a write after that is told
    // by the next harvest. One harvester of a slot at a time; faults go on beside visit(). With a
    // budget it stops after about as many words of the bitmap; progress.next is where to go on.
    // Returns how many pages there were. Errors: slot_unknown, slot_without_bitmap; again: some
    // pages are dirty still, nothing is lost.
    template <class Visit>
    std::expected<std::uint64_t, SlotRefusal> harvest_dirty(Ipa start, Visit&& visit,
                                                            Progress& progress) {
        std::uint64_t pages = 0;
        for (;;) {
            DirtyRuns runs;
            bool more = false;
            {
                const Held held{state_.lock};
                const Slot* slot = state_.slots.starting_at(start);
                if (slot == nullptr || slot->dirty == nullptr) {
                    return std::unexpected(SlotRefusal{
                        slot == nullptr ? Error::slot_unknown : Error::slot_without_bitmap});
                }
                const Ipa from = progress.next;
                more = runs.take(*slot, geometry().page_size(), progress);
                if (const auto result = protect_again(*slot, runs); !result) {
                    progress.next = from;
                    return std::unexpected(result.error());
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
    // For a device model that has written to the guest's memory itself. Nothing where writes are
    // not logged.
    void mark_dirty(const IpaSpan& range) {
        const Held held{state_.lock};
        const std::uint64_t page = geometry().page_size();
        for (Ipa ipa = range.start.align_down(page); ipa < range.end(); ipa += page) {
            if (const Slot* slot = state_.slots.find(ipa)) {
                slot->note_write(ipa, page);
            }
        }
    }
    // For the owner of the memory: afterwards no CPU can reach what was mapped in the range, and
    // nothing that a backing answered before will be mapped. Errors: those of Stage2::unmap.
    std::expected<void, Error> withdraw(const IpaSpan& range) {
        const Held held{state_.lock};
        const auto result = unmap_slot(range);
        return result ? std::expected<void, Error>{} : std::unexpected(result.error().rule);
    }

    // What to do with the vCPU that took `abort`. `translated`: the IPA to the byte where the abort
    // has none (a permission fault that is not S1PTW), from AT S1E1R of FAR_EL2 and PAR_EL1. Where
    // that translation fails, the guest has changed its stage 1: resume it without asking here.
    // `history`: the vCPU's own, so that it cannot fault for ever unnoticed.
    Resolution handle(const Abort& abort, std::optional<Ipa> translated = {},
                      FaultHistory* history = nullptr) {
        state_.counters.of(abort.status.kind).add();
        state_.counters.of(abort.access()).add();
        const std::optional<Ipa> ipa = abort.ipa ? abort.ipa : translated;
        Resolution resolution = FaultHandler{state_}.resolve(abort, ipa);
        if (history != nullptr) {
            if (!resolution.unchanged) {
                history->forget();
            } else if (history->is_endless(abort, *ipa)) {
                resolution = Resolution::stop(StopReason::no_progress);
            }
        }
        state_.counters.of(resolution.outcome).add();
        if (resolution.outcome == Outcome::stop) {
            state_.counters.of(resolution.reason).add();
        }
        return resolution;
    }

    // What is mapped: Stage2::for_each_run over the whole table.
    template <class Visit>
    void for_each_run(Visit&& visit) {
        const Held held{state_.lock};
        state_.table.for_each_run(Ipa{0}, state_.table.geometry().ipa_limit(), visit);
    }
    template <class Visit>
    void for_each_slot(Visit&& visit) {
        const Held held{state_.lock};
        for (const Slot& slot : state_.slots) {
            visit(slot);
        }
    }
    TableCounters table_counters() {
        const Held held{state_.lock};
        return state_.table.counters();
    }

    // For what is not offered here: runs work(table, owed) under the lock and then discharges
    // `owed`. Faults that are in flight look again.
    template <class Work>
    void with_table(Work&& work) {
        const Held held{state_.lock};
        ++state_.generation;
        Invalidation owed;
        work(state_.table, owed);
        state_.table.discharge(owed);
    }

private:
    // change(owed) of the table, which is complete when this returns.
    template <class Change>
    std::expected<void, SlotRefusal> change_table(Change&& change) {
        Invalidation owed;
        const std::expected<void, Error> result = change(owed);
        state_.table.discharge(owed);
        return result ? std::expected<void, SlotRefusal>{}
                      : std::unexpected(SlotRefusal{result.error()});
    }
    std::expected<void, SlotRefusal> unmap_slot(const IpaSpan& range) {
        ++state_.generation;
        return change_table([&](Invalidation& owed) {
            return state_.table.unmap(range.start, range.length, owed);
        });
    }

    // What cannot be protected stays dirty. What a backing answered meanwhile is as good as before,
    // and faults look at the table again before they change it.
    std::expected<void, SlotRefusal> protect_again(const Slot& slot, const DirtyRuns& runs) {
        auto result = change_table([&](Invalidation& owed) {
            for (const IpaSpan& run : runs) {
                if (auto r = state_.table.write_protect(run.start, run.length, owed); !r) {
                    return r;
                }
            }
            return std::expected<void, Error>{};
        });
        if (!result) {
            for (const IpaSpan& run : runs) {
                slot.mark(run, geometry().page_size());
            }
        }
        return result;
    }

    GuestState<Port, Lock> state_;
};

} // namespace twofold
