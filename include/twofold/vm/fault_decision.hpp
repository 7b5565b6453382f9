// SPDX-License-Identifier: MIT
// FaultDecision: what one fault came to, read from the counters of its context before and after it.
// For who traces faults, so that the handling of them need not know of it.
#pragma once

#include <twofold/vm/counters.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace twofold {

enum class FaultAction : std::uint8_t {
    nothing,    // no change of the table
    mapped,     // a leaf where nothing was
    replaced,   // a leaf of other memory than was mapped
    split,      // a part of a larger leaf got what it lacked
    raised,     // permissions were added to a leaf
    made_young, // the Access flag was set
    lost_race,  // another CPU was faster, or this CPU's TLB was behind
};

constexpr std::string_view to_string(FaultAction action) {
    switch (action) {
    case FaultAction::nothing:
        return "nothing";
    case FaultAction::mapped:
        return "mapped";
    case FaultAction::replaced:
        return "replaced";
    case FaultAction::split:
        return "split";
    case FaultAction::raised:
        return "permissions raised";
    case FaultAction::made_young:
        return "made young";
    case FaultAction::lost_race:
        return "lost race";
    }
    return "unknown";
}

struct FaultDecision {
    FaultAction action = FaultAction::nothing;
    std::uint64_t pages_around = 0; // mapped, or raised, beside it

    // `before` and `after` one fault of the same context.
    static FaultDecision between(const FaultCounters& before, const FaultCounters& after) {
        const auto more = [](const OwnCounter& from, const OwnCounter& to) {
            return to.value() != from.value();
        };
        FaultDecision decision{.pages_around =
                                   after.mapped_around.value() - before.mapped_around.value()};
        // A fault that makes up for a race may count one beside what it did.
        if (more(before.replaced, after.replaced)) {
            decision.action = FaultAction::replaced;
        } else if (more(before.blocks_split, after.blocks_split)) {
            decision.action = FaultAction::split;
        } else if (more(before.permissions_raised, after.permissions_raised)) {
            decision.action = FaultAction::raised;
        } else if (more(before.made_young, after.made_young)) {
            decision.action = FaultAction::made_young;
        } else if (chosen(after) != chosen(before)) {
            decision.action = FaultAction::mapped;
        } else if (more(before.lost_races, after.lost_races)) {
            decision.action = FaultAction::lost_race;
        }
        return decision;
    }

private:
    static std::uint64_t chosen(const FaultCounters& counters) {
        std::uint64_t sum = 0;
        for (const auto& reasons : counters.chosen) {
            for (const OwnCounter& counter : reasons) {
                sum += counter.value();
            }
        }
        return sum;
    }
};

} // namespace twofold
