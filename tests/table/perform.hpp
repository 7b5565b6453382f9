// SPDX-License-Identifier: MIT
// perform: a RandomRequest as the call of Stage2 that it stands for.
#pragma once

#include "random_request.hpp"

#include <twofold/table/stage2.hpp>

#include <cstdint>
#include <expected>

namespace twofold::test {

// What annotate() is asked to leave.
inline std::uint32_t annotation_of(const Attributes& a) {
    return a.software * std::uint32_t{0x1111'1111};
}

// As a fault does it: what is there is found first, and changed where it was found.
template <class Table>
std::expected<void, Error> perform_at_entry(Table& table, const RandomRequest& r,
                                            const MapRequest& m, Invalidation& owed,
                                            Progress* progress) {
    [[maybe_unused]] const auto section = table.section();
    const RawEntry found = table.entry(m.ipa);
    if (r.operation == Operation::relax) {
        return found.is_leaf ? table.relax_now_at(found, m.ipa, r.attributes.permissions)
                             : table.relax(m.ipa, r.attributes.permissions, owed);
    }
    if (found.is_leaf) {
        return table.map_if_absent(m, progress);
    }
    auto mapped = table.map_at(found, m);
    if (mapped && progress != nullptr) {
        progress->next = m.ipa + m.length;
    }
    return mapped;
}

// `split_size`: of split(). visit(Ipa start, std::uint64_t size): what the sweeps report.
template <class Table, class Visit>
std::expected<void, Error> perform(Table& table, const RandomRequest& r, std::uint64_t split_size,
                                   Invalidation& owed, Progress* progress, Visit&& visit) {
    const MapRequest m{.ipa = Ipa{r.ipa},
                       .pa = Pa{r.pa},
                       .length = r.length,
                       .attributes = r.attributes,
                       .max_size = r.max_size};
    if (r.at_entry) {
        return perform_at_entry(table, r, m, owed, progress);
    }
    switch (r.operation) {
    case Operation::map:
        return table.map(m, owed, progress);
    case Operation::map_if_absent:
        return table.map_if_absent(m, progress);
    case Operation::unmap:
        return table.unmap(m.ipa, r.length, owed, progress);
    case Operation::protect:
        return table.protect(m.ipa, r.length, r.attributes.permissions, owed, progress);
    case Operation::relax:
        return table.relax(m.ipa, r.attributes.permissions, owed);
    case Operation::make_young:
        return table.make_young(m.ipa);
    case Operation::write_protect:
        return table.write_protect(m.ipa, r.length, owed, progress);
    case Operation::clear_young:
        return table.test_and_clear_young(m.ipa, r.length, visit, &owed, progress);
    case Operation::collect_dirty:
        return table.collect_dirty(m.ipa, r.length, owed, visit, progress);
    case Operation::track_writes:
        return table.track_writes(m.ipa, r.length, owed, visit, progress);
    case Operation::split:
        return table.split(m.ipa, r.length, split_size, owed, progress);
    case Operation::collapse:
        if (const auto made = table.collapse(m.ipa, r.length, owed, r.max_size, progress); !made) {
            return std::unexpected(made.error());
        }
        return {};
    case Operation::annotate:
        return table.annotate(m.ipa, r.length, annotation_of(r.attributes), owed, progress);
    }
    return {};
}

} // namespace twofold::test
