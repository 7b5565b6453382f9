// SPDX-License-Identifier: MIT
// MapSurvey: looks over a range before it is filled.
#pragma once

#include <twofold/table/map_content.hpp>
#include <twofold/table/subtree.hpp>
#include <twofold/table/tree.hpp>

#include <cstdint>
#include <optional>

namespace twofold {

template <TablePort Port>
class MapSurvey {
public:
    MapSurvey(const Tree<Port>& tree, const RangeContent& what,
              const Subtree<Port, MapContent<Port>>& subtree)
        : tree_{tree},
          what_{what},
          subtree_{subtree} {}

    // Tables that the range will need.
    std::uint64_t tables() const {
        return tables_below(tree_.root, tree_.geometry.initial_level(), what_.range);
    }
    // What keeps it from being added: already_mapped, annotated, again.
    std::optional<Error> obstacle() const {
        return obstacle(tree_.root, tree_.geometry.initial_level(), what_.range);
    }

private:
    // Tables that are missing below an existing table.
    std::uint64_t tables_below(Pa table, Level level, IpaRange part) const {
        std::uint64_t count = 0;
        const auto add_entry = [&](unsigned i, IpaRange entry, IpaRange inside) {
            if (what_.becomes_entry(level, entry, inside)) {
                return;
            }
            const Descriptor d{tree_.table(table).load(i)};
            count += tree_.format.is_table(d, level)
                         ? tables_below(tree_.format.next_table(d), level + 1, inside)
                         : subtree_.tables(level + 1, entry);
        };
        if (level < what_.largest) {
            tree_.for_each_entry(level, part, add_entry);
            return count;
        }
        // Only the entries at the two ends can be partial here.
        const IpaRange first = tree_.entry_at(part.start, level);
        const IpaRange last = tree_.entry_at(part.end - 1, level);
        tree_.for_each_entry(level, part.intersect(first), add_entry);
        if (last != first) {
            tree_.for_each_entry(level, part.intersect(last), add_entry);
        }
        return count;
    }

    std::optional<Error> obstacle(Pa table, Level level, IpaRange part) const {
        std::optional<Error> found;
        const auto entries = tree_.table(table);
        tree_.for_each_entry(level, part, [&](unsigned i, IpaRange, IpaRange inside) {
            if (found) {
                return;
            }
            const Descriptor d{entries.load(i)};
            if (tree_.format.is_table(d, level)) {
                found = obstacle(tree_.format.next_table(d), level + 1, inside);
            } else if (d.valid()) {
                found = Error::already_mapped;
            } else if (invalid_entry::is_annotation(d.value)) {
                found = Error::annotated;
            } else if (tree_.is_waiting(d)) {
                found = Error::again;
            }
        });
        return found;
    }

    const Tree<Port>& tree_;
    const RangeContent& what_;
    const Subtree<Port, MapContent<Port>>& subtree_;
};

} // namespace twofold
