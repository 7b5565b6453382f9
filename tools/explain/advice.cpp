// SPDX-License-Identifier: MIT
// Looking for a change that lets a size through: lift what choose_mapping names, ask again, until
// nothing is left in the way or there is nothing to lift.
#include "tools/explain/advice.hpp"

#include "tools/text/size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace twofold::tool {

namespace {

class Plan {
public:
    Plan(Scenario scenario, std::size_t slot, std::uint64_t size)
        : scenario_{std::move(scenario)},
          slot_{slot},
          size_{size} {}

    // Whether the size is possible somewhere in the slot by now.
    bool find() {
        for (unsigned tries = 0; tries < 8; ++tries) {
            const auto limit = limit_of_size();
            if (!limit) {
                return false;
            }
            if (limit->reason == LimitedBy::nothing) {
                return true;
            }
            if (!lift(*limit) || scenario_.settle()) {
                return false;
            }
        }
        return false;
    }
    // The slot and its memory from one block of the size to another.
    bool round() {
        IpaSpan& range = slot().range;
        const std::uint64_t head = range.start.offset_in(size_);
        const std::uint64_t tail = (size_ - range.end().offset_in(size_)) & (size_ - 1);
        if (!slot().pa || slot().pa->value < head || (head == 0 && tail == 0)) {
            return false;
        }
        range = {range.start - head, range.length + head + tail};
        slot().pa = *slot().pa - head;
        if (head != 0) {
            steps_.push_back(fmt::format("begin slot and memory {} lower, at {:#x}",
                                         size_words(head), range.start.value));
        }
        if (tail != 0) {
            steps_.push_back(
                fmt::format("end them {} higher, at {:#x}", size_words(tail), range.end().value));
        }
        return !scenario_.settle();
    }
    const std::vector<std::string>& steps() const { return steps_; }
    const Scenario& scenario() const { return scenario_; }

private:
    GuestSlot& slot() { return scenario_.slots[slot_]; }

    // At the first block that the slot holds; else at its start.
    std::optional<SizeLimit> limit_of_size() {
        const IpaSpan& range = slot().range;
        const Ipa block = range.start.align_up(size_);
        const bool inside = range.contains(block) && range.end() - block >= size_;
        const Ipa probe = slot().next_memory(inside ? block : range.start);
        const auto request = scenario_.request(slot(), probe);
        if (!request) {
            return std::nullopt;
        }
        const Geometry& geometry = scenario_.geometry;
        for (Level level = page_level; level >= -1; --level) {
            if (geometry.entry_size(level) == size_) {
                return mapping_rules::check_level(geometry, *request, level);
            }
        }
        return std::nullopt;
    }

    bool lift(const SizeLimit& limit) {
        switch (limit.reason) {
        case LimitedBy::geometry:
            return format() || input_size();
        case LimitedBy::slot_start:
        case LimitedBy::slot_end:
            return align_slot();
        case LimitedBy::misalignment:
            return align_memory(limit);
        case LimitedBy::extent_start:
        case LimitedBy::extent_end:
            return larger_pieces();
        case LimitedBy::dirty_logging:
            slot().dirty_logging = false;
            steps_.emplace_back("switch dirty logging off");
            return true;
        case LimitedBy::device:
            scenario_.device_cap = size_;
            steps_.push_back(fmt::format("allow {} for device memory", size_words(size_)));
            return true;
        case LimitedBy::cap:
            scenario_.policy.cap = size_;
            steps_.push_back(fmt::format("raise the cap to {}", size_words(size_)));
            return true;
        case LimitedBy::nested_stage2:
            scenario_.policy.nested_stage2 = size_;
            steps_.push_back(
                fmt::format("let the guest hypervisor map it with {}", size_words(size_)));
            return true;
        default:
            return false;
        }
    }

    // Blocks that only exist with LPA2.
    bool format() {
        const Geometry& geometry = scenario_.geometry;
        if (geometry.entry_size(geometry.format_top_level()) >= size_ || geometry.lpa2()) {
            return false;
        }
        GeometryRequest shape = scenario_.shape;
        shape.lpa2 = true;
        if (!scenario_.reshape(shape) ||
            scenario_.geometry.entry_size(scenario_.geometry.format_top_level()) < size_) {
            return false;
        }
        steps_.push_back(
            fmt::format("use LPA2 (VTCR_EL2.DS), which has blocks of {}", size_words(size_)));
        return true;
    }

