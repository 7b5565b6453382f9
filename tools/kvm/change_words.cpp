// SPDX-License-Identifier: MIT
// A change as text and as JSON.
#include "tools/kvm/kvm_words.hpp"
#include "tools/text/columns.hpp"
#include "tools/text/size.hpp"
#include "tools/walk/leaf_words.hpp"

#include <fmt/format.h>

namespace twofold::tool {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_lines = 20;

std::string_view kind_name(KvmChangeKind kind) {
    switch (kind) {
    case KvmChangeKind::mapped:
        return "mapped";
    case KvmChangeKind::unmapped:
        return "unmapped";
    case KvmChangeKind::split:
        return "split";
    case KvmChangeKind::collapsed:
        return "collapsed";
    case KvmChangeKind::permissions:
        return "permissions";
    case KvmChangeKind::accessed:
        return "accessed";
    case KvmChangeKind::aged:
        return "aged";
    }
    return "";
}

std::string state_words(const KvmRun& run, const KvmFigures& figures) {
    return run.leaf
               ? fmt::format("{} {}{}", size_words(figures.size_of(run.level)),
                             permission_words(run.permissions), run.access_flag ? "" : ", AF clear")
               : "-";
}

Json state_json(const KvmRun& run) {
    if (!run.leaf) {
        return nullptr;
    }
    return {{"level", run.level},
            {"permissions", permission_words(run.permissions)},
            {"access_flag", run.access_flag}};
}

} // namespace

std::string change_text(const KvmChange& change, const KvmFigures& figures) {
    if (!change.any()) {
        return "  changes: none\n";
    }
    std::string text = "  changes:\n";
    Columns sum{{Align::left, Align::right, Align::left}};
    for (const auto& [kind, part] : change.sum) {
        sum.add({std::string{kind_name(kind)}, size_words(part.bytes),
                 fmt::format("in {}", counted(part.runs, "run"))});
    }
    const auto add = [&sum](const char* words, std::uint64_t bytes) {
        if (bytes != 0) {
            sum.add({words, size_words(bytes), ""});
        }
    };
    add("write taken away", change.write_lost);
    add("write given", change.write_gained);
    add("execution taken away", change.execute_lost);
    add("execution given", change.execute_gained);
    text += sum.text(4);
    Columns runs{{Align::left, Align::right, Align::left, Align::left}};
    const std::size_t shown = std::min(change.runs.size(), most_lines);
    for (std::size_t i = 0; i < shown; ++i) {
        const KvmChangedRun& run = change.runs[i];
        runs.add({fmt::format("{:#x}-{:#x}", run.start.value, run.end.value),
                  size_words(run.end - run.start), std::string{kind_name(run.kind)},
                  fmt::format("{} to {}", state_words(run.before, figures),
                              state_words(run.after, figures))});
    }
    text += runs.text(4);
    const std::uint64_t more = change.runs.size() - shown + change.more_runs;
    text += more == 0 ? "" : fmt::format("    and {} more\n", more);
    if (change.beyond_known) {
        text += fmt::format("    what is behind {:#x} is not in one of the dumps, and taken as not "
                            "mapped there\n",
                            change.known_to);
    }
    return text;
}

nlohmann::ordered_json change_json(const KvmChange& change) {
    Json sum = Json::object();
    for (const auto& [kind, part] : change.sum) {
        sum[std::string{kind_name(kind)}] = {{"bytes", part.bytes}, {"runs", part.runs}};
    }
    Json runs = Json::array();
    for (const KvmChangedRun& run : change.runs) {
        runs.push_back({{"kind", kind_name(run.kind)},
                        {"start", fmt::format("{:#x}", run.start.value)},
                        {"size", run.end - run.start},
                        {"before", state_json(run.before)},
                        {"after", state_json(run.after)}});
    }
    return {{"sum", sum},
            {"write_lost_bytes", change.write_lost},
            {"write_gained_bytes", change.write_gained},
            {"execute_lost_bytes", change.execute_lost},
            {"execute_gained_bytes", change.execute_gained},
            {"runs", runs},
            {"more_runs", change.more_runs},
            {"known_to", fmt::format("{:#x}", change.known_to)}};
}

} // namespace twofold::tool
