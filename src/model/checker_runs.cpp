// SPDX-License-Identifier: MIT
// Contiguous runs: a TLB may cache all of a run from any of its entries, so these have to agree.
#include <twofold/model/checker.hpp>

namespace twofold::model {

void Checker::count_marked(const At& entry, std::uint64_t before, std::uint64_t after) {
    const auto marked = [&](std::uint64_t d) {
        return values_.is_leaf(d, entry.level) && CachedValues::contiguous(d);
    };
    TablePage& page = pages_[entry.page];
    if (marked(before) && page.marked != 0) {
        --page.marked;
    }
    if (marked(after)) {
        ++page.marked;
    }
}

// What the run that begins at `first` is like. Permissions and the hint itself may differ for a
// while, the rest never: entries that are valid are used side by side.
Checker::Run Checker::look_at_run(const At& first) const {
    const unsigned count = config_.geometry.contiguous_run(first.level);
    const std::uint64_t address = values_.address_mask(first.level);
    const auto entry = [&](unsigned i) { return load(first.address + 8ULL * i); };
    const auto marked = [&](std::uint64_t d) {
        return values_.is_leaf(d, first.level) && CachedValues::contiguous(d);
    };
    unsigned which = 0;
    while (which < count && !marked(entry(which))) {
        ++which;
    }
    if (which == count) {
        return {};
    }
    Run run{.state = RunState::even, .entry = which, .value = entry(which)};
    const std::uint64_t base = values_.output(run.value, first.level) - which * first.size;
    // A run that is dirty in one entry is dirty: the write bits of DBM leaves may differ.
    const std::uint64_t hint = 1ULL << 52;
    for (unsigned i = 0; i < count; ++i) {
        const std::uint64_t value = entry(i);
        const bool leaf = values_.is_leaf(value, first.level);
        RunState state = RunState::even;
        if (leaf && (values_.output(value, first.level) != base + i * first.size ||
                     (CachedValues::fixed(value ^ run.value) & ~(address | hint)) != 0)) {
            state = RunState::mismatch;
        } else if (!leaf || !CachedValues::contiguous(value)) {
            state = RunState::incomplete;
        } else {
            const unsigned differ = values_.grants(value) ^ values_.grants(run.value);
            const bool dirty = CachedValues::dirty_state(value & run.value);
            state = (dirty ? differ & ~2U : differ) != 0 ? RunState::uneven : RunState::even;
        }
        if (state > run.state) {
            run.state = state;
            run.entry = i;
            run.other = value;
        }
    }
    return run;
}

// After a change in a run. `at_once`: all of it was there from the start, so that it has to be
// right already.
void Checker::check_run(const At& entry, bool at_once) {
    const unsigned count = config_.geometry.contiguous_run(entry.level);
    if (count == 1) {
        return;
    }
    const At first = at(entry.page, entry.index - entry.index % count);
    const Run run = look_at_run(first);
    for (unsigned i = 0; i < open_run_count_; ++i) {
        if (open_runs_[i].page == entry.page && open_runs_[i].first == first.index) {
            open_runs_[i] = open_runs_[--open_run_count_];
            break;
        }
    }
    if (run.state == RunState::mismatch || (at_once && run.state == RunState::incomplete)) {
        report(run.state == RunState::mismatch ? Rule::contiguous_mismatch
                                               : Rule::contiguous_incomplete,
               at(entry.page, first.index + run.entry), run.value, run.other);
    } else if (run.state == RunState::incomplete || run.state == RunState::uneven) {
        open_run(first, run.state == RunState::incomplete);
    }
}

void Checker::open_run(const At& first, bool incomplete) {
    if (open_run_count_ == open_runs_.size()) {
        report(Rule::out_of_memory, first, 0, 0);
        return;
    }
    open_runs_[open_run_count_++] = {.page = first.page,
                                     .first = static_cast<std::uint16_t>(first.index),
                                     .cpu = event_.cpu,
                                     .incomplete = incomplete};
}

// Runs that were to be put right by now.
void Checker::close_runs(std::uint8_t cpu, bool all_cpus, bool settled) {
    for (unsigned i = 0; i < open_run_count_;) {
        const OpenRun open = open_runs_[i];
        if ((!all_cpus && open.cpu != cpu) || (!settled && !open.incomplete)) {
            ++i;
            continue;
        }
        open_runs_[i] = open_runs_[--open_run_count_];
        if (pages_[open.page].state != PageState::live) {
            continue;
        }
        const At first = at(open.page, open.first);
        const Run run = look_at_run(first);
        if (run.state == RunState::incomplete) {
            report(Rule::contiguous_incomplete, at(open.page, first.index + run.entry), run.value,
                   run.other);
        } else if (run.state == RunState::uneven && settled) {
            report(Rule::contiguous_mismatch, at(open.page, first.index + run.entry), run.value,
                   run.other);
        }
    }
}

} // namespace twofold::model
