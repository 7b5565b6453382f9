// SPDX-License-Identifier: MIT
// Comparing two dumps.
#include "tools/kvm/kvm_change.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace twofold::tool {

namespace {

// The runs of a dump, with what is missing between them as not mapped.
class Cursor {
public:
    explicit Cursor(const KvmDump& dump) : dump_{dump} {}

    // What stands at `at`, which only ever grows, and up to where.
    std::pair<KvmRun, Ipa> at(Ipa at, Ipa limit) {
        while (next_ < dump_.runs.size() && dump_.runs[next_].end <= at) {
            ++next_;
        }
        if (next_ == dump_.runs.size()) {
            return {KvmRun{}, limit};
        }
        const KvmRun& run = dump_.runs[next_];
        return run.start <= at ? std::pair{run, std::min(run.end, limit)}
                               : std::pair{KvmRun{}, std::min(run.start, limit)};
    }

private:
    const KvmDump& dump_;
    std::size_t next_ = 0;
};

std::optional<KvmChangeKind> change_of(const KvmRun& before, const KvmRun& after) {
    if (!before.leaf || !after.leaf) {
        return before.leaf  ? std::optional{KvmChangeKind::unmapped}
               : after.leaf ? std::optional{KvmChangeKind::mapped}
                            : std::nullopt;
    }
    if (before.level != after.level) {
        return before.level < after.level ? KvmChangeKind::split : KvmChangeKind::collapsed;
    }
    if (before.permissions != after.permissions) {
        return KvmChangeKind::permissions;
    }
    if (before.access_flag != after.access_flag) {
        return after.access_flag ? KvmChangeKind::accessed : KvmChangeKind::aged;
    }
    return std::nullopt;
}

bool same_state(const KvmRun& a, const KvmRun& b) {
    return a.leaf == b.leaf && (!a.leaf || (a.level == b.level && a.permissions == b.permissions &&
                                            a.access_flag == b.access_flag));
}

void add_permissions(KvmChange& change, const KvmChangedRun& run) {
    if (!run.before.leaf || !run.after.leaf) {
        return;
    }
    const std::uint64_t bytes = run.end - run.start;
    const Permissions& before = run.before.permissions;
    const Permissions& after = run.after.permissions;
    change.write_lost += before.write && !after.write ? bytes : 0;
    change.write_gained += !before.write && after.write ? bytes : 0;
    change.execute_lost += before.execute() && !after.execute() ? bytes : 0;
    change.execute_gained += !before.execute() && after.execute() ? bytes : 0;
}

void add(KvmChange& change, const KvmChangedRun& run) {
    change.beyond_known = change.beyond_known || run.end.value > change.known_to;
    KvmChange::Part& part = change.sum[run.kind];
    part.bytes += run.end - run.start;
    ++part.runs;
    add_permissions(change, run);
    if (change.runs.size() < most_changed_runs) {
        change.runs.push_back(run);
    } else {
        ++change.more_runs;
    }
}

// Behind its last run nothing is known of a dump but, perhaps, what that run was.
Ipa known_end(const KvmDump& dump) {
    if (dump.last_run && !dump.last_run->leaf && dump.ipa_bits) {
        return Ipa{std::uint64_t{1} << *dump.ipa_bits};
    }
    return dump.runs.empty() ? Ipa{0} : dump.runs.back().end;
}

} // namespace

KvmChange kvm_change(const KvmDump& before, const KvmDump& after) {
    KvmChange change;
    // What was never printed is a hole in all but the strangest tables; but it is not known, so
    // what only one of the dumps has there is told as it looks.
    const Ipa limit = std::max(known_end(before), known_end(after));
    change.known_to = std::min(known_end(before), known_end(after)).value;
    Cursor old_runs{before};
    Cursor new_runs{after};
    std::optional<KvmChangedRun> open;
    for (Ipa at; at < limit;) {
        const auto [old_run, old_end] = old_runs.at(at, limit);
        const auto [new_run, new_end] = new_runs.at(at, limit);
        const Ipa end = std::min(old_end, new_end);
        const auto kind = change_of(old_run, new_run);
        if (open && kind && open->end == at && same_state(open->before, old_run) &&
            same_state(open->after, new_run)) {
            open->end = end;
        } else {
            if (open) {
                add(change, *open);
            }
            open = kind ? std::optional{KvmChangedRun{*kind, at, end, old_run, new_run}}
                        : std::nullopt;
        }
        at = end;
    }
    if (open) {
        add(change, *open);
    }
    return change;
}

} // namespace twofold::tool
