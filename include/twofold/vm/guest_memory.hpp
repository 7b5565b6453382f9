// SPDX-License-Identifier: MIT
// GuestMemory: the memory of one guest. Slots say where memory is, backings say what it is, the
// table shows it to the CPU; handle() answers the aborts in between.
#pragma once

#include <twofold/table/stage2.hpp>
#include <twofold/vm/backing.hpp>
#include <twofold/vm/counters.hpp>
#include <twofold/vm/fault_history.hpp>
#include <twofold/vm/guest_fault.hpp>
#include <twofold/vm/guest_lock.hpp>
#include <twofold/vm/guest_port.hpp>
#include <twofold/vm/memory_fault.hpp>
#include <twofold/vm/slots.hpp>

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
        : port_{port},
          table_{std::move(table)},
          slots_{table_.geometry(), slots},
          policy_{policy} {}

    const Geometry& geometry() const { return table_.geometry(); }
    const CpuFeatures& features() const { return table_.features(); }
    Pa root() const { return table_.root(); }
    const FaultCounters& counters() const { return counters_; }

    // Errors: those of Slots::add. A slot that is refused is not there, or as it was.
    std::expected<void, SlotRefusal> add_slot(const Slot& slot) {
        const Held held{lock_};
        return slots_.add(slot);
    }
    // Afterwards no CPU can reach the memory through this slot; its backing may still be asked by
    // faults that began before, whose answers are dropped. Errors: slot_unknown.
    // No block reaches beyond a slot, so the unmapping needs no table and cannot fail.
    std::expected<void, SlotRefusal> remove_slot(Ipa start) {
        const Held held{lock_};
        const auto removed = slots_.remove(start);
        return removed ? unmap_slot(removed->range) : std::unexpected(removed.error());
    }
    // The slot's memory is at `to`, and not where it was. Errors: those of Slots::move.
    std::expected<void, SlotRefusal> move_slot(Ipa start, Ipa to) {
        const Held held{lock_};
        const auto before = slots_.move(start, to);
        return before ? unmap_slot(*before) : std::unexpected(before.error());
    }
    // What is cut off cannot be reached any more. Errors: those of Slots::resize; out_of_memory: a
    // block had to be divided at the new end.
    std::expected<void, SlotRefusal> resize_slot(Ipa start, std::uint64_t length) {
        const Held held{lock_};
        const auto before = slots_.resize(start, length);
        if (!before) {
            return std::unexpected(before.error());
        }
        if (length >= before->length) {
            return {};
        }
        const auto cut = unmap_slot({start + length, before->length - length});
        if (!cut) {
            (void)slots_.resize(start, before->length); // where it was, nothing is in the way
        }
        return cut;
    }
    // Whether the guest may write, and whether its first write to each page is to be noticed. Both
    // hold on every CPU from here on. Errors: slot_unknown.
    std::expected<void, SlotRefusal> set_slot_flags(Ipa start, bool writable, bool dirty_logging) {
        const Held held{lock_};
        const auto before = slots_.set_flags(start, writable, dirty_logging);
        if (!before) {
            return std::unexpected(before.error());
        }
        if ((before->writable && !writable) || (!before->dirty_logging && dirty_logging)) {
            return in_slot(before->range, [&](Ipa ipa, std::uint64_t size, Invalidation& owed) {
                return table_.write_protect(ipa, size, owed);
            });
        }
        return {};
    }
    // For the owner of the memory: afterwards no CPU can reach what was mapped in the range, and
    // nothing that a backing answered before will be mapped. Errors: those of Stage2::unmap.
    std::expected<void, Error> withdraw(const IpaSpan& range) {
        const Held held{lock_};
        const auto result = unmap_slot(range);
        return result ? std::expected<void, Error>{} : std::unexpected(result.error().rule);
    }

    // What to do with the vCPU that took `abort`. `translated`: the IPA to the byte where the abort
    // has none (a permission fault that is not S1PTW), from AT S1E1R of FAR_EL2 and PAR_EL1. Where
    // that translation fails, the guest has changed its stage 1: resume it without asking here.
    // `history`: the vCPU's own, so that it cannot fault for ever unnoticed.
    Resolution handle(const Abort& abort, std::optional<Ipa> translated = {},
                      FaultHistory* history = nullptr) {
        counters_.of(abort.status.kind).add();
        counters_.of(abort.access()).add();
        const std::optional<Ipa> ipa = abort.ipa ? abort.ipa : translated;
        Resolution resolution = resolve(abort, ipa);
        if (history != nullptr) {
            if (!resolution.unchanged) {
                history->forget();
            } else if (history->is_endless(abort, *ipa)) {
                resolution = Resolution::stop(StopReason::no_progress);
            }
        }
        counters_.of(resolution.outcome).add();
        if (resolution.outcome == Outcome::stop) {
            counters_.of(resolution.reason).add();
        }
        return resolution;
    }

    // What is mapped: Stage2::for_each_run over the whole table.
    template <class Visit>
    void for_each_run(Visit&& visit) {
        const Held held{lock_};
        table_.for_each_run(Ipa{0}, geometry().ipa_limit(), visit);
    }
    template <class Visit>
    void for_each_slot(Visit&& visit) {
        const Held held{lock_};
        for (const Slot& slot : slots_) {
            visit(slot);
        }
    }
    TableCounters table_counters() {
        const Held held{lock_};
        return table_.counters();
    }

    // For what is not offered here: runs work(table, owed) under the lock and then discharges
    // `owed`. Faults that are in flight look again.
    template <class Work>
    void with_table(Work&& work) {
        const Held held{lock_};
        ++generation_;
        Invalidation owed;
        work(table_, owed);
        table_.discharge(owed);
    }

