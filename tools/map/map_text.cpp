// SPDX-License-Identifier: MIT
// A map as text.
#include "tools/map/map_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"
#include "tools/walk/leaf_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

std::string_view leaf_noun(Level level) { return level == page_level ? "page" : "block"; }

std::string leaf_text(const Regime& regime, const MapRun& run) {
    return fmt::format("PA {:#014x}  {}{}, {}{}", run.pa.value,
                       counted(run.entries, leaf_noun(run.level)),
                       run.contiguous ? ", contiguous" : "",
                       attribute_words(regime.attributes(run.descriptor, run.level)),
                       run.in_range ? "" : "; PA beyond the output size: address size fault");
}

std::string kind_text(const Regime& regime, const MapRun& run) {
    switch (run.kind) {
    case TreeEntryKind::leaf:
        return leaf_text(regime, run);
    case TreeEntryKind::hole:
        return "-";
    case TreeEntryKind::invalid:
        return fmt::format("invalid, not zero: {:#x}{}", run.descriptor.value,
                           run.entries > 1 ? ", ..." : "");
    case TreeEntryKind::reserved:
        return fmt::format("reserved, so invalid: {:#x}{}", run.descriptor.value,
                           run.entries > 1 ? ", ..." : "");
    case TreeEntryKind::unread:
        return fmt::format("not in memory: {}", run.entries == 1
                                                    ? "1 descriptor"
                                                    : fmt::format("{} descriptors", run.entries));
    case TreeEntryKind::out_of_range:
        return run.descriptor.value == 0
                   ? "root beyond the output size: address size fault"
                   : fmt::format("table beyond the output size: address size fault; {:#x}",
                                 run.descriptor.value);
    case TreeEntryKind::again:
        return fmt::format("the table of IPA {:#x} again{}", run.same_as.value,
                           run.entries > 1 ? fmt::format(", {} times", run.entries) : "");
    }
    return "";
}

std::string_view kind_words(TreeEntryKind kind) {
    switch (kind) {
    case TreeEntryKind::hole:
        return "not mapped";
    case TreeEntryKind::invalid:
        return "invalid, not zero";
    case TreeEntryKind::reserved:
        return "reserved";
    case TreeEntryKind::unread:
        return "not in memory";
    case TreeEntryKind::out_of_range:
        return "tables out of range";
    case TreeEntryKind::again:
        return "tables again";
    case TreeEntryKind::leaf:
        break;
    }
    return "mapped";
}

} // namespace

std::string map_run_text(const Geometry& geometry, const Regime& regime, const MapRun& run) {
    const unsigned digits = (geometry.ipa_bits() + 4) / 4 + 2;
    return fmt::format("{:#0{}x}-{:#0{}x}  {:>10}  {:>2}  {}\n", run.ipa.value, digits,
                       run.ipa.value + run.size, digits, size_words(run.size), run.level,
                       kind_text(regime, run));
}

std::string map_sum_text(const Geometry& geometry, const TreeReport& report, const MapSum& sum) {
    Columns table{{Align::left, Align::right, Align::left}};
    for (const auto& [level, part] : sum.leaves) {
        table.add({"mapped", size_words(part.bytes),
                   fmt::format("in {} of {}", counted(part.entries, leaf_noun(level)),
                               size_words(geometry.entry_size(level)))});
        if (const auto found = sum.contiguous.find(level); found != sum.contiguous.end()) {
            table.add({"", size_words(found->second.bytes), "of it contiguous"});
        }
    }
    for (const auto& [kind, part] : sum.others) {
        table.add({std::string{kind_words(kind)}, size_words(part.bytes), ""});
    }
    table.add({"tables", size_words(report.tables * geometry.page_size()),
               fmt::format("in {}", counted(report.tables, "table"))});
    return table.text();
}

MapOutcome map_outcome(const Regime& regime, const TreeReport& report, const MapSum& sum,
                       const MapLimits& limits) {
    MapOutcome outcome;
    auto& notes = outcome.notes;
    const auto entries = [&sum](TreeEntryKind kind) {
        const auto found = sum.others.find(kind);
        return found == sum.others.end() ? 0 : found->second.entries;
    };
    if (report.incomplete != 0) {
        outcome.complete = false;
        notes.push_back(fmt::format("{} not or not wholly in memory: what they map is unknown",
                                    report.incomplete == 1
                                        ? "1 table is"
                                        : fmt::format("{} tables are", report.incomplete)));
    }
    if (report.stopped_at) {
        outcome.complete = false;
        notes.push_back(
            report.too_many_tables
                ? fmt::format("more than {} tables: nothing from IPA {:#x} on was looked at "
                              "(--most-tables)",
                              limits.tables, report.stopped_at->value)
                : fmt::format("nothing from IPA {:#x} on is told: more than {} runs (--most-runs)",
                              report.stopped_at->value, limits.runs));
    }
    if (const std::uint64_t again = entries(TreeEntryKind::again); again != 0) {
        notes.push_back(
            fmt::format("{} to a table that another entry of its level points to: each "
                        "table is told once",
                        again == 1 ? "1 entry points" : fmt::format("{} entries point", again)));
    }
    if (const std::uint64_t beyond = entries(TreeEntryKind::out_of_range); beyond != 0) {
        notes.push_back(fmt::format("{} beyond the {} bits of an output address",
                                    counted(beyond, "table"), regime.geometry()->pa_bits()));
    }
    if (sum.beyond_output != 0) {
        notes.push_back(fmt::format("{} to beyond the {} bits of an output address",
                                    sum.beyond_output == 1
                                        ? "1 leaf points"
                                        : fmt::format("{} leaves point", sum.beyond_output),
                                    regime.geometry()->pa_bits()));
    }
    if (const std::uint64_t reserved = entries(TreeEntryKind::reserved); reserved != 0) {
        notes.push_back(fmt::format("reserved descriptors, which are invalid: {}", reserved));
    }
    if (sum.broken_contiguous != 0) {
        notes.push_back(fmt::format("the Contiguous bit is set in only some entries of {}",
                                    counted(sum.broken_contiguous, "aligned run")));
    }
    if (sum.misplaced_contiguous != 0) {
        notes.push_back(fmt::format("contiguous leaves whose address is not that of their place in "
                                    "the run: {}; the CPU takes the place's",
                                    sum.misplaced_contiguous));
    }
    return outcome;
}

} // namespace twofold::tool
