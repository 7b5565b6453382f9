// SPDX-License-Identifier: MIT
// SlotVersions: the slots of a guest, such that faults find their slot while another CPU changes
// them: a change is made to a copy, which is then published.
#pragma once

#include <twofold/vm/slots.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <span>

namespace twofold {

// `Atomic`: std::atomic; tests put another in its place.
template <template <class> class Atomic>
class BasicSlotVersions {
public:
    // Half of `storage` for each version.
    BasicSlotVersions(const Geometry& geometry, std::span<Slot> storage)
        : versions_{Slots{geometry, storage.first(storage.size() / 2)},
                    Slots{geometry, storage.subspan(storage.size() / 2, storage.size() / 2)}} {}

    // Stays as it is until the caller's fault ends.
    const Slots& current() const { return *current_.load(std::memory_order_acquire); }

    // change(Slots&) of the copy, which is the current version if that succeeds. One at a time, and
    // not before the faults have ended that had begun before the last one.
    template <class Change>
    auto change(Change&& change) {
        const Slots* const now = current_.load(std::memory_order_relaxed);
        Slots& next = versions_[now == versions_.data() ? 1 : 0];
        next.copy(*now);
        auto result = change(next);
        if (result) {
            current_.store(&next, std::memory_order_release);
        }
        return result;
    }

private:
    std::array<Slots, 2> versions_;
    Atomic<const Slots*> current_{versions_.data()};
};

using SlotVersions = BasicSlotVersions<std::atomic>;

} // namespace twofold
