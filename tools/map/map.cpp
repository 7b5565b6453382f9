// SPDX-License-Identifier: MIT
// A map from memory to output, run by run.
#include "tools/map/kvm_pages.hpp"
#include "tools/map/map_words.hpp"

namespace twofold::tool {

namespace {

MapOutcome write_text(const Regime& regime, MemorySource& memory, const MapLimits& limits,
                      ResultStream& out) {
    const Geometry& geometry = *regime.geometry();
    out.put(regime_words(regime) + "\n\n");
    MapRuns runs{regime, limits.runs,
                 [&](const MapRun& run) { return out.put(map_run_text(geometry, regime, run)); }};
    const TreeReport report = visit_tree(regime, memory, runs, limits.tables);
    runs.finish();
    out.put('\n' + map_sum_text(geometry, report, runs.sum()));
    return map_outcome(regime, report, runs.sum(), limits);
}

MapOutcome write_json(const Regime& regime, MemorySource& memory, const MapLimits& limits,
                      ResultStream& out) {
    out.put(map_json_head(regime));
    std::string_view before = "\n";
    MapRuns runs{regime, limits.runs, [&](const MapRun& run) {
                     const bool written = out.put(before) && out.put(map_run_json(regime, run));
                     before = ",\n";
                     return written;
                 }};
    const TreeReport report = visit_tree(regime, memory, runs, limits.tables);
    runs.finish();
    MapOutcome outcome = map_outcome(regime, report, runs.sum(), limits);
    out.put('\n' + map_json_tail(regime, report, runs.sum(), outcome) + '\n');
    return outcome;
}

// Sums up what it hands on.
class Counting : public TreeVisitor {
public:
    Counting(MapRuns& runs, TreeVisitor& next) : runs_{runs}, next_{next} {}
    bool visit(const TreeEntry& entry) override { return runs_.visit(entry) && next_.visit(entry); }

private:
    MapRuns& runs_;
    TreeVisitor& next_;
};

MapOutcome write_kvm(const Regime& regime, MemorySource& memory, MapFormat format,
                     const MapLimits& limits, ResultStream& out) {
    KvmPages pages{*regime.geometry(), format, out};
    MapRuns runs{regime, limits.runs, [](const MapRun&) { return true; }};
    Counting both{runs, pages};
    const TreeReport report = visit_tree(regime, memory, both, limits.tables);
    runs.finish();
    return map_outcome(regime, report, runs.sum(), limits);
}

} // namespace

MapOutcome write_map(const Regime& regime, MemorySource& memory, MapFormat format,
                     const MapLimits& limits, ResultStream& out) {
    switch (format) {
    case MapFormat::text:
        return write_text(regime, memory, limits, out);
    case MapFormat::json:
        return write_json(regime, memory, limits, out);
    case MapFormat::kvm_6_12:
    case MapFormat::kvm_7_2:
        break;
    }
    return write_kvm(regime, memory, format, limits, out);
}

} // namespace twofold::tool
