// SPDX-License-Identifier: MIT
// A sweep over two lists of runs.
#include "tools/attach/watched_runs.hpp"

#include <twofold/arch/contiguous.hpp>

#include <algorithm>
#include <limits>

namespace twofold::tool {

namespace {

using Runs = std::vector<WatchedRun>;

constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

// One list, followed to higher addresses.
class Cursor {
public:
    explicit Cursor(const Runs& runs) : next_{runs.begin()}, end_{runs.end()} {}

    // What is at an address, from there on; empty between runs.
    std::optional<WatchedRun> at(std::uint64_t ipa) {
        while (next_ != end_ && next_->ipa.value + next_->size <= ipa) {
            ++next_;
        }
        if (next_ == end_ || next_->ipa.value > ipa) {
            return std::nullopt;
        }
        WatchedRun rest = *next_;
        const std::uint64_t passed = ipa - next_->ipa.value;
        rest.ipa = Ipa{ipa};
        rest.pa = rest.pa + passed;
        rest.size -= passed;
        return rest;
    }
    // Where that ends: the run or the gap that at() has found.
    std::uint64_t border(std::uint64_t ipa) const {
        return next_ == end_            ? nowhere
               : next_->ipa.value > ipa ? next_->ipa.value
                                        : next_->ipa.value + next_->size;
    }

private:
    Runs::const_iterator next_;
    Runs::const_iterator end_;
};

std::optional<WatchedChange> change_of(const std::optional<WatchedRun>& before,
                                       const std::optional<WatchedRun>& after) {
    if (!before || !after) {
        return before  ? std::optional{WatchedChange::went}
               : after ? std::optional{WatchedChange::came}
                       : std::nullopt;
    }
    return before->pa != after->pa      ? std::optional{WatchedChange::moved}
           : before->unit > after->unit ? std::optional{WatchedChange::split}
           : before->unit < after->unit ? std::optional{WatchedChange::collapsed}
           : before->attributes.permissions != after->attributes.permissions
               ? std::optional{WatchedChange::permissions}
           : before->attributes != after->attributes ? std::optional{WatchedChange::attributes}
                                                     : std::nullopt;
}

bool goes_on(const std::optional<WatchedRun>& run, const std::optional<WatchedRun>& next) {
    return run.has_value() == next.has_value() &&
           (!run || (run->pa + run->size == next->pa && run->unit == next->unit &&
                     run->attributes == next->attributes));
}

void append(std::vector<RunChange>& changes, const RunChange& next) {
    if (!changes.empty()) {
        RunChange& last = changes.back();
        if (last.kind == next.kind && last.ipa + last.size == next.ipa &&
            goes_on(last.before, next.before) && goes_on(last.after, next.after)) {
            last.size += next.size;
            for (auto* const run : {&last.before, &last.after}) {
                if (*run) {
                    (*run)->size = last.size;
                }
            }
            return;
        }
    }
    changes.push_back(next);
}

} // namespace

std::string_view to_string(WatchedChange change) {
    switch (change) {
    case WatchedChange::came:
        return "came";
    case WatchedChange::went:
        return "went";
    case WatchedChange::moved:
        return "moved";
    case WatchedChange::split:
        return "split";
    case WatchedChange::collapsed:
        return "collapsed";
    case WatchedChange::permissions:
        return "permissions";
    case WatchedChange::attributes:
        break;
    }
    return "attributes";
}

WatchedTree watch_tree(const Regime& regime, MemorySource& memory, std::uint64_t most_runs) {
    WatchedTree tree;
    const Geometry& geometry = *regime.geometry();
    MapRuns runs{regime, most_runs, [&](const MapRun& run) {
                     if (run.kind == TreeEntryKind::leaf) {
                         const std::uint64_t entries =
                             run.contiguous ? contiguous_entries(geometry.granule(), run.level) : 1;
                         tree.runs.push_back(
                             {.ipa = run.ipa,
                              .size = run.size,
                              .unit = entries * geometry.entry_size(run.level),
                              .pa = run.pa,
                              .attributes = regime.attributes(run.descriptor, run.level)});
                         tree.bytes += run.size;
                     }
                     return true;
                 }};
    const TreeReport report = visit_tree(regime, memory, runs);
    runs.finish();
    tree.complete = report.incomplete == 0 && !report.stopped_at;
    return tree;
}

std::vector<RunChange> compare_trees(const WatchedTree& before, const WatchedTree& after) {
    std::vector<RunChange> changes;
    Cursor old{before.runs};
    Cursor now{after.runs};
    std::uint64_t at = 0;
    while (at != nowhere) {
        auto was = old.at(at);
        auto is = now.at(at);
        const std::uint64_t end = std::min(old.border(at), now.border(at));
        if (const auto kind = change_of(was, is)) {
            const std::uint64_t size = end - at;
            for (auto* const run : {&was, &is}) {
                if (*run) {
                    (*run)->size = size;
                }
            }
            append(changes,
                   {.kind = *kind, .ipa = Ipa{at}, .size = size, .before = was, .after = is});
        }
        at = end;
    }
    return changes;
}

} // namespace twofold::tool
