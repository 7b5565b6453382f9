// SPDX-License-Identifier: MIT
// Population: the mappings of a range, made before the guest faults on it.
#pragma once

#include <twofold/table/progress.hpp>
#include <twofold/vm/fault_handler.hpp>

#include <algorithm>
#include <cstdint>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class Population {
public:
    Population(GuestState<Port, Lock>& state, FaultContext& context, Progress& progress)
        : state_{state},
          context_{context},
          progress_{progress} {}

    Resolution run(const IpaSpan& range, AccessKind access) {
        const std::uint64_t page = geometry().page_size();
        progress_.next = std::max(progress_.next, range.start).align_down(page);
        Ipa tried{};
        unsigned tries = 0;
        for (; progress_.budget != 0; --progress_.budget) {
            if (!skip_to_memory(range.end())) {
                progress_.next = range.end();
                break;
            }
            const Ipa ipa = progress_.next;
            if (const IpaSpan done = allowed_around(ipa, access); done.length != 0) {
                progress_.next = done.end();
                continue;
            }
            const Resolution resolution =
                FaultHandler{state_, context_}.resolve(abort_at(ipa, access), ipa);
            if (resolution.outcome != Outcome::resume) {
                return resolution;
            }
            // Another CPU may be faster again and again, but not for ever.
            tries = ipa == tried ? tries + 1 : 0;
            tried = ipa;
            if (tries == most_tries) {
                return Resolution::stop(StopReason::no_progress);
            }
        }
        return Resolution::resume();
    }

private:
    static constexpr unsigned most_tries = 1000;

    const Geometry& geometry() const { return state_.table.geometry(); }

    // Whether there is a slot at progress.next, or where that has been put, below `end`.
    bool skip_to_memory(Ipa end) {
        const FaultSection section{state_.clock, context_};
        if (progress_.next >= end) {
            return false;
        }
        const Slot* slot =
            state_.slots.current().overlapping({progress_.next, end - progress_.next});
        if (slot == nullptr) {
            return false;
        }
        progress_.next = std::max(progress_.next, slot->range.start);
        return true;
    }

    // The leaf around `ipa` that allows the access, if there is one.
    IpaSpan allowed_around(Ipa ipa, AccessKind access) const {
        const RawEntry entry = state_.table.entry(ipa);
        if (!entry.is_leaf) {
            return {};
        }
        const std::uint64_t size = geometry().entry_size(entry.level);
        return state_.table.allows(entry, access) ? IpaSpan{ipa.align_down(size), size} : IpaSpan{};
    }
    // What the guest's access would be.
    Abort abort_at(Ipa ipa, AccessKind access) const {
        const RawEntry entry = state_.table.entry(ipa);
        return {
            .status = {entry.is_leaf ? FaultKind::permission : FaultKind::translation, entry.level},
            .instruction = access == AccessKind::fetch,
            .wnr = access == AccessKind::write,
            .ipa = ipa};
    }

    GuestState<Port, Lock>& state_;
    FaultContext& context_;
    Progress& progress_;
};

} // namespace twofold
