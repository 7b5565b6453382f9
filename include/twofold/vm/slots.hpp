// SPDX-License-Identifier: MIT
// Slots: the memory slots of one guest, sorted by address, in storage of the embedder.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/vm/slot.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace twofold {

// Why a slot is not as it was asked to be; `other`: the lowest slot in the way, of slot_overlaps.
struct SlotRefusal {
    Error rule = {};
    IpaSpan other = {};

    constexpr bool operator==(const SlotRefusal&) const = default;
};

// Finding is O(log n) and may run on many CPUs at once; all else moves neighbours, and is for slots
// that nobody looks at (SlotVersions). What is refused has changed nothing.
class Slots {
public:
    constexpr Slots(const Geometry& geometry, std::span<Slot> storage)
        : storage_{storage},
          page_{geometry.page_size()},
          limit_{geometry.ipa_limit()} {}

    constexpr std::size_t size() const { return count_; }
    constexpr std::size_t capacity() const { return storage_.size(); }
    constexpr const Slot* begin() const { return storage_.data(); }
    constexpr const Slot* end() const { return storage_.data() + count_; }

    // The slots of another, which has not more than there is room for.
    constexpr void copy(const Slots& other) {
        std::copy(other.begin(), other.end(), storage_.begin());
        count_ = other.count_;
    }

    // slot_misaligned, slot_wraps, slot_bitmap_short, slot_without_bitmap, slot_overlaps or
    // slot_limit.
    constexpr std::expected<void, SlotRefusal> add(const Slot& slot) {
        if (const auto refusal = check(slot)) {
            return std::unexpected(*refusal);
        }
        if (count_ == storage_.size()) {
            return std::unexpected(SlotRefusal{Error::slot_limit});
        }
        insert(slot);
        return {};
    }

    // The slot that was removed; slot_unknown if none starts there.
    constexpr std::expected<Slot, SlotRefusal> remove(Ipa start) {
        const Slot* slot = starting_at(start);
        if (slot == nullptr) {
            return std::unexpected(SlotRefusal{Error::slot_unknown});
        }
        const Slot removed = *slot;
        erase(slot);
        return removed;
    }

    // The same memory at `to`, or of another length from the same start on. Returns the range
    // before. slot_unknown, and as add(); it may overlap where it was.
    constexpr std::expected<IpaSpan, SlotRefusal> move(Ipa start, Ipa to) {
        const Slot* slot = starting_at(start);
        return slot == nullptr ? std::unexpected(SlotRefusal{Error::slot_unknown})
                               : change(slot, {to, slot->range.length});
    }
    constexpr std::expected<IpaSpan, SlotRefusal> resize(Ipa start, std::uint64_t length) {
        const Slot* slot = starting_at(start);
        return slot == nullptr ? std::unexpected(SlotRefusal{Error::slot_unknown})
                               : change(slot, {start, length});
    }

    // Returns the slot before. slot_unknown.
    constexpr std::expected<Slot, SlotRefusal> set_flags(Ipa start, bool writable,
                                                         bool dirty_logging) {
        const Slot* slot = starting_at(start);
        if (slot == nullptr) {
            return std::unexpected(SlotRefusal{Error::slot_unknown});
        }
        const Slot before = *slot;
        Slot& changed = storage_[index_of(slot)];
        changed.writable = writable;
        changed.dirty_logging = dirty_logging;
        return before;
    }

    constexpr const Slot* starting_at(Ipa start) const {
        const Slot* slot = find(start);
        return slot != nullptr && slot->range.start == start ? slot : nullptr;
    }
    constexpr const Slot* find(Ipa ipa) const {
        // The last one that begins at or below `ipa`, or the first.
        const Slot* at = begin();
        for (std::size_t left = count_; left > 1;) {
            const std::size_t half = left / 2;
            at += at[half].range.start <= ipa ? half : 0;
            left -= half;
        }
        return count_ != 0 && at->range.contains(ipa) ? at : nullptr;
    }

    // The lowest slot that shares a byte with the range, which must not wrap.
    constexpr const Slot* overlapping(const IpaSpan& range) const {
        const std::size_t at = first_ending_behind(range.start);
        return range.length != 0 && at != count_ && storage_[at].range.start < range.end()
                   ? &storage_[at]
                   : nullptr;
    }

private:
    // `self`: the slot that is to have this range, if it is there already.
    constexpr std::optional<SlotRefusal> check(const Slot& slot, const Slot* self = nullptr) const {
        const IpaSpan& range = slot.range;
        if (!range.start.is_aligned(page_) || !is_aligned(range.length, page_) ||
            range.length == 0) {
            return SlotRefusal{Error::slot_misaligned};
        }
        if (range.start.value >= limit_ || range.length > limit_ - range.start.value) {
            return SlotRefusal{Error::slot_wraps};
        }
        if (slot.dirty != nullptr && slot.dirty->pages() < range.length / page_) {
            return SlotRefusal{Error::slot_bitmap_short};
        }
        if (slot.dirty == nullptr && slot.by_hardware()) {
            return SlotRefusal{Error::slot_without_bitmap};
        }
        const Slot* other = overlapping(range);
        if (other != nullptr && other == self) {
            other = other + 1 != end() && other[1].range.start < range.end() ? other + 1 : nullptr;
        }
        return other != nullptr ? std::optional{SlotRefusal{Error::slot_overlaps, other->range}}
                                : std::nullopt;
    }
    constexpr std::expected<IpaSpan, SlotRefusal> change(const Slot* slot, const IpaSpan& range) {
        Slot changed = *slot;
        changed.range = range;
        if (const auto refusal = check(changed, slot)) {
            return std::unexpected(*refusal);
        }
        const IpaSpan before = slot->range;
        erase(slot);
        insert(changed);
        return before;
    }

    constexpr std::size_t index_of(const Slot* slot) const {
        return static_cast<std::size_t>(slot - begin());
    }
    constexpr void insert(const Slot& slot) {
        const std::size_t at = first_ending_behind(slot.range.start);
        for (std::size_t i = count_; i > at; --i) {
            storage_[i] = storage_[i - 1];
        }
        storage_[at] = slot;
        ++count_;
    }
    constexpr void erase(const Slot* slot) {
        for (std::size_t i = index_of(slot) + 1; i < count_; ++i) {
            storage_[i - 1] = storage_[i];
        }
        --count_;
        storage_[count_] = {};
    }

    // The lowest slot with a byte at or behind `ipa`; count_ if there is none.
    constexpr std::size_t first_ending_behind(Ipa ipa) const {
        std::size_t low = 0;
        std::size_t high = count_;
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (storage_[middle].range.end() <= ipa) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    std::span<Slot> storage_;
    std::uint64_t page_;
    std::uint64_t limit_;
    std::size_t count_ = 0;
};

} // namespace twofold
