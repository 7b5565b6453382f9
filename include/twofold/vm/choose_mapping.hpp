// SPDX-License-Identifier: MIT
// ChosenMapping: what to map for a fault. Its size is the largest on which the geometry, the slot,
// the extent, the alignment of IPA against PA and the policy agree, with the reason why not larger.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/vm/limited_by.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>

namespace twofold {

struct IpaSpan {
    Ipa start = {};
    std::uint64_t length = 0;

    constexpr Ipa end() const { return start + length; }
    constexpr bool contains(Ipa ipa) const {
        return ipa >= start && ipa.value - start.value < length;
    }
    constexpr bool operator==(const IpaSpan&) const = default;
};

// The largest sizes that are wanted. A page is always admitted, however small the limit.
struct MappingPolicy {
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

    bool dirty_logging = false; // single pages, so that a page is what gets dirty
    std::uint64_t device = unlimited;
    std::uint64_t cap = unlimited;
    std::uint64_t nested_stage2 = unlimited;
    std::uint64_t other_mappings = unlimited;

    constexpr bool operator==(const MappingPolicy&) const = default;
};

struct MappingRequest {
    Ipa fault = {}; // any byte of the page
    IpaSpan slot = {};
    // The memory with one run of PAs around the fault, and the PA of its first byte. Need be
    // neither a power of two nor aligned, and may reach beyond the slot.
    IpaSpan extent = {};
    Pa extent_pa = {};
    // The part of it around the fault that has one memory type and one set of permissions; it may
    // reach beyond slot and extent. Length 0: all of the extent.
    IpaSpan attributes = {};
    MappingPolicy policy = {};
};

struct ChosenMapping {
    Ipa ipa = {};
    Pa pa = {};
    std::uint64_t size = 0; // of one entry: a page or a block
    // Of the aligned run of such entries that the Contiguous bit could join, all of it in slot and
    // extent and with the same attributes; equal to `size` where there is none.
    std::uint64_t contiguous = 0;
    LimitedBy limited_by = LimitedBy::nothing; // what stopped the next larger size

    constexpr bool operator==(const ChosenMapping&) const = default;
};

// Why a size cannot be mapped, and the two values that disagree: the block's first, the rule's
// second. For misalignment the offsets of IPA and PA in a block of the size.
struct SizeLimit {
    std::uint64_t size = 0;
    LimitedBy reason = LimitedBy::nothing; // nothing: it can be mapped
    std::uint64_t wanted = 0;
    std::uint64_t allowed = 0;

    constexpr bool operator==(const SizeLimit&) const = default;
};

namespace mapping_rules {

// Every rule but the geometry, for the aligned block of `size` bytes around the fault.
[[gnu::always_inline]] constexpr SizeLimit check_block(const MappingRequest& request,
                                                       std::uint64_t page, std::uint64_t size) {
    const std::uint64_t start = align_down(request.fault.value, size);
    const auto stop = [&](LimitedBy reason, std::uint64_t wanted, std::uint64_t allowed) {
        return SizeLimit{size, reason, wanted, allowed};
    };
    // Written with distances, which cannot wrap once the start is known to be inside.
    const auto before = [&](const IpaSpan& range) { return start < range.start.value; };
    const auto behind = [&](const IpaSpan& range) {
        const std::uint64_t skipped = start - range.start.value;
        return skipped > range.length || size > range.length - skipped;
    };

    if (before(request.slot)) {
        return stop(LimitedBy::slot_start, start, request.slot.start.value);
    }
    if (behind(request.slot)) {
        return stop(LimitedBy::slot_end, start + size, request.slot.end().value);
    }
    const std::uint64_t ipa_offset = request.extent.start.offset_in(size);
    const std::uint64_t pa_offset = request.extent_pa.offset_in(size);
    if (ipa_offset != pa_offset) {
        return stop(LimitedBy::misalignment, ipa_offset, pa_offset);
    }
    if (before(request.extent)) {
        return stop(LimitedBy::extent_start, start, request.extent.start.value);
    }
    if (behind(request.extent)) {
        return stop(LimitedBy::extent_end, start + size, request.extent.end().value);
    }
    if (request.attributes.length != 0) {
        if (before(request.attributes)) {
            return stop(LimitedBy::attributes, start, request.attributes.start.value);
        }
        if (behind(request.attributes)) {
            return stop(LimitedBy::attributes, start + size, request.attributes.end().value);
        }
    }
    if (size > page) {
        const MappingPolicy& policy = request.policy;
        if (policy.dirty_logging) {
            return stop(LimitedBy::dirty_logging, size, page);
        }
        if (size > policy.device) {
            return stop(LimitedBy::device, size, policy.device);
        }
        if (size > policy.cap) {
            return stop(LimitedBy::cap, size, policy.cap);
        }
        if (size > policy.nested_stage2) {
            return stop(LimitedBy::nested_stage2, size, policy.nested_stage2);
        }
        if (size > policy.other_mappings) {
            return stop(LimitedBy::other_mappings, size, policy.other_mappings);
        }
    }
    return stop(LimitedBy::nothing, 0, 0);
}

[[gnu::always_inline]] constexpr SizeLimit check_level(const Geometry& geometry,
                                                       const MappingRequest& request, Level level) {
    const std::uint64_t size = geometry.entry_size(level);
    if (!geometry.leaf_allowed(level)) {
        return {size, LimitedBy::geometry, size, geometry.entry_size(geometry.top_leaf_level())};
    }
    if (!geometry.contains(request.fault)) {
        return {size, LimitedBy::geometry, request.fault.value, geometry.ipa_limit()};
    }
    return check_block(request, geometry.page_size(), size);
}

// What all of the rules but the geometry leave of the memory around a fault, for blocks of every
// size; which of them is in the way is check_block()'s to say.
class Room {
public:
    [[gnu::always_inline]] constexpr Room(const Geometry& geometry, const MappingRequest& request)
        : fault_{request.fault.value},
          differ_{request.extent.start.value ^ request.extent_pa.value} {
        const MappingPolicy& policy = request.policy;
        largest_ = std::min(std::min(policy.device, policy.cap),
                            std::min(policy.nested_stage2, policy.other_mappings));
        if (policy.dirty_logging || largest_ < geometry.page_size()) {
            largest_ = geometry.page_size();
        }
        cut(request.slot);
        cut(request.extent);
        if (request.attributes.length != 0) {
            cut(request.attributes);
        }
        if (!geometry.contains(request.fault)) {
            behind_ = 0;
        }
    }
    // For the aligned block of `size` bytes around the fault.
    [[gnu::always_inline]] constexpr bool holds(std::uint64_t size) const {
        const std::uint64_t offset = fault_ & (size - 1);
        return size <= largest_ && offset <= before_ && size - offset <= behind_ &&
               (differ_ & (size - 1)) == 0;
    }

private:
    constexpr void cut(const IpaSpan& range) {
        const std::uint64_t skipped = fault_ - range.start.value;
        before_ = std::min(before_, skipped);
        behind_ = std::min(behind_, range.contains(Ipa{fault_}) ? range.length - skipped : 0);
    }

