// SPDX-License-Identifier: MIT
// A guest's memory, as choose_mapping is asked about it.
#include "tools/explain/scenario.hpp"

#include "tools/text/size.hpp"

#include <twofold/vm/memory_fault.hpp>
#include <twofold/vm/slots.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace twofold::tool {

namespace {

std::string range_words(const IpaSpan& range) {
    return fmt::format("{:#x}..{:#x}", range.start.value, range.end().value - 1);
}

std::optional<std::string> check_parts(const GuestSlot& slot) {
    std::uint64_t end = 0;
    for (const ExtentPart& part : slot.parts) {
        if (part.length == 0 || part.offset >= slot.range.length ||
            part.length > slot.range.length - part.offset) {
            return fmt::format("part: offset {:#x} and size {:#x} are not in the slot {}",
                               part.offset, part.length, range_words(slot.range));
        }
        if (part.offset < end) {
            return fmt::format("part: the one at offset {:#x} overlaps another", part.offset);
        }
        end = part.offset + part.length;
    }
    if (!slot.parts.empty() && slot.piece != 0) {
        return "part: not with memory that is handed out in pieces; give its extents one by one";
    }
    return std::nullopt;
}

std::optional<std::string> check_extents(const GuestSlot& slot) {
    std::uint64_t end = 0;
    for (const MemoryExtent& extent : slot.extents) {
        if (extent.length == 0 || extent.offset >= slot.range.length) {
            return fmt::format("extent: offset {:#x} and size {:#x} are not in the slot {}",
                               extent.offset, extent.length, range_words(slot.range));
        }
        if (extent.offset < end) {
            return fmt::format("extent: the one at offset {:#x} overlaps another", extent.offset);
        }
        if (extent.length > ~std::uint64_t{0} - extent.offset ||
            extent.length > ~std::uint64_t{0} - extent.pa.value) {
            return fmt::format("extent: its end is beyond 64 bits");
        }
        end = extent.offset + extent.length;
    }
    if (slot.pa && slot.range.length > ~std::uint64_t{0} - slot.pa->value) {
        return "slot: the end of its memory is beyond 64 bits";
    }
    return std::nullopt;
}

} // namespace

std::optional<MemoryExtent> GuestSlot::extent_at(Ipa ipa) const {
    const std::uint64_t offset = ipa - range.start;
    if (pa) {
        if (piece == 0) {
            return MemoryExtent{0, *pa, range.length, device};
        }
        // The first and the last may be cut by the slot.
        const std::uint64_t into = (pa->value + offset) % piece;
        const std::uint64_t start = into < offset ? offset - into : 0;
        const std::uint64_t left = piece - into;
        const std::uint64_t end = left < range.length - offset ? offset + left : range.length;
        return MemoryExtent{start, *pa + start, end - start, device};
    }
    const auto behind = std::ranges::upper_bound(extents, offset, {}, &MemoryExtent::offset);
    if (behind == extents.begin()) {
        return std::nullopt;
    }
    MemoryExtent found = *std::prev(behind);
    found.device = found.device || device;
    return offset - found.offset < found.length ? std::optional{found} : std::nullopt;
}

ExtentPart GuestSlot::uniform_at(Ipa ipa) const {
    if (parts.empty()) {
        return {};
    }
    const std::uint64_t offset = ipa - range.start;
    const auto behind = std::ranges::upper_bound(parts, offset, {}, &ExtentPart::offset);
    std::uint64_t start = 0;
    if (behind != parts.begin()) {
        const ExtentPart& before = *std::prev(behind);
        if (before.contains(offset)) {
            return before;
        }
        start = before.offset + before.length;
    }
    const std::uint64_t end = behind == parts.end() ? range.length : behind->offset;
    return {.offset = start, .length = end - start};
}

Ipa GuestSlot::next_memory(Ipa ipa) const {
    if (extent_at(ipa)) {
        return ipa;
    }
    const auto next =
        std::ranges::upper_bound(extents, ipa - range.start, {}, &MemoryExtent::offset);
    return next == extents.end() ? range.end() : range.start + next->offset;
}

const GuestSlot* Scenario::slot_at(Ipa ipa) const {
    const auto found = std::ranges::find_if(
        slots, [ipa](const GuestSlot& slot) { return slot.range.contains(ipa); });
    return found == slots.end() ? nullptr : &*found;
}

std::optional<MappingRequest> Scenario::request(const GuestSlot& slot, Ipa ipa) const {
    const auto memory = slot.extent_at(ipa);
    if (!memory) {
        return std::nullopt;
    }
    const Slot vm_slot{
        .range = slot.range, .writable = !slot.read_only, .dirty_logging = slot.dirty_logging};
    Extent extent{.offset = memory->offset,
                  .pa = memory->pa,
                  .length = memory->length,
                  .type = memory->device ? MemoryType::device_nGnRE : MemoryType::normal_wb,
                  .uniform = slot.uniform_at(ipa)};
    const MemoryFault fault{.ipa = ipa, .slot = &vm_slot};
    MappingRequest request =
        BackedFault{fault, extent}.request({.largest = policy.cap, .largest_device = device_cap});
    request.policy.nested_stage2 = policy.nested_stage2;
    return request;
}

std::optional<std::string> Scenario::settle() {
    std::ranges::sort(slots, {}, [](const GuestSlot& slot) { return slot.range.start; });
    std::vector<Slot> storage(slots.size());
    Slots all{geometry, storage};
    for (GuestSlot& slot : slots) {
        if (const auto added = all.add({.range = slot.range}); !added) {
            std::string text{to_string(added.error().rule)};
            text += fmt::format(": {:#x} and {}", slot.range.start.value,
                                size_words(slot.range.length));
            if (added.error().rule == Error::slot_overlaps) {
                text += " and " + range_words(added.error().other);
            }
            return text;
        }
        std::ranges::sort(slot.extents, {}, &MemoryExtent::offset);
        if (auto wrong = check_extents(slot)) {
            return wrong;
        }
        std::ranges::sort(slot.parts, {}, &ExtentPart::offset);
        if (auto wrong = check_parts(slot)) {
            return wrong;
        }
        if (slot.piece % geometry.page_size() != 0) {
            return fmt::format("extent: {} are not a multiple of the granule, {}",
                               size_words(slot.piece), size_words(geometry.page_size()));
        }
    }
    return std::nullopt;
}

bool Scenario::reshape(const GeometryRequest& other) {
    const auto changed = Geometry::make(features, other);
    if (!changed) {
        return false;
    }
    shape = other;
    geometry = *changed;
    return true;
}

} // namespace twofold::tool
