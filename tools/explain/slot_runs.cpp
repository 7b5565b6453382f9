// SPDX-License-Identifier: MIT
// A slot as runs. choose_leaf decides about one fault; the walk asks it only where its answer can
// change:
//
//   the next larger size S is refused                        the same answer holds for
//   for a reason of the place (an end of slot or memory)     all mappings in this block of S
//   for any other                                            all blocks of S inside slot and memory
//
// because each rule looks at nothing but the block's two ends, at what is the same in all of one
// extent, and at the policy. Memory in equal pieces repeats itself after the least common multiple
// of a piece and of the next larger block, so that two periods stand for all.
#include "tools/explain/slot_runs.hpp"

#include <twofold/arch/address.hpp>

#include <algorithm>
#include <numeric>

namespace twofold::tool {

namespace {

bool is_place(LimitedBy reason) {
    return reason == LimitedBy::slot_start || reason == LimitedBy::slot_end ||
           reason == LimitedBy::extent_start || reason == LimitedBy::extent_end ||
           reason == LimitedBy::attributes;
}

// Whether memory begins or ends inside a block depends on which block it is.
LimitedBy kind_of(LimitedBy reason) {
    return reason == LimitedBy::extent_end ? LimitedBy::extent_start : reason;
}

class RunWalk {
public:
    RunWalk(const Scenario& scenario, const GuestSlot& slot, TableCounter& tables)
        : scenario_{scenario},
          geometry_{scenario.geometry},
          slot_{slot},
          tables_{tables} {}

    SlotRuns walk() {
        at_ = slot_.range.start;
        while (at_ < slot_.range.end()) {
            if (slot_.pa && slot_.piece != 0 && !repeated_) {
                repeat();
            }
            if (at_ < slot_.range.end()) {
                step();
            }
        }
        close();
        return std::move(result_);
    }

private:
    std::uint64_t page() const { return geometry_.page_size(); }

    void step() {
        const Ipa memory = slot_.next_memory(at_);
        const Ipa page_of_memory = memory.align_down(page());
        if (page_of_memory > at_) {
            add({.ipa = at_, .length = page_of_memory - at_, .backed = false});
            return;
        }
        // The memory may begin inside the page.
        const MappingRequest request = *scenario_.request(slot_, memory);
        if (const auto mapping = choose_leaf(geometry_, request)) {
            mapped(request, *mapping);
        } else {
            not_mapped(request, mapping.error());
        }
    }

    // Of what no answer reaches beyond.
    Ipa end_of(const MappingRequest& request) const {
        const Ipa end = std::min(slot_.range.end(), request.extent.end());
        return request.attributes.length == 0 ? end : std::min(end, request.attributes.end());
    }

    void mapped(const MappingRequest& request, const ChosenMapping& mapping) {
        const std::uint64_t end = end_of(request).value;
        // Blocks of this size that are inside end here.
        std::uint64_t until = align_down(end, mapping.size);
        SizeLimit limit{.size = mapping.size};
        const Level level = *geometry_.level_of(mapping.size);
        if (mapping.limited_by != LimitedBy::nothing) {
            limit = mapping_rules::check_level(geometry_, request, level - 1);
            const std::uint64_t block = align_down(at_.value, limit.size);
            const std::uint64_t block_end = block + limit.size;
            const std::uint64_t whole_blocks = align_down(end, limit.size);
            const bool to_block_end = is_place(limit.reason) || whole_blocks <= block_end;
            until = std::min(until, to_block_end ? block_end : whole_blocks);
        }
        add({.ipa = mapping.ipa,
             .length = until - mapping.ipa.value,
             .pa = mapping.pa,
             .size = mapping.size,
             .limit = limit});
    }

    void not_mapped(const MappingRequest& request, LimitedBy reason) {
        const SizeLimit limit = mapping_rules::check_level(geometry_, request, page_level);
        // What is wrong with the memory as a whole is wrong with each of its pages.
        const Ipa end = slot_.pa && slot_.parts.empty()
                            ? slot_.range.end()
                            : std::min(slot_.range.end(), end_of(request).align_up(page()));
        const Ipa until = is_place(reason) ? at_ + page() : end;
        add({.ipa = at_, .length = until - at_, .limit = limit});
    }

    void add(const MappedRun& run) {
        at_ = run.ipa + run.length;
        result_.bytes[run.size][kind_of(run.limit.reason)] += run.length;
        if (run.size != 0) {
            tables_.add(run.ipa, run.length, *geometry_.level_of(run.size));
        }
        const bool joins = open_.length != 0 && run.size == open_.size &&
                           run.backed == open_.backed &&
                           kind_of(run.limit.reason) == kind_of(open_.limit.reason) &&
                           open_.ipa + open_.length == run.ipa &&
                           (run.size == 0 || open_.pa + open_.length == run.pa);
        if (joins) {
            open_.length += run.length;
            return;
        }
        close();
        open_ = run;
    }