    std::uint64_t fault_;
    std::uint64_t differ_; // bits in which IPA and PA are not the same
    std::uint64_t largest_ = 0;
    std::uint64_t before_ = ~std::uint64_t{0}; // bytes before the fault
    std::uint64_t behind_ = ~std::uint64_t{0}; // bytes from the fault on
};

} // namespace mapping_rules

// The mapping for a fault, whatever the Contiguous bit could do with it: its `contiguous` is its
// size. Where not even a page can be mapped, the reason: the fault is outside of slot, extent or
// table, or the extent is too small or too crooked for the granule.
[[gnu::always_inline]] constexpr std::expected<ChosenMapping, LimitedBy>
choose_leaf(const Geometry& geometry, const MappingRequest& request) {
    const mapping_rules::Room room{geometry, request};
    // If a size is refused, so is every larger one: its block holds the smaller block.
    const Level top = geometry.format_top_level();
    Level level = page_level + 1;
    std::uint64_t next = geometry.page_size(); // the size of `level` - 1
    while (level > geometry.top_leaf_level() && room.holds(next)) {
        --level;
        next <<= geometry.index_bits();
    }
    const LimitedBy reason = level > top
                                 ? mapping_rules::check_level(geometry, request, level - 1).reason
                                 : LimitedBy::nothing;
    if (level > page_level) {
        return std::unexpected(reason);
    }
    const std::uint64_t size = next >> geometry.index_bits();
    const Ipa ipa = request.fault.align_down(size);
    return ChosenMapping{.ipa = ipa,
                         .pa = Pa{request.extent_pa.value + (ipa - request.extent.start)},
                         .size = size,
                         .contiguous = size,
                         .limited_by = reason};
}

// The same with the run of leaves around it.
constexpr std::expected<ChosenMapping, LimitedBy> choose_mapping(const Geometry& geometry,
                                                                 const MappingRequest& request) {
    auto mapping = choose_leaf(geometry, request);
    if (mapping) {
        const unsigned entries = geometry.contiguous_run(*geometry.level_of(mapping->size));
        const std::uint64_t run = mapping->size * entries;
        if (entries > 1 && mapping_rules::check_block(request, geometry.page_size(), run).reason ==
                               LimitedBy::nothing) {
            mapping->contiguous = run;
        }
    }
    return mapping;
}

// The answer for every leaf size of the descriptor format, from the page up.
class SizeLimits {
public:
    constexpr SizeLimits(const Geometry& geometry, const MappingRequest& request) {
        const Level top = geometry.format_top_level();
        for (Level level = page_level; level >= top; --level) {
            entries_[count_++] = mapping_rules::check_level(geometry, request, level);
        }
    }
    constexpr const SizeLimit* begin() const { return entries_.data(); }
    constexpr const SizeLimit* end() const { return entries_.data() + count_; }
    constexpr std::size_t size() const { return count_; }
    constexpr const SizeLimit& operator[](std::size_t i) const { return entries_[i]; }

private:
    std::array<SizeLimit, 4> entries_ = {}; // levels 0..3
    std::size_t count_ = 0;
};

} // namespace twofold
