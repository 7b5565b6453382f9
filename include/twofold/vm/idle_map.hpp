// SPDX-License-Identifier: MIT
// IdleMap: for how long the memory of a slot has not been used, a byte for each unit of it.
//
//   7 young    something accessed was found since the unit's last scan ended
//   6 mapped   something mapped was found since then
//   5:0 age    scans in a row that found nothing accessed, up to 62; 63: nothing was mapped
//
// A scan may stop anywhere, inside a unit too, and go on later or start again: what has been found
// is kept until the unit's scan ends, because looking for it has cleared it.
#pragma once

#include <twofold/arch/address.hpp>
#include <twofold/vm/choose_mapping.hpp>
#include <twofold/vm/idle_histogram.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace twofold {

// Belongs to one caller at a time.
class IdleMap {
public:
    static constexpr unsigned oldest = 62; // an age that grows no more

    // Bytes of storage for a slot of `length` bytes.
    static constexpr std::size_t bytes(std::uint64_t length, std::uint64_t unit) {
        return length / unit + (length % unit != 0 ? 1 : 0);
    }

    // `storage`: bytes(slot.length, unit) or more, which nobody else writes as long as this is
    // used. `unit`: in bytes, a multiple of the page; the last one of the slot may be smaller.
    // Nothing counts as mapped before the first scan. Traps if the storage is too small.
    constexpr IdleMap(std::span<std::uint8_t> storage, const IpaSpan& slot, std::uint64_t unit)
        : units_{storage.data()},
          count_{bytes(slot.length, unit)},
          slot_{slot},
          unit_{unit} {
        if (storage.size() < count_) {
            __builtin_trap();
        }
        std::fill_n(units_, count_, unmapped);
        histogram_.add(std::nullopt, slot.length);
    }

    constexpr const IpaSpan& slot() const { return slot_; }
    constexpr std::uint64_t unit() const { return unit_; }
    constexpr std::size_t units() const { return count_; }

    // Something in the range was accessed since the last scan, or is mapped and was not. Parts of
    // units count for the whole unit; what lies outside the slot is left out.
    constexpr void note_young(const IpaSpan& range) { note(range, young_bit); }
    constexpr void note_mapped(const IpaSpan& range) { note(range, mapped_bit); }
    constexpr bool is_noted_young(Ipa ipa) const {
        return (units_[index_of(ipa)] & young_bit) != 0;
    }

    // All of [from, to) has been looked at. Units that end in there get their age; a unit at the
    // end of it that goes on behind it keeps what was noted.
    constexpr void end_scan(Ipa from, Ipa to) {
        const std::uint64_t first = offset_of(from) / unit_;
        const std::uint64_t end = to >= slot_.end() ? count_ : offset_of(to) / unit_;
        for (std::uint64_t i = first; i < end; ++i) {
            const std::uint8_t before = units_[i];
            const std::uint8_t after = aged(before);
            units_[i] = after;
            const auto was = static_cast<std::uint8_t>(before & age_mask);
            if (was != after) {
                const std::uint64_t size = bytes_of(i);
                histogram_.remove(age(was), size);
                histogram_.add(age(after), size);
            }
        }
    }

    // Of the unit around an IPA of the slot, as of the end of its last scan. Nothing: it was not
    // mapped.
    constexpr std::optional<unsigned> age_of(Ipa ipa) const {
        return age(units_[index_of(ipa)] & age_mask);
    }
    // Bytes of the slot by age.
    constexpr const IdleHistogram& histogram() const { return histogram_; }

private:
    static constexpr std::uint8_t young_bit = 0x80;
    static constexpr std::uint8_t mapped_bit = 0x40;
    static constexpr std::uint8_t age_mask = 0x3f;
    static constexpr std::uint8_t unmapped = 0x3f;

    static constexpr std::optional<unsigned> age(unsigned value) {
        return value == unmapped ? std::nullopt : std::optional{value};
    }
    static constexpr std::uint8_t aged(std::uint8_t unit) {
        if ((unit & young_bit) != 0) {
            return 0;
        }
        if ((unit & mapped_bit) == 0) {
            return unmapped;
        }
        const unsigned before = unit & age_mask;
        return static_cast<std::uint8_t>(before == unmapped ? 1 : std::min(before + 1, oldest));
    }

    constexpr std::uint64_t offset_of(Ipa ipa) const {
        return ipa <= slot_.start ? 0 : ipa - slot_.start;
    }
    constexpr std::size_t index_of(Ipa ipa) const { return (ipa - slot_.start) / unit_; }
    constexpr std::uint64_t bytes_of(std::uint64_t index) const {
        return std::min(unit_, slot_.length - index * unit_);
    }
    constexpr void note(const IpaSpan& range, std::uint8_t bits) {
        if (range.length == 0 || range.end() <= slot_.start || range.start >= slot_.end()) {
            return;
        }
        const std::uint64_t last = std::min(offset_of(range.end()), slot_.length) - 1;
        for (std::uint64_t i = offset_of(range.start) / unit_; i <= last / unit_; ++i) {
            units_[i] |= bits;
        }
    }

    std::uint8_t* units_;
    std::size_t count_;
    IpaSpan slot_;
    std::uint64_t unit_;
    IdleHistogram histogram_ = {};
};

} // namespace twofold
