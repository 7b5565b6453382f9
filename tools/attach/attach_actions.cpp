// SPDX-License-Identifier: MIT
// The machine is asked while it stands still, and answered for when it runs on: a slow reader of
// our output holds nobody up.
#include "tools/attach/attach_actions.hpp"

#include "tools/attach/attach_words.hpp"
#include "tools/command.hpp"

#include <fmt/format.h>

#include <map>
#include <tuple>

namespace twofold::tool {

namespace {

int fail_to_look(const LiveMachine& machine, const std::string& reason) {
    return fail(machine.was_bad_input() ? exit_status::bad_input : exit_status::no, reason);
}

void warn_all(const std::vector<std::string>& notes) {
    for (const std::string& note : notes) {
        warn(note);
    }
}

// Reads what a walk over the whole tree needs.
class Passing : public TreeVisitor {
public:
    bool visit(const TreeEntry&) override { return true; }
};

void read_tree(const LiveStage2& stage2, LiveMemory& memory, const MapLimits& limits) {
    if (why_no_tables(stage2.regime).empty()) {
        Passing passing;
        visit_tree(stage2.regime, memory, passing, limits.tables);
    }
}

// Says so if there is nothing to tell; an empty list in JSON speaks for itself.
int status_of(const Snapshot& snapshot, int status) {
    return status == exit_status::yes && snapshot.stage2.empty()
               ? fail(exit_status::no, "no CPU that was asked for is in a stage 2 at this moment")
               : status;
}

} // namespace

int attach_map(LiveMachine& machine, MapFormat format, const MapLimits& limits) {
    auto snapshot = machine.look([&limits](const LiveStage2& stage2, LiveMemory& memory) {
        read_tree(stage2, memory, limits);
    });
    if (!snapshot) {
        return fail_to_look(machine, snapshot.error());
    }
    warn_all(snapshot_notes(*snapshot));
    const bool json = format == MapFormat::json;
    ResultStream out;
    out.put(json ? snapshot_json_head(*snapshot) + ",\"stage2\":[" : "");
    bool whole = true;
    bool first = true;
    std::vector<std::string> notes;
    for (const LiveStage2& stage2 : snapshot->stage2) {
        const std::string name = stage2_words(stage2);
        const std::string reason = why_no_tables(stage2.regime);
        if (json) {
            out.put(fmt::format("{}\n{},\"error\":{},\"map\":", first ? "" : ",",
                                stage2_json_head(stage2),
                                reason.empty() ? "null" : nlohmann::json(reason).dump()));
        } else if (format == MapFormat::text) {
            out.put(fmt::format("{}{}\n", first ? "" : "\n", name));
        }
        first = false;
        if (reason.empty()) {
            const MapOutcome outcome =
                write_map(stage2.regime, *snapshot->memory, format, limits, out);
            whole = whole && outcome.complete;
            for (const std::string& note : outcome.notes) {
                notes.push_back(fmt::format("{}: {}", name, note));
            }
        } else {
            out.put(json ? "null" : "");
            notes.push_back(fmt::format("{}: {}", name, reason));
            whole = false;
        }
        out.put(json ? "}" : "");
    }
    out.put(json ? "]}\n" : "");
    const int written = out.finish();
    warn_all(notes);
    return status_of(*snapshot, written == exit_status::yes && !whole ? exit_status::no : written);
}

int attach_walk(LiveMachine& machine, const WalkRequest& request, bool json) {
    auto snapshot = machine.look([&request](const LiveStage2& stage2, LiveMemory& memory) {
        [[maybe_unused]] const auto read = answer_walk(stage2.regime, memory, request);
    });
    if (!snapshot) {
        return fail_to_look(machine, snapshot.error());
    }
    warn_all(snapshot_notes(*snapshot));
    nlohmann::ordered_json walks = nlohmann::ordered_json::array();
    std::string text;
    bool all = true;
    std::vector<std::string> notes;
    for (const LiveStage2& stage2 : snapshot->stage2) {
        const auto answer = answer_walk(stage2.regime, *snapshot->memory, request);
        all = all && answer && answer->translated();
        if (!answer) {
            notes.push_back(fmt::format("{}: {}", stage2_words(stage2), answer.error()));
        }
        if (json) {
            walks.push_back(
                {{"vmid", stage2.vmid},
                 {"cpus", stage2.cpus},
                 {"error",
                  answer ? nlohmann::ordered_json() : nlohmann::ordered_json(answer.error())},
                 {"walk", answer ? walk_json(stage2.regime, *answer) : nlohmann::ordered_json()}});
        } else if (answer) {
            text += fmt::format("{}{}\n{}", text.empty() ? "" : "\n", stage2_words(stage2),
                                walk_text(stage2.regime, *answer));
        }
    }
    if (json) {
        auto document = nlohmann::ordered_json::parse(snapshot_json_head(*snapshot) + '}');
        document["stage2"] = std::move(walks);
        text = json_text(document);
    }
    const int printed = print_result(text);
    warn_all(notes);
    return status_of(*snapshot, printed == exit_status::yes && !all ? exit_status::no : printed);
}

int attach_watch(LiveMachine& machine, const WatchOptions& options, Interruption& interruption) {
    using Key = std::tuple<unsigned, std::uint64_t, std::uint64_t>; // VMID, root, VTCR_EL2
    // Of a stage 2 that is on no CPU at a moment, its last tree is what the next one is compared
    // to.
    constexpr std::size_t most_known = 1024;
    std::map<Key, WatchedTree> known;
    const auto start = Connection::Clock::now();
    auto next = start;
    std::vector<std::string> said;
    for (std::uint64_t looks = 0; !options.count || looks < *options.count; ++looks) {
        if (looks != 0) {
            next = std::max(next + options.interval, Connection::Clock::now());
            if (!interruption.sleep(std::chrono::ceil<std::chrono::milliseconds>(
                    next - Connection::Clock::now()))) {
                return exit_status::yes; // Ctrl-C is how it ends
            }
        }
        const double seconds =
            std::chrono::duration<double>(Connection::Clock::now() - start).count();
        auto snapshot = machine.look(
            [](const LiveStage2& stage2, LiveMemory& memory) { read_tree(stage2, memory, {}); });
        if (!snapshot) {
            return interruption.asked() && snapshot.error().ends_with("interrupted")
                       ? exit_status::yes
                       : fail_to_look(machine, snapshot.error());
        }
        std::vector<std::string> notes = snapshot_notes(*snapshot);
        ResultStream out;
        for (const LiveStage2& stage2 : snapshot->stage2) {
            if (const std::string reason = why_no_tables(stage2.regime); !reason.empty()) {
                notes.push_back(fmt::format("{}: {}", stage2_words(stage2), reason));
                continue;
            }
            const Pa root = stage2.regime.root();
            const Key key{stage2.vmid, root.value, stage2.registers.vtcr};
            if (known.size() == most_known && !known.contains(key)) {
                known.clear();
            }
            WatchedMoment moment{
                .seconds = seconds,
                .stopped_seconds = snapshot->stopped_seconds,
                .vmid = stage2.vmid,
                .cpus = stage2.cpus,
                .root = root,
                .first = !known.contains(key),
                .tree = watch_tree(stage2.regime, *snapshot->memory, options.most_runs),
                .changes = {}};
            if (!moment.first) {
                moment.changes = compare_trees(known[key], moment.tree);
            }
            out.put(options.json ? moment_json(moment) : moment_text(moment));
            known[key] = std::move(moment.tree);
        }
        if (const int written = out.finish(); written != exit_status::yes) {
            return written;
        }
        // What stays as it is is said once.
        if (notes != said) {
            warn_all(notes);
            said = std::move(notes);
        }
    }
    return known.empty() ? fail(exit_status::no, "no CPU was in a stage 2 when it was looked at")
                         : exit_status::yes;
}

} // namespace twofold::tool