private:
    // change(start, length, owed) of the table, which is complete when this returns.
    template <class Change>
    std::expected<void, SlotRefusal> in_slot(const IpaSpan& range, Change&& change) {
        ++generation_;
        Invalidation owed;
        const std::expected<void, Error> result = change(range.start, range.length, owed);
        table_.discharge(owed);
        return result ? std::expected<void, SlotRefusal>{}
                      : std::unexpected(SlotRefusal{result.error()});
    }
    std::expected<void, SlotRefusal> unmap_slot(const IpaSpan& range) {
        return in_slot(range, [&](Ipa ipa, std::uint64_t size, Invalidation& owed) {
            return table_.unmap(ipa, size, owed);
        });
    }

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

    Resolution resolve_tlb_conflict() {
        const Held held{lock_};
        Invalidation owed;
        owed.add_whole_vmid();
        table_.discharge(owed);
        return Resolution::resume();
    }

    Resolution make_young(Ipa ipa) {
        const Held held{lock_};
        const Lookup found = *table_.lookup(ipa);
        // Unmapped meanwhile, the next fault is a translation fault; or young by another's doing.
        if (!found.mapping || found.mapping->attributes.access_flag) {
            counters_.lost_races.add();
            return Resolution::nothing_to_do();
        }
        if (!table_.make_young(ipa)) {
            counters_.lost_races.add();
            return Resolution::resume();
        }
        counters_.made_young.add();
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
            const Held held{lock_};
            const Slot* slot = slots_.find(ipa);
            if (slot == nullptr || (fault.is_write() && !slot->writable)) {
                return guest_fault::no_memory(abort, ipa, slot != nullptr);
            }
            fault.slot = *slot;
            fault.generation = generation_;
            fault.found = *table_.lookup(ipa);
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
        auto chosen = fault.choose(geometry(), policy_);
        if (!chosen) {
            return Resolution::stop(StopReason::extent_below_page);
        }
        if (!geometry().fits(chosen->pa, chosen->size)) {
            return Resolution::stop(StopReason::pa_out_of_range);
        }
        maintain_caches(fault, *chosen);

        const Held held{lock_};
        if (generation_ != fault.generation) {
            counters_.lost_races.add(); // the answer may be out of date
            return Resolution::resume();
        }
        // Others may have mapped something since, never removed it.
        fault.found = *table_.lookup(fault.ipa);
        if (fault.is_allowed() && fault.is_backed()) {
            return resume_after_race(abort, fault);
        }
        chosen = fault.choose(geometry(), policy_);
        if (!chosen) {
            return Resolution::stop(StopReason::extent_below_page);
        }
        if (const auto result = install(fault, *chosen); !result) {
            if (result.error() == Error::again) {
                counters_.lost_races.add();
                return Resolution::resume();
            }
            return Resolution::stop(guest_fault::stop_reason(result.error()));
        }
        fault.found = *table_.lookup(fault.ipa);
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
            counters_.of(*geometry().level_of(chosen.size), chosen.limited_by).add();
        };
        if (!fault.found.mapping) {
            auto result = table_.map_if_absent(request);
            if (result) {
                count_mapping();
            }
            return result;
        }

        const Mapping& found = *fault.found.mapping;
        Invalidation owed;
        std::expected<void, Error> result;
        if (!fault.is_backed()) {
            result = table_.map(request, owed);
            if (result) {
                counters_.replaced.add();
                count_mapping();
            }
        } else if (found.size <= chosen.size) {
            result = table_.relax(fault.ipa, wanted, owed);
            counters_.permissions_raised.add();
        } else {
            // Only this part of the block may have the permission; the rest stays as it is.
            result = table_.protect(chosen.ipa, chosen.size, found.attributes.permissions | wanted,
                                    owed);
            counters_.blocks_split.add();
        }
        table_.discharge(owed);
        return result;
    }

    Resolution resume_after_race(const Abort& abort, const MemoryFault& fault) {
        counters_.lost_races.add();
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
        table_.discharge(owed);
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
            port_.clean_dcache(pa, size);
            counters_.dcache_bytes.add(size);
        }
        if (fault.access == AccessKind::fetch && !features().dic) {
            port_.invalidate_icache(pa, size);
            counters_.icache_bytes.add(size);
        }
    }

    Port& port_;
    Stage2<Port> table_;
    Slots slots_;
    GuestMemoryPolicy policy_;
    FaultCounters counters_ = {};
    std::uint64_t generation_ = 0; // grows whenever something is unmapped
    Lock lock_ = {};
};

} // namespace twofold
