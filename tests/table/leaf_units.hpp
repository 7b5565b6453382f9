// SPDX-License-Identifier: MIT
// LeafUnits: which leaf or contiguous run stands around an address, as the engine says: their sizes
// are its choice.
#pragma once

#include "adversary.hpp"
#include "random_request.hpp"

#include <twofold/table/stage2.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace twofold::test {

class LeafUnits {
public:
    using Range = std::pair<std::uint64_t, std::uint64_t>; // start, bytes

    LeafUnits(const Geometry& geometry, const Stage2<TestPort>& table)
        : geometry_{geometry},
          table_{table} {}

    // relax() and make_young() act on the leaf around the address, whose size is the engine's
    // choice.
    Range leaf_at(std::uint64_t ipa) const {
        const auto found = table_.lookup(Ipa{ipa});
        return found->mapping ? Range{found->mapping->ipa.value, found->mapping->size}
                              : Range{ipa, 0};
    }
    // The leaf, or the contiguous run that it belongs to.
    Range unit_at(std::uint64_t ipa) const {
        const auto found = table_.lookup(Ipa{ipa});
        if (!found->mapping) {
            return {ipa, 0};
        }
        const Mapping& m = *found->mapping;
        const std::uint64_t size = (m.contiguous ? run_entries(m.size) : 1) * m.size;
        return {m.ipa.value / size * size, size};
    }
    // The range with all of the leaves and runs at its ends.
    Range whole_leaves(const RandomRequest& r) const {
        const auto first = unit_at(r.ipa);
        const auto last = unit_at(r.end() - geometry_.page_size());
        return {first.first, std::max(r.end(), last.first + last.second) - first.first};
    }
    std::vector<Range> marked_runs(const RandomRequest& r) const {
        std::vector<Range> runs;
        const Range all = whole_leaves(r);
        table_.for_each_leaf(Ipa{all.first}, all.second, [&](const Mapping& m) {
            if (m.contiguous && (runs.empty() || runs.back() != unit_at(m.ipa.value))) {
                runs.push_back(unit_at(m.ipa.value));
            }
        });
        return runs;
    }

private:
    // By the manual's table: entries of a run, by granule and size of the leaf.
    std::uint64_t run_entries(std::uint64_t size) const {
        switch (geometry_.granule()) {
        case Granule::k4:
            return 16;
        case Granule::k16:
            return size == 16 * KiB ? 128 : 32;
        case Granule::k64:
            return 32;
        }
        return 1;
    }

    const Geometry& geometry_;
    const Stage2<TestPort>& table_;
};

} // namespace twofold::test
