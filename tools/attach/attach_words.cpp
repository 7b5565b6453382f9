// SPDX-License-Identifier: MIT
// Wording of what was seen.
#include "tools/attach/attach_words.hpp"

#include "tools/text/size.hpp"
#include "tools/walk/leaf_words.hpp"

#include <twofold/arch/vtcr.hpp>

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }
std::string register_hex(std::uint64_t value) { return fmt::format("{:#018x}", value); }

std::string run_words(const WatchedRun& run) {
    return fmt::format("PA {:#x} in {}, {}", run.pa.value, size_words(run.unit),
                       attribute_words(run.attributes));
}

// Only what differs is said twice.
std::string change_words(const RunChange& change) {
    switch (change.kind) {
    case WatchedChange::came:
        return run_words(*change.after);
    case WatchedChange::went:
        return run_words(*change.before);
    case WatchedChange::split:
    case WatchedChange::collapsed:
        if (change.before->attributes == change.after->attributes) {
            return fmt::format("from {} to {}", size_words(change.before->unit),
                               size_words(change.after->unit));
        }
        break;
    case WatchedChange::permissions:
    case WatchedChange::attributes:
        return fmt::format("{} -> {}", attribute_words(change.before->attributes),
                           attribute_words(change.after->attributes));
    case WatchedChange::moved:
        break;
    }
    return fmt::format("{} -> {}", run_words(*change.before), run_words(*change.after));
}

Json run_json(const std::optional<WatchedRun>& run) {
    if (!run) {
        return {};
    }
    return {{"pa", hex(run->pa.value)},
            {"unit", run->unit},
            {"attributes", attributes_json(run->attributes)}};
}

Json cpu_json(const LiveCpu& cpu) {
    return {{"cpu", cpu.number},
            {"stage2", cpu.stage2_is_on()},
            {"vmid", cpu.vmid()},
            {"vtcr", register_hex(cpu.registers.vtcr)},
            {"vttbr", register_hex(cpu.registers.vttbr)},
            {"hcr", register_hex(cpu.registers.hcr)},
            {"big_endian", cpu.registers.big_endian},
            {"id_registers", cpu.own_id}};
}

std::string open_ended(const Json& json) {
    std::string text = json.dump();
    text.pop_back();
    return text;
}

} // namespace

std::string moment_text(const WatchedMoment& moment) {
    std::string text = fmt::format(
        "{:>8.1f} s  VMID {} on {}: {} mapped{}\n", moment.seconds, moment.vmid,
        cpu_words(moment.cpus), size_words(moment.tree.bytes),
        moment.first             ? fmt::format(" in {}", counted(moment.tree.runs.size(), "run"))
        : moment.changes.empty() ? ", no change"
                                 : fmt::format(", {}", counted(moment.changes.size(), "change")));
    std::size_t told = 0;
    for (const RunChange& change : moment.changes) {
        if (told++ == most_changes_told) {
            text += fmt::format("    and {} more\n", moment.changes.size() - most_changes_told);
            break;
        }
        text += fmt::format("    {:<11}  {:#014x}-{:#014x}  {:>10}  {}\n", to_string(change.kind),
                            change.ipa.value, change.ipa.value + change.size,
                            size_words(change.size), change_words(change));
    }
    return text;
}

std::string moment_json(const WatchedMoment& moment) {
    Json changes = Json::array();
    for (const RunChange& change : moment.changes) {
        if (changes.size() == most_changes_told) {
            break;
        }
        changes.push_back({{"kind", to_string(change.kind)},
                           {"ipa", hex(change.ipa.value)},
                           {"size", change.size},
                           {"before", run_json(change.before)},
                           {"after", run_json(change.after)}});
    }
    const std::size_t more = moment.changes.size() - changes.size();
    const Json json{{"seconds", moment.seconds},
                    {"stopped_seconds", moment.stopped_seconds},
                    {"vmid", moment.vmid},
                    {"cpus", moment.cpus},
                    {"root", hex(moment.root.value)},
                    {"first", moment.first},
                    {"mapped_bytes", moment.tree.bytes},
                    {"runs", moment.tree.runs.size()},
                    {"complete", moment.tree.complete},
                    {"changes", std::move(changes)},
                    {"more_changes", more}};
    return json.dump() + '\n';
}

std::string stage2_words(const LiveStage2& stage2) {
    return fmt::format("VMID {} on {}", stage2.vmid, cpu_words(stage2.cpus));
}

std::vector<std::string> snapshot_notes(const Snapshot& snapshot) {
    std::vector<std::string> notes = snapshot.notes;
    std::vector<unsigned> off;
    std::vector<unsigned> without_table;
    for (const LiveCpu& cpu : snapshot.cpus) {
        if (!cpu.stage2_is_on()) {
            (cpu.has_table() ? off : without_table).push_back(cpu.number);
        }
        if (Vtcr::s2pie::is_set(cpu.registers.vtcr) && cpu.stage2_is_on()) {
            notes.push_back(
                fmt::format("CPU {}: VTCR_EL2.S2PIE: permissions are those of S2PIR_EL2 "
                            "as the gdbstub has it, or of 0",
                            cpu.number));
        }
    }
    for (const auto& [cpus, more] :
         {std::pair{&off, ""}, {&without_table, ", and VTTBR_EL2 has no table"}}) {
        if (!cpus->empty()) {
            notes.push_back(fmt::format("{}: stage 2 is off at this moment (HCR_EL2.VM){}",
                                        cpu_words(*cpus), more));
        }
    }
    return notes;
}

std::string snapshot_json_head(const Snapshot& snapshot) {
    Json cpus = Json::array();
    for (const LiveCpu& cpu : snapshot.cpus) {
        cpus.push_back(cpu_json(cpu));
    }
    return open_ended({{"running", snapshot.was_running},
                       {"stopped_seconds", snapshot.stopped_seconds},
                       {"cpus", std::move(cpus)},
                       {"notes", snapshot_notes(snapshot)}});
}

std::string stage2_json_head(const LiveStage2& stage2) {
    return open_ended({{"vmid", stage2.vmid}, {"cpus", stage2.cpus}});
}

std::string why_no_tables(const Regime& regime) {
    if (!regime.geometry()) {
        return fmt::format("VTCR_EL2: {}", to_string(regime.geometry().error()));
    }
    if (Vtcr::d128::is_set(regime.config().vtcr) && regime.config().d128) {
        return "VTCR_EL2.D128: 128-bit descriptors are not known here";
    }
    return "";
}

} // namespace twofold::tool