    void close() {
        if (open_.length == 0) {
            return;
        }
        if (result_.runs.size() < SlotRuns::most_runs && result_.left_out == 0) {
            result_.runs.push_back(open_);
        } else {
            ++result_.left_out;
        }
        ++count_;
        open_.length = 0;
    }

    // Two periods step by step, the second of which is like all that follow, and then those at
    // once.
    void repeat() {
        const std::uint64_t larger = block_above(slot_.piece);
        const std::uint64_t end = align_down(slot_.range.end().value, larger);
        const std::uint64_t common = std::gcd(slot_.piece, larger);
        const std::uint64_t times_larger = slot_.piece / common;
        if (times_larger > end / larger) {
            repeated_ = true; // one period is more than the slot
            return;
        }
        const std::uint64_t period = times_larger * larger;
        const bool at_piece = (slot_.pa->value + (at_ - slot_.range.start)) % slot_.piece == 0;
        if (!at_piece || at_.value < align_up(slot_.range.start.value, larger)) {
            return;
        }
        repeated_ = true;
        if (at_.value >= end || (end - at_.value) / period < 4) {
            return;
        }
        const Ipa first = at_;
        walk_to(first + period);
        const SlotRuns before = counts();
        const TableCounter tables_before = tables_;
        const std::uint64_t runs_before = count_;
        const std::uint64_t open_before = open_.length;
        walk_to(first + 2 * period);
        const std::uint64_t times = (end - at_.value) / period;
        for (auto& [size, reasons] : result_.bytes) {
            for (auto& [reason, bytes] : reasons) {
                bytes += (bytes - before_bytes(before, size, reason)) * times;
            }
        }
        tables_.repeat(tables_before, period, larger, times);
        const std::uint64_t runs = count_ - runs_before;
        if (runs == 0) {
            open_.length += (open_.length - open_before) * times;
        } else {
            skip_runs(runs * times);
            open_.ipa += period * times;
            open_.pa += period * times;
        }
        at_ += period * times;
    }

    // The run that is open now is the last of the period; what is skipped begins with it.
    void skip_runs(std::uint64_t runs) {
        const std::uint64_t length = open_.length;
        const MappedRun last = open_;
        close();
        result_.left_out += runs - 1;
        open_ = last;
        open_.length = length;
    }

    void walk_to(Ipa end) {
        while (at_ < end) {
            step();
        }
    }
    SlotRuns counts() const {
        SlotRuns copy;
        copy.bytes = result_.bytes;
        return copy;
    }
    static std::uint64_t before_bytes(const SlotRuns& before, std::uint64_t size,
                                      LimitedBy reason) {
        const auto reasons = before.bytes.find(size);
        if (reasons == before.bytes.end()) {
            return 0;
        }
        const auto found = reasons->second.find(reason);
        return found == reasons->second.end() ? 0 : found->second;
    }

    // The smallest size that a piece cannot hold, or the largest there is.
    std::uint64_t block_above(std::uint64_t piece) const {
        Level level = page_level;
        while (level > geometry_.format_top_level() && geometry_.entry_size(level) <= piece) {
            --level;
        }
        return geometry_.entry_size(level);
    }

    const Scenario& scenario_;
    const Geometry& geometry_;
    const GuestSlot& slot_;
    TableCounter& tables_;
    SlotRuns result_;
    MappedRun open_ = {};
    std::uint64_t count_ = 0; // of runs that are closed
    bool repeated_ = false;
    Ipa at_ = {};
};

} // namespace

std::uint64_t SlotRuns::bytes_of(std::uint64_t size) const {
    std::uint64_t all = 0;
    if (const auto found = bytes.find(size); found != bytes.end()) {
        for (const auto& [reason, part] : found->second) {
            all += part;
        }
    }
    return all;
}

std::uint64_t SlotRuns::bytes_from(std::uint64_t size) const {
    std::uint64_t all = 0;
    for (auto row = bytes.lower_bound(std::max<std::uint64_t>(size, 1)); row != bytes.end();
         ++row) {
        all += bytes_of(row->first);
    }
    return all;
}

SlotRuns find_runs(const Scenario& scenario, const GuestSlot& slot, TableCounter& tables) {
    return RunWalk{scenario, slot, tables}.walk();
}

} // namespace twofold::tool
