// SPDX-License-Identifier: MIT
// Joining.
#include "tools/map/map_runs.hpp"

#include <twofold/arch/contiguous.hpp>

#include <utility>

namespace twofold::tool {

std::uint64_t MapRuns::group_bytes(Level level) const {
    return contiguous_entries(geometry_.granule(), level) * geometry_.entry_size(level);
}

MapRun MapRuns::run_of(const TreeEntry& entry) {
    MapRun run{.ipa = entry.ipa,
               .size = geometry_.entry_size(entry.level),
               .entries = 1,
               .level = entry.level,
               .kind = entry.kind,
               .descriptor = entry.descriptor,
               .pa = {},
               .contiguous = false,
               .in_range = true,
               .same_as = entry.same_as};
    if (entry.kind != TreeEntryKind::leaf) {
        return run;
    }
    const Pa output = format_.output(entry.descriptor, entry.level);
    run.pa = output;
    run.contiguous =
        entry.descriptor.contiguous() && contiguous_entries(geometry_.granule(), entry.level) > 1;
    if (run.contiguous) { // StageOA
        const std::uint64_t group = group_bytes(entry.level);
        run.pa = output.align_down(group) + entry.ipa.offset_in(group);
        sum_.misplaced_contiguous += run.pa != output ? 1 : 0;
    }
    run.in_range = geometry_.fits(run.pa, run.size);
    return run;
}

bool MapRuns::joins(const MapRun& entry) const {
    if (run_.entries == 0 || run_.kind != entry.kind || run_.level != entry.level) {
        return false;
    }
    switch (entry.kind) {
    case TreeEntryKind::leaf: {
        const std::uint64_t address = format_.address_mask(entry.level);
        return run_.pa + run_.size == entry.pa && run_.in_range == entry.in_range &&
               (run_.descriptor.value & ~address) == (entry.descriptor.value & ~address);
    }
    case TreeEntryKind::again:
        return run_.same_as == entry.same_as;
    default:
        return true;
    }
}

bool MapRuns::tell() {
    if (run_.entries == 0) {
        return true;
    }
    if (full()) {
        return false;
    }
    ++sum_.runs;
    MapSum::Part& part =
        run_.kind == TreeEntryKind::leaf ? sum_.leaves[run_.level] : sum_.others[run_.kind];
    part.bytes += run_.size;
    part.entries += run_.entries;
    if (run_.contiguous) {
        sum_.contiguous[run_.level].bytes += run_.size;
        sum_.contiguous[run_.level].entries += run_.entries;
    }
    sum_.beyond_output += run_.in_range ? 0 : run_.entries;
    return tell_(std::exchange(run_, {}));
}

void MapRuns::end_contiguous(Ipa end) {
    if (!in_contiguous_) {
        return;
    }
    in_contiguous_ = false;
    const std::uint64_t group = group_bytes(contiguous_level_);
    const bool head = !contiguous_start_.is_aligned(group);
    const bool tail = !end.is_aligned(group);
    const bool same = contiguous_start_.align_down(group) == end.align_down(group);
    sum_.broken_contiguous += head && tail && same ? 1U : (head ? 1U : 0U) + (tail ? 1U : 0U);
}

void MapRuns::follow_contiguous(const MapRun& entry) {
    if (in_contiguous_ && (!entry.contiguous || entry.level != contiguous_level_)) {
        end_contiguous(entry.ipa);
    }
    if (entry.contiguous && !in_contiguous_) {
        in_contiguous_ = true;
        contiguous_start_ = entry.ipa;
        contiguous_level_ = entry.level;
    }
}

bool MapRuns::visit(const TreeEntry& entry) {
    const MapRun next = run_of(entry);
    follow_contiguous(next);
    if (joins(next)) {
        run_.size += next.size;
        ++run_.entries;
        return true;
    }
    if (!tell()) {
        return false;
    }
    run_ = next;
    return true;
}

void MapRuns::finish() {
    end_contiguous(run_.ipa + run_.size);
    tell();
}

} // namespace twofold::tool
