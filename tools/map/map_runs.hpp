// SPDX-License-Identifier: MIT
// MapRuns: the entries of a tree joined to runs, and their sum.
#pragma once

#include "tools/map/tree.hpp"

#include <cstdint>
#include <functional>
#include <map>

namespace twofold::tool {

// Neighbouring entries of one level that say the same; leaves also follow each other in PA.
struct MapRun {
    Ipa ipa;
    std::uint64_t size = 0;
    std::uint64_t entries = 0;
    Level level = 0;
    TreeEntryKind kind = TreeEntryKind::hole;
    Descriptor descriptor; // of the first entry
    // Of leaves. The address is what the CPU uses: within a contiguous run, bits of the IPA.
    Pa pa;
    bool contiguous = false;
    bool in_range = true; // false: every access is an address size fault
    Ipa same_as;          // again
};

struct MapSum {
    struct Part {
        std::uint64_t bytes = 0;
        std::uint64_t entries = 0;
    };
    std::map<Level, Part> leaves;
    std::map<Level, Part> contiguous; // of the leaves
    std::map<TreeEntryKind, Part> others;
    std::uint64_t runs = 0;
    // Aligned contiguous runs of which only some entries have the bit, and leaves of one whose
    // address belongs to another run.
    std::uint64_t broken_contiguous = 0;
    std::uint64_t misplaced_contiguous = 0;
    std::uint64_t beyond_output = 0; // leaves whose address no access may use
};

// Runs are told as they are complete, so that a map of any length needs no memory.
class MapRuns : public TreeVisitor {
public:
    using Tell = std::function<bool(const MapRun&)>; // false: enough

    MapRuns(const Regime& regime, std::uint64_t run_limit, Tell tell)
        : geometry_{*regime.geometry()},
          format_{regime.format()},
          limit_{run_limit},
          tell_{std::move(tell)} {}

    bool visit(const TreeEntry& entry) override;
    void finish(); // the last run
    bool full() const { return sum_.runs >= limit_; }
    const MapSum& sum() const { return sum_; }

private:
    MapRun run_of(const TreeEntry& entry);
    bool joins(const MapRun& entry) const;
    bool tell();
    void follow_contiguous(const MapRun& entry);
    void end_contiguous(Ipa end);
    std::uint64_t group_bytes(Level level) const;

    Geometry geometry_;
    DescriptorFormat format_;
    std::uint64_t limit_;
    Tell tell_;
    MapRun run_;
    MapSum sum_;
    // Neighbouring leaves with the Contiguous bit, whatever else they say.
    bool in_contiguous_ = false;
    Ipa contiguous_start_;
    Level contiguous_level_ = 0;
};

} // namespace twofold::tool
