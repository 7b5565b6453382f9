// SPDX-License-Identifier: MIT
// WriteTracking: what the table has to be like for the writes to a slot to be noticed. None of it
// can fail: the ranges lie in slots, and it takes no memory.
#pragma once

#include <twofold/table/progress.hpp>
#include <twofold/vm/guest_state.hpp>

#include <cstdint>
#include <span>

namespace twofold {

template <GuestPort Port, GuestLock Lock>
class WriteTracking {
public:
    explicit WriteTracking(GuestState<Port, Lock>& state) : state_{state} {}

    // The slot has these flags from now on, and no fault knows it otherwise.
    void begin(const Slot& slot, bool writable, bool dirty_logging, Progress& progress) {
        if (writable && !dirty_logging) {
            progress.next = slot.range.end();
        } else if (!dirty_logging || !slot.by_hardware()) {
            protect({&slot.range, 1}, &progress);
        } else if (writable) {
            track(slot, &progress);
        } else {
            give_up(slot, slot.range, &progress);
        }
    }

    // Has hardware note what is written to a slot from now on; what it has noted before goes into
    // the bitmap.
    void track(const Slot& slot, Progress* progress) {
        Invalidation owed;
        (void)state_.persist([&] {
            auto result = state_.table.track_writes(slot.range.start, slot.range.length, owed,
                                                    marker(slot), progress);
            state_.table.discharge(owed);
            return result;
        });
    }
    // Takes the write permission away in a part of a slot that hardware tracks. All that could be
    // written counts as written: hardware may note it up to the last moment.
    void give_up(const Slot& slot, const IpaSpan& part, Progress* progress = nullptr) {
        Invalidation owed;
        (void)state_.persist([&] {
            auto result =
                state_.table.write_protect(part.start, part.length, owed, progress, marker(slot));
            state_.table.discharge(owed);
            return result;
        });
    }
    // Takes the write permission away. Cannot fail: the ranges lie in slots, and it takes no
    // memory.
    void protect(std::span<const IpaSpan> ranges, Progress* progress = nullptr) {
        Invalidation owed;
        for (const IpaSpan& range : ranges) {
            (void)state_.persist([&] {
                auto result = state_.table.write_protect(range.start, range.length, owed, progress);
                if (!result) {
                    state_.table.discharge(owed);
                }
                return result;
            });
        }
        state_.table.discharge(owed);
    }

private:
    // For leaves of a slot, which no block reaches beyond.
    auto marker(const Slot& slot) const {
        return [&slot, page = state_.table.geometry().page_size()](Ipa ipa, std::uint64_t size,
                                                                   std::uint64_t count = 1) {
            slot.mark({ipa, size * count}, page);
        };
    }

    GuestState<Port, Lock>& state_;
};

} // namespace twofold