    // A table that begins further up.
    bool input_size() {
        GeometryRequest shape = scenario_.shape;
        const bool by_level = begins_further_up(shape);
        shape = scenario_.shape;
        shape.initial_level.reset();
        for (++shape.ipa_bits; shape.ipa_bits <= 52; ++shape.ipa_bits) {
            Scenario other = scenario_;
            if (other.reshape(shape) && other.geometry.can_map(size_)) {
                scenario_ = other;
                steps_.push_back(fmt::format("IPA size {} or more gives a level that holds {}",
                                             shape.ipa_bits, size_words(size_)));
                if (by_level) {
                    steps_.back() += fmt::format(", and so does this one with initial level {}",
                                                 level_of(other.geometry));
                }
                return true;
            }
        }
        shape = scenario_.shape;
        if (by_level && begins_further_up(shape) && scenario_.reshape(shape)) {
            steps_.push_back(fmt::format("initial level {} holds {}", level_of(scenario_.geometry),
                                         size_words(size_)));
            return true;
        }
        return false;
    }
    Level level_of(const Geometry& geometry) const { return *geometry.level_of(size_); }
    // The same input size, from the level of the size on; the root has fewer entries then.
    bool begins_further_up(GeometryRequest& shape) const {
        for (Level level = scenario_.geometry.initial_level() - 1; level >= -1; --level) {
            shape.initial_level = level;
            const auto geometry = Geometry::make(scenario_.features, shape);
            if (geometry && geometry->can_map(size_) && geometry->level_of(size_) == level) {
                return true;
            }
        }
        return false;
    }

    // The slot holds no aligned block: the nearest place where it does.
    bool align_slot() {
        IpaSpan& range = slot().range;
        if (range.length < size_ || moved_) {
            return false;
        }
        const std::uint64_t down = range.start.offset_in(size_);
        return down != 0 && move_slot(size_ - down, down);
    }

    bool align_memory(const SizeLimit& limit) {
        const std::uint64_t up = (limit.allowed - limit.wanted) & (size_ - 1);
        if (!moved_ && is_aligned(up, scenario_.geometry.page_size())) {
            return move_slot(up, size_ - up);
        }
        // The memory follows the slot.
        const std::uint64_t by = (limit.wanted - limit.allowed) & (size_ - 1);
        if (slot().pa) {
            *slot().pa += by;
        }
        for (MemoryExtent& extent : slot().extents) {
            extent.pa += by;
        }
        steps_.push_back(fmt::format("take memory that begins {} higher, or as far into {}",
                                     size_words(by), size_words(size_)));
        return true;
    }

    // By the smaller of the two distances that is possible.
    bool move_slot(std::uint64_t up, std::uint64_t down) {
        moved_ = true;
        const Ipa start = slot().range.start;
        const bool can_go_down = down <= start.value && is_free(start - down);
        const bool can_go_up = is_free(start + up);
        if (!can_go_down && !can_go_up) {
            return false;
        }
        const bool goes_up = can_go_up && (!can_go_down || up <= down);
        slot().range.start = goes_up ? start + up : start - down;
        steps_.push_back(fmt::format("move the slot {} by {}, to {:#x}", goes_up ? "up" : "down",
                                     size_words(goes_up ? up : down), slot().range.start.value));
        // The order of slots stays: they do not overlap, and none is jumped over.
        return true;
    }
    bool is_free(Ipa start) {
        Scenario other = scenario_;
        other.slots[slot_].range.start = start;
        return !other.settle() && other.slots[slot_].range.start == start;
    }

    bool larger_pieces() {
        if (!slot().pa || slot().piece == 0 || slot().piece >= size_) {
            return false;
        }
        slot().piece = size_;
        steps_.push_back(fmt::format("hand the memory out in pieces of {}", size_words(size_)));
        return true;
    }

    Scenario scenario_;
    std::size_t slot_;
    std::uint64_t size_;
    std::vector<std::string> steps_;
    bool moved_ = false;
};

// What the changed scenario makes of the slot, if it is more than now.
void try_plan(const Plan& plan, std::size_t slot, std::uint64_t size, const SlotRuns& now,
              std::vector<Advice>& all) {
    TableCounter tables{plan.scenario().geometry};
    const SlotRuns then = find_runs(plan.scenario(), plan.scenario().slots[slot], tables);
    Advice advice{.size = size,
                  .steps = plan.steps(),
                  .bytes_before = now.bytes_from(size),
                  .bytes_after = then.bytes_from(size)};
    if (advice.bytes_after > advice.bytes_before) {
        all.push_back(std::move(advice));
    }
}

} // namespace

std::vector<Advice> advise(const Scenario& scenario, std::size_t slot, const SlotRuns& now) {
    std::vector<Advice> all;
    const Geometry& geometry = scenario.geometry;
    const Level top = geometry.granule() == Granule::k4 ? 0 : 1;
    for (Level level = page_level; level >= top; --level) {
        const std::uint64_t size = geometry.entry_size(level);
        Plan plan{scenario, slot, size};
        if (plan.find() && !plan.steps().empty()) {
            try_plan(plan, slot, size, now, all);
        } else if (Plan rounded{scenario, slot, size};
                   now.largest() == size && size > geometry.page_size() && rounded.round()) {
            try_plan(rounded, slot, size, now, all);
        }
    }
    return all;
}

} // namespace twofold::tool
