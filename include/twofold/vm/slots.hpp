// SPDX-License-Identifier: MIT
// Slots: the memory slots of one guest, sorted by address, in storage of the embedder.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/arch/error.hpp>
#include <twofold/arch/geometry.hpp>
#include <twofold/vm/slot.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace twofold {

// Finding is O(log n) and may run on many CPUs at once; adding and removing move neighbours and
// need every fault of the guest to have finished.
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

    // slot_misaligned, slot_wraps, slot_overlaps (overlapping() tells which) or slot_limit.
    constexpr std::expected<void, Error> add(const Slot& slot) {
        const IpaSpan& range = slot.range;
        if (!range.start.is_aligned(page_) || !is_aligned(range.length, page_) ||
            range.length == 0) {
            return std::unexpected(Error::slot_misaligned);
        }
        if (range.start.value >= limit_ || range.length > limit_ - range.start.value) {
            return std::unexpected(Error::slot_wraps);
        }
        if (overlapping(range) != nullptr) {
            return std::unexpected(Error::slot_overlaps);
        }
        if (count_ == storage_.size()) {
            return std::unexpected(Error::slot_limit);
        }
        const std::size_t at = first_ending_behind(range.start);
        for (std::size_t i = count_; i > at; --i) {
            storage_[i] = storage_[i - 1];
        }
        storage_[at] = slot;
        ++count_;
        return {};
    }

    // The slot that was removed; slot_unknown if none starts there.
    constexpr std::expected<Slot, Error> remove(Ipa start) {
        const std::size_t at = first_ending_behind(start);
        if (at == count_ || storage_[at].range.start != start) {
            return std::unexpected(Error::slot_unknown);
        }
        const Slot removed = storage_[at];
        for (std::size_t i = at + 1; i < count_; ++i) {
            storage_[i - 1] = storage_[i];
        }
        --count_;
        storage_[count_] = {};
        return removed;
    }

    constexpr const Slot* find(Ipa ipa) const {
        const std::size_t at = first_ending_behind(ipa);
        return at != count_ && storage_[at].range.contains(ipa) ? &storage_[at] : nullptr;
    }

    // The lowest slot that shares a byte with the range, which must not wrap.
    constexpr const Slot* overlapping(const IpaSpan& range) const {
        const std::size_t at = first_ending_behind(range.start);
        return range.length != 0 && at != count_ && storage_[at].range.start < range.end()
                   ? &storage_[at]
                   : nullptr;
    }

private:
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
