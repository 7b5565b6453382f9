// SPDX-License-Identifier: MIT
// Dumps run by run, and of all else what `twofold kvm` says.
#include "tools/report/kvm_report_source.hpp"

#include "tools/kvm/kvm_words.hpp"
#include "tools/report/json_source.hpp"
#include "tools/report/space_runs.hpp"
#include "tools/walk/leaf_words.hpp"

#include <algorithm>
#include <bit>

namespace twofold::tool {

namespace {

RunKind kind_of(const KvmRun& run, const KvmFigures& figures) {
    RunKind kind{.kind = run.leaf ? "leaf" : (run.invalid ? "invalid" : "hole"),
                 .level = run.level,
                 .entry_bytes = figures.size_of(run.level)};
    if (run.leaf) {
        kind.permissions = permission_words(run.permissions);
        kind.young = run.access_flag;
    }
    return kind;
}

// KVM never prints the last run. A dump with a garbled first line says what it was, and where it
// began a moment before.
void add_last_run(const KvmTableReport& report, const ReportSpace& space, SpaceRuns& runs) {
    const std::uint64_t from = report.figures.unknown_from;
    const std::uint64_t limit = std::uint64_t{1} << space.ipa_bits;
    if (!space.ipa_bits_certain || from >= limit) {
        return;
    }
    const auto& last = report.table->dump.last_run;
    RunKind kind{.kind = "unread", .words = "the last run, which KVM never prints"};
    if (last && last->start.value == from) {
        kind = kind_of(*last, report.figures);
        kind.words = "the last run, known from the dump's garbled first line";
    }
    runs.add({.ipa = from, .bytes = limit - from}, kind);
}

void add_space(const KvmTableReport& report, std::size_t source, std::uint64_t most_runs,
               ReportData& data) {
    const KvmDump& dump = report.table->dump;
    SpaceRuns runs{most_runs};
    for (const KvmRun& run : dump.runs) {
        runs.add({.ipa = run.start.value, .bytes = run.size()}, kind_of(run, report.figures));
    }
    ReportSpace space{.source = source,
                      .name = report.table->name(),
                      .granule = report.figures.granule,
                      .granule_certain = report.figures.granule_certain,
                      .ipa_bits_certain = dump.ipa_bits.has_value(),
                      .initial_level = dump.initial_level(),
                      .notes = dump_notes(report)};
    // The smallest space that KVM makes, or what all runs need.
    constexpr unsigned least_bits = 32;
    space.ipa_bits = std::min(
        dump.ipa_bits.value_or(std::max(least_bits, static_cast<unsigned>(std::bit_width(
                                                        runs.end() == 0 ? 0 : runs.end() - 1)))),
        most_address_bits);
    add_last_run(report, space, runs);
    data.mapped.push_back(runs.finish(space));
    data.spaces.push_back(std::move(space));
}

} // namespace

void add_kvm_source(const KvmSource& kvm, const std::string& name, std::uint64_t most_runs,
                    ReportData& data) {
    const std::size_t source = data.sources.size();
    data.sources.push_back({.name = name, .what = "KVM's debugfs and traces", .notes = kvm.notes});
    KvmReport traces;
    traces.traces = &kvm.traces;
    add_kvm_document(kvm_json(traces), data);
    std::uint64_t used = 0;
    for (const KvmTable& table : kvm.tables) {
        if (table.dump.has_pages) {
            add_space({&table, kvm_figures(table.dump, {}), {}}, source,
                      most_runs - std::min(used, most_runs), data);
            used += data.spaces.back().runs.size();
        }
    }
}

} // namespace twofold::tool
