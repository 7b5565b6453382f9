// SPDX-License-Identifier: MIT
// age: one scan for memory that is not used, by bounded steps beside faults.
#pragma once

#include <twofold/table/stage2.hpp>
#include <twofold/vm/idle_map.hpp>

#include <algorithm>
#include <cstdint>
#include <expected>

namespace twofold {

namespace ageing {

// Notes what is mapped in [from, to) where nothing young was found. One leaf speaks for its unit;
// each lookup goes on behind the leaf or hole that it met, so there are not more of them than the
// tables have entries there.
template <TablePort Port>
void note_mapped(const Stage2<Port>& table, Ipa from, Ipa to, IdleMap& idle) {
    const Ipa start = idle.slot().start;
    const auto unit_end = [&](Ipa ipa) {
        return start + (ipa - start) / idle.unit() * idle.unit() + idle.unit();
    };
    while (from < to) {
        if (idle.is_noted_young(from)) {
            from = unit_end(from);
            continue;
        }
        const Lookup found = *table.lookup(from);
        const std::uint64_t size = table.geometry().entry_size(found.level);
        const Ipa end = from.align_down(size) + size;
        if (!found.mapping) {
            from = end;
            continue;
        }
        const IpaSpan leaf{from, end - from};
        idle.note_mapped(leaf);
        // Accessed since it was looked at, or mapped by a fault.
        if (found.mapping->attributes.access_flag) {
            idle.note_young(leaf);
        }
        from = std::max(end, unit_end(from));
    }
}

} // namespace ageing

// Takes the access flag from the leaves of `range`, which is all of idle.slot() or whole units of
// it, and makes every unit whose leaves had none one scan older. Blocks and contiguous runs are
// aged as they stand, and all their units with them. A step looks at about progress.budget entries
// of the tables, twice, and writes a byte for each unit that it passes; progress.next is where the
// next one goes on. What is accessed through a TLB entry from before is not noticed unless `owed`
// is given and discharged after each step. Beside faults and hardware's updates, one scan of a map
// at a time. Errors: those of Stage2::test_and_clear_young; nothing that was found is lost.
template <TablePort Port>
std::expected<void, Error> age(Stage2<Port>& table, const IpaSpan& range, IdleMap& idle,
                               Invalidation* owed, Progress& progress) {
    const bool going_on = progress.next > range.start && progress.next < range.end();
    const Ipa from = going_on ? progress.next : range.start;
    auto swept = table.test_and_clear_young(
        range.start, range.length,
        [&](Ipa start, std::uint64_t size, std::uint64_t count) {
            idle.note_young({start, size * count});
        },
        owed, &progress);
    if (!swept) {
        return swept;
    }
    ageing::note_mapped(table, from, progress.next, idle);
    idle.end_scan(from, progress.next);
    return {};
}

} // namespace twofold
